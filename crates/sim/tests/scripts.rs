//! The project's own scripts pass, and every mutant of them fails: a runner that cannot fail
//! would prove nothing.

use danja_sim::packetdrill::ast::Script;
use danja_sim::packetdrill::mutate::mutants;
use danja_sim::packetdrill::{Personality, Settings, Verdict, parse, run, suite};
use std::path::{Path, PathBuf};

fn settings(strict: bool) -> Settings {
    Settings { strict, seed: 1, ..Settings::default() }
}

fn scripts() -> Vec<(PathBuf, Script)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let files = suite::scripts(&[folder]).expect("the scripts are there");
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).expect("a script can be read");
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let script = parse(&name, &text, &suite::definitions(Personality::Linux));
        (file, script.unwrap_or_else(|error| panic!("{error}")))
    };
    files.into_iter().map(read).collect()
}

#[test]
fn our_scripts_pass_strictly() {
    let scripts = scripts();
    assert!(scripts.len() > 150, "only {} scripts were found", scripts.len());
    let mut failed = Vec::new();
    for (file, script) in &scripts {
        match run(script, &settings(true)) {
            Verdict::Pass => {}
            other => failed.push(format!("{}: {other:?}", file.display())),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_seed_does_not_matter() {
    for (file, script) in &scripts() {
        for seed in 2..6 {
            let settings = Settings { seed, ..settings(true) };
            assert_eq!(
                run(script, &settings),
                Verdict::Pass,
                "{} with seed {seed}",
                file.display()
            );
        }
    }
}

#[test]
fn every_mutant_fails() {
    let (mut count, mut survivors) = (0, Vec::new());
    for (file, script) in &scripts() {
        for mutant in mutants(script, Personality::Linux) {
            count += 1;
            if run(&mutant.script, &settings(mutant.strict)) == Verdict::Pass {
                survivors.push(format!("{}:{}: {}", file.display(), mutant.line, mutant.what));
            }
        }
    }
    assert!(count > 5_000, "only {count} mutants were made");
    assert!(
        survivors.is_empty(),
        "{} of {count} survive:\n{}",
        survivors.len(),
        survivors.join("\n")
    );
}

/// The table of `scripts/README.md`: states, and for each the scripts of each step.
fn map() -> Vec<(String, Vec<Vec<String>>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/README.md");
    let text = std::fs::read_to_string(path).expect("scripts/README.md");
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    let cell = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|');
        let state = cells.next().unwrap_or_default().trim().to_owned();
        (state, cells.map(cell).collect())
    })
    .collect()
}

#[test]
fn the_map_of_steps_is_true_and_full() {
    let map = map();
    assert_eq!(map.len(), 11, "a row for each state of RFC 9293");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let mut named: Vec<&String> =
        map.iter().flat_map(|(_, cells)| cells.iter().flatten()).collect();
    for name in &named {
        assert!(folder.join(format!("{name}.pkt")).is_file(), "{name} is named, and not there");
    }
    for (state, cells) in &map {
        assert!(cells.iter().all(|cell| !cell.is_empty()), "{state} has a step without a script");
    }
    named.sort();
    for file in suite::scripts(&[folder.join("arrival")]).expect("the scripts are there") {
        let name = format!("arrival/{}", file.file_stem().unwrap_or_default().to_string_lossy());
        assert!(named.binary_search(&&name).is_ok(), "{name} is not in the map");
    }
}
