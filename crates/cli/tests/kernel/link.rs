//! The kernel takes its end of the cable down, and up again.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::namespace::{DEVICE, Namespace, STACK};
use crate::program::{PATIENCE, Program};

/// Whether the page of the host says that its link is there.
fn link(namespace: &Namespace) -> bool {
    let page = namespace.shell("curl -sS http://127.0.0.1:8099/api/hosts");
    let page: serde_json::Value = serde_json::from_str(&page).expect("JSON");
    !page.to_string().contains("\"link\":false")
}

fn wait_for_link(namespace: &Namespace, up: bool) {
    let end = Instant::now() + PATIENCE;
    while link(namespace) != up {
        assert!(Instant::now() < end, "the link never became {up}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_link_goes_down_and_comes_back() {
    let Some(namespace) = Namespace::new("a_link_goes_down_and_comes_back") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("page"), "still there").expect("the folder is ours");
    let folder = folder.path().to_string_lossy().into_owned();
    let mut server = Program::start(namespace.danja(&["serve", &folder, "--inspect", "8099"]));
    server.wait_for("8099");
    let fetch = || -> Command {
        let mut curl = namespace.command("curl");
        curl.args(["-sS", "--max-time", "60", &format!("http://{STACK}/page")]);
        curl
    };
    wait_for_link(&namespace, true);
    assert_eq!(Program::succeed(fetch()), b"still there");
    for _ in 0..2 {
        namespace.shell(&format!("ip link set {DEVICE} down"));
        wait_for_link(&namespace, false);
        namespace.shell(&format!("ip link set {DEVICE} up"));
        wait_for_link(&namespace, true);
        assert_eq!(Program::succeed(fetch()), b"still there");
    }
    assert!(server.end().stderr.contains("8099"));
}
