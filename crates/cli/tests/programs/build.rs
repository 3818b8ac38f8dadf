//! What the cells share: the sources of the programs of our own, and what is built of them once.

use crate::case::Case;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Fills `shared` with what `rows` need.
pub(crate) fn all(shared: &Path, rows: &[&Case]) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/sources");
    for entry in fs::read_dir(sources).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), shared.join(entry.file_name())).unwrap();
    }
    fs::write(shared.join("words"), "these are the words\n").unwrap();
    let needed = |program: &str| rows.iter().any(|case| case.needs.contains(&program));
    if needed("go") {
        // Static: no C library, its own system calls.
        for name in ["client", "server"] {
            let source = format!("go_{name}.go");
            let mut go = Command::new("go");
            go.args(["build", "-o", &format!("go_{name}"), &source]);
            go.env("CGO_ENABLED", "0").env("GOCACHE", shared.join("go-cache"));
            go.env("GO111MODULE", "off");
            succeed(go, shared);
        }
    }
    if needed("javac") {
        let mut javac = Command::new("javac");
        javac.args(["-d", "java", "Client.java", "Server.java"]);
        succeed(javac, shared);
    }
}

/// Runs a compiler.
fn succeed(mut command: Command, folder: &Path) {
    let output = command.current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
