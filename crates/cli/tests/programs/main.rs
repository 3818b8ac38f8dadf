//! Real, unmodified programs with their sockets on this stack: the table of docs/programs.md.
//!
//! A row is a program in use, a column a way to launch it, the kernel's own among them.
//! `DANJA_FULL=1` runs all of it, otherwise a few rows; `DANJA_UPDATE=1` writes the table;
//! `DANJA_PROGRAMS="curl;Go, static"` picks rows, `DANJA_COLUMNS="auto, user;tun, root"` columns;
//! `DANJA_TELL=1` tells on standard error what goes on, `DANJA_KEEP=1` keeps the folders of what
//! failed.

mod browser;
mod build;
mod case;
mod fetch;
mod languages;
mod measure;
mod remote;
mod servers;
#[path = "../../../../tests/skip.rs"]
mod skip;
mod table;
mod world;

use case::{Case, Column, Mode, Outcome};
use std::cmp::Reverse;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, thread};
use world::World;

/// The rows that run without `DANJA_FULL`.
const FEW: [&str; 2] = ["nginx", "rsync"];

/// All rows, in the table's order.
fn all() -> Vec<&'static Case> {
    let families = [
        fetch::CASES,
        languages::CASES,
        servers::CASES,
        remote::CASES,
        measure::CASES,
        browser::CASES,
    ];
    families.into_iter().flatten().collect()
}

/// Whether the list in the variable `name`, if there is one, has `word`.
fn chosen(name: &str, word: &str) -> Option<bool> {
    let list = env::var(name).ok()?;
    Some(list.split(';').any(|entry| entry.trim() == word))
}

fn rows() -> Vec<&'static Case> {
    let full = env::var_os("DANJA_FULL").is_some();
    let mut rows = all();
    rows.retain(|case| {
        let few = full || FEW.contains(&case.name);
        chosen("DANJA_PROGRAMS", case.name).unwrap_or(few)
    });
    rows
}

/// Runs `cells`, six at a time: most of them wait most of the time. The longest begin, so that no
/// long one is left at the end.
fn run(world: &World, cells: &[(&'static Case, Column)]) -> Vec<Outcome> {
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by_key(|&index| Reverse(cells[index].0.seconds));
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(vec![Outcome::Pass; cells.len()]);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&index) = order.get(turn) else { break };
                    let (case, column) = cells[index];
                    let outcome = world.cell(case, column);
                    outcomes.lock().unwrap()[index] = outcome;
                }
            });
        }
    });
    outcomes.into_inner().unwrap()
}

#[test]
fn programs_on_this_stack_as_the_table_says() {
    let test = "programs_on_this_stack_as_the_table_says";
    let world = World::new();
    if let Some(why) = world.refused() {
        return skip::skip(test, &why);
    }
    let mut cells = Vec::new();
    for case in rows() {
        let missing: Vec<&str> =
            case.needs.iter().copied().filter(|name| world::which(name).is_none()).collect();
        if !missing.is_empty() {
            skip::skip(test, &format!("{} needs {}", case.name, missing.join(", ")));
            continue;
        }
        for column in world.columns() {
            if chosen("DANJA_COLUMNS", &column.to_string()).unwrap_or(true) {
                cells.push((case, column));
            }
        }
    }
    build::all(world.shared(), &rows());
    let mut outcomes = run(&world, &cells);
    // A machine is busy at times: what fails unawaited is looked at once more, alone.
    let (mut differing, mut senseless) = (Vec::new(), Vec::new());
    let mut table = table::read();
    for (index, &(case, column)) in cells.iter().enumerate() {
        let stands = table.kind(case.name, column);
        let failed = matches!(outcomes[index], Outcome::Fail(_));
        if failed && stands.as_deref() != Some(&outcomes[index].kind()) {
            outcomes[index] = world.cell(case, column);
        }
        let outcome = &outcomes[index];
        // Better is no less a difference: a page that promises too little is not true either.
        let expected = stands.as_deref().unwrap_or("not run");
        if expected != outcome.kind() {
            differing
                .push(format!("{} | {column}: {outcome}, the table has {expected}", case.name));
        }
        if column.mode == Mode::Kernel && matches!(outcome, Outcome::Fail(_)) {
            senseless.push(format!("{} | {column}: {outcome}", case.name));
        }
        table.set(case, column, outcome);
    }
    if env::var_os("DANJA_UPDATE").is_some() {
        table.write(&all());
    } else {
        assert!(
            differing.is_empty(),
            "docs/programs.md says otherwise; where what it says should change, \
             DANJA_UPDATE=1 writes it anew:\n{}",
            differing.join("\n")
        );
    }
    let senseless = senseless.join("\n");
    assert!(senseless.is_empty(), "a row that fails on the kernel shows nothing:\n{senseless}");
}

#[test]
fn the_table_has_every_row_and_names_its_reasons() {
    let table = table::read();
    for case in all() {
        let begin = format!("\n| {} | {} |", case.name, case.does);
        assert!(table.text().contains(&begin), "{begin}");
        for column in Column::all() {
            assert!(table.kind(case.name, column).is_some(), "{} | {column}", case.name);
        }
    }
    for (reason, text) in case::Impossible::ALL {
        assert!(table.text().contains(&format!("- **{reason}**: {text}")), "{reason}");
    }
}
