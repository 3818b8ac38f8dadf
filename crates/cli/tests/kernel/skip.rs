//! What a test says when the machine does not let it run.

use std::fs;
use std::path::Path;

/// Says on one line that `test` is skipped and why.
///
/// # Panics
/// With `DANJA_REQUIRE=all`, unless `tests/allowed-skips.txt` names the test.
#[allow(clippy::print_stderr, reason = "a skipped test must be seen")]
pub(crate) fn skip(test: &str, why: &str) {
    let line = format!("SKIPPED: {test}: {why}");
    if std::env::var("DANJA_REQUIRE").is_ok_and(|required| required == "all") {
        let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/allowed-skips.txt");
        let list = fs::read_to_string(list).unwrap_or_default();
        let named = list.lines().any(|line| line.split(": ").next() == Some(test));
        assert!(named, "{line} (DANJA_REQUIRE=all, and tests/allowed-skips.txt does not name it)");
    }
    eprintln!("{line}");
}
