//! What a test says when the machine does not let it run. The packages' tests share this file.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Says on one line that `test` did not run and why, past the harness's capturing.
///
/// # Panics
/// With `DANJA_REQUIRE=all`, unless `tests/allowed-skips.txt` of the workspace has a line
/// `NAME: REASON` for it.
pub(crate) fn skip(test: &str, why: &str) {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/allowed-skips.txt");
    let list = fs::read_to_string(list).unwrap_or_default();
    let allowed = list.lines().any(|line| line.split(": ").next() == Some(test));
    let required = std::env::var("DANJA_REQUIRE").is_ok_and(|value| value == "all");
    assert!(!required || allowed, "{test} cannot run, and DANJA_REQUIRE=all: {why}");
    let _ = writeln!(io::stderr(), "SKIPPED: {test}: {why}");
}
