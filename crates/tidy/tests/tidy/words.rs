//! Words that are not left behind, and the line that every module begins with.

use danja_tidy::Project;

use crate::none;

/// Macros, attributes and marks of unfinished work; the last two are looked for in comments too.
const CODE: [&str; 4] = ["todo!", "unimplemented!", "dbg!", "#[ignore"];
const MARKS: [&str; 2] = [concat!("FIX", "ME"), concat!("XX", "X")];

/// Folders that belong to one machine.
const MACHINE: [&str; 4] = ["work", "farm", "root", "home"];

#[test]
fn nothing_is_left_unfinished() {
    let project = Project::read();
    let mut faults = Vec::new();
    for source in &project.sources {
        for word in CODE {
            let lines = source.lines_with(word);
            faults.extend(lines.map(|line| format!("{}:{line}: {word}", source.path)));
        }
        for (index, line) in source.text.lines().enumerate() {
            for mark in MARKS.iter().filter(|mark| line.contains(**mark)) {
                faults.push(format!("{}:{}: {mark}", source.path, index + 1));
            }
        }
    }
    none("unfinished work", &faults);
}

/// All but `foo/tests.rs`, which its name explains.
#[test]
fn every_module_says_what_it_is() {
    let project = Project::read();
    let faults: Vec<String> = project
        .sources
        .iter()
        .filter(|source| !source.path.ends_with("/tests.rs"))
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| format!("{}: its first line is not `//! …`", source.path))
        .collect();
    none("modules that do not say what they are", &faults);
}

#[test]
fn no_path_of_a_machine_is_named() {
    let project = Project::read();
    let mut faults = Vec::new();
    let rust = project.sources.iter().map(|source| (&source.path, &source.text));
    let texts = project.texts.iter().map(|(path, text)| (path, text));
    for (path, text) in rust.chain(texts.filter(|(path, _)| !path.ends_with(".lock"))) {
        for (index, line) in text.lines().enumerate() {
            if names_a_machine(line) {
                faults.push(format!("{path}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    none("paths of one machine", &faults);
}

fn names_a_machine(line: &str) -> bool {
    line.match_indices('/').any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let rest = &line[start + 1..];
        let begins = !before.is_some_and(|c| c.is_alphanumeric() || "_.-/".contains(c));
        begins
            && MACHINE
                .iter()
                .any(|folder| rest.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
    })
}

#[test]
fn the_words_themselves_are_found() {
    assert!(names_a_machine(concat!("cd /ro", "ot/x")));
    assert!(names_a_machine(concat!("\"/ho", "me/someone/x\"")));
    assert!(!names_a_machine("at https://host/home/page"));
    assert!(!names_a_machine("a/root/b"));
}
