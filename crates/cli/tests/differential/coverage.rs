//! Reads the table of edge cases in docs/testing.md: each test it names is there. Runs none.

use std::fs;
use std::path::Path;

/// The table's heading.
const HEADING: &str = "## Edge cases of a launched program";

/// Where tests are: what a name begins with, the folder, and what stands before and after its
/// last part there.
const PLACES: [(&str, &str, &str, &str); 3] = [
    ("run::", "crates/cli/tests/run", "fn ", "("),
    ("days::", "crates/cli/tests/differential", "fn ", "("),
    ("notify::", "crates/run/src/notify/tests", "fn ", "("),
];

/// Whether the workspace has the test: `script.case`, or `days::`, `run::FILE::` or
/// `notify::FILE::` and a function.
fn exists(name: &str, workspace: &Path) -> bool {
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    for (prefix, folder, before, after) in PLACES {
        if !name.starts_with(prefix) {
            continue;
        }
        let (file, function) = name.rsplit_once("::").unwrap();
        let file = file.rsplit("::").next().unwrap();
        let text = read(&workspace.join(folder).join(format!("{file}.rs")));
        return text.contains(&format!("#[test]\n{before}{function}{after}"));
    }
    let Some((script, case)) = name.split_once('.') else { return false };
    let folder = workspace.join("crates/cli/tests/differential/scripts");
    let has = |suffix: &str, text: String| {
        read(&folder.join(format!("{script}.{suffix}"))).contains(&text)
    };
    has("py", format!("@case\ndef {case}("))
        || has("c", format!("{{\"{case}\", {case}}}"))
        || has("go", format!("\"{case}\""))
}

#[test]
fn each_edge_case_has_its_test() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(workspace.join("docs/testing.md")).unwrap();
    let (_, table) = text.split_once(HEADING).unwrap();
    let table = table.split("\n## ").next().unwrap();
    let mut faults = String::new();
    let mut count = 0;
    for line in table.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let (case, tests) = line[2..].split_once(" | ").unwrap();
        if tests.starts_with("cannot be tested") {
            continue;
        }
        let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        count += names.len();
        if names.is_empty() {
            faults += &format!("{case}: no test\n");
        }
        for name in names {
            if !exists(name, &workspace) {
                faults += &format!("{case}: there is no test {name}\n");
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
    assert!(count > 100, "the table has {count} tests");
    assert!(!exists("connect.no_such_case", &workspace));
    assert!(!exists("run::manners::no_such_test", &workspace));
}
