//! What several test binaries use: namespaces, and skipping loudly.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod frames;
#[path = "../../../../tests/skip.rs"]
mod skip;

pub(crate) use skip::skip;
use std::io::Write;
use std::process::{Command, Output};

/// Set in a process that runs in a namespace of its own.
const INSIDE: &str = "DANJA_TEST_NAMESPACE";

/// Runs the body of `test` (its full name) in a network namespace of its own, as the root of it:
/// the test binary calls itself there. Skips where that is not permitted.
pub(crate) fn in_namespace(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        body();
        return;
    }
    let permitted = |flags: &&str| {
        let probe = Command::new("unshare").args([flags, "ip", "link", "show", "lo"]).output();
        probe.is_ok_and(|output| output.status.success())
    };
    let Some(flags) = ["-Urn", "-n"].iter().find(|flags| permitted(flags)) else {
        skip(
            test,
            "no network namespace: 'unshare -Urn' with 'ip' (iproute2) is not permitted or not there",
        );
        return;
    };
    let output = Command::new("unshare")
        .arg(flags)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "in the namespace:\n{stdout}\n{stderr}"
    );
    for line in stderr.lines().filter(|line| line.starts_with("SKIPPED: ")) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// Runs a command of words without blanks, which must succeed.
pub(crate) fn run(command: &str) -> Output {
    let mut words = command.split_whitespace();
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
