//! The house's measure: files of at most 600 lines, functions of at most 80.

use danja_tidy::Project;

use crate::none;

const LINES: usize = 600;
const ARCHITECTURE_LINES: usize = 400;
const FUNCTION: &str = "too-many-lines-threshold = 80";

#[test]
fn no_file_is_longer_than_the_measure() {
    let project = Project::read();
    assert!(project.sources.len() > 20, "the Rust files were not found");
    let mut faults = Vec::new();
    for source in &project.sources {
        let lines = source.text.lines().count();
        if lines > LINES {
            faults.push(format!("{}: {lines} lines; is it one room or two?", source.path));
        }
    }
    let lines = project.text("ARCHITECTURE.md").lines().count();
    if !(1..=ARCHITECTURE_LINES).contains(&lines) {
        faults.push(format!("ARCHITECTURE.md: {lines} lines of at most {ARCHITECTURE_LINES}"));
    }
    none("files beyond the measure", &faults);
}

/// Clippy measures functions; this sees to it that it does so everywhere, with one threshold.
#[test]
fn the_measure_of_functions_is_on_everywhere() {
    let project = Project::read();
    let mut faults = Vec::new();
    let root = project.text("Cargo.toml");
    if !root.contains("too_many_lines = \"warn\"") {
        faults.push("Cargo.toml: [workspace.lints.clippy] lacks too_many_lines".into());
    }
    for package in &project.packages {
        let inherits = package.lints.get("workspace").and_then(|on| on.as_bool()) == Some(true);
        if !inherits {
            faults.push(format!("{}: [lints] workspace = true is missing", package.name));
        }
    }
    let settings = project.texts.iter().filter(|(path, _)| path.ends_with("clippy.toml"));
    for (path, text) in settings {
        if !text.contains(FUNCTION) {
            faults.push(format!("{path}: lacks {FUNCTION} (clippy reads only the nearest file)"));
        }
    }
    for source in &project.sources {
        for line in source.lines_with("too_many_lines") {
            faults.push(format!("{}:{line}: cut the function instead", source.path));
        }
    }
    none("functions may be beyond the measure", &faults);
}
