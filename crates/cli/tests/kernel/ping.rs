//! Echo requests both ways.

use crate::namespace::{KERNEL, Namespace, STACK};
use crate::program::Program;

#[test]
fn both_sides_answer_pings_small_and_large() {
    let Some(namespace) = Namespace::new("both_sides_answer_pings_small_and_large") else { return };
    // Ours asks; 60,000 bytes go in fragments both ways.
    for size in ["56", "60000"] {
        let finished = Program::run(namespace.danja(&["ping", KERNEL, "-c", "2", "-s", size]));
        let text = finished.text() + &finished.stderr;
        assert_eq!(finished.status.code(), Some(0), "{size} bytes: {text}");
        assert!(text.contains("2 received"), "{size} bytes: {text}");
    }
    // The kernel asks; any command of ours answers.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut server = Program::start(namespace.danja(&["serve", &folder.path().to_string_lossy()]));
    server.wait_for("serving");
    for size in ["56", "60000"] {
        let said = namespace.shell(&format!("ping -c 2 -i 0.2 -W 5 -s {size} {STACK}"));
        assert!(said.contains("2 received"), "{size} bytes: {said}");
    }
}

#[test]
fn silence_is_exit_code_one() {
    let Some(namespace) = Namespace::new("silence_is_exit_code_one") else { return };
    let finished = Program::run(namespace.danja(&["ping", "10.9.0.77", "-c", "1", "-W", "1s"]));
    assert_eq!(finished.status.code(), Some(1), "{}{}", finished.text(), finished.stderr);
}
