//! An unmodified Java program at the other end: `Socket` fetches from `danja serve`, and
//! `danja get` fetches from `ServerSocket`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use crate::namespace::{KERNEL, Namespace, STACK};
use crate::program::Program;
use crate::server::wait_until_listening;

fn source(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/java").join(name)
}

#[test]
fn a_java_socket_fetches_from_danja() {
    let Some(namespace) = Namespace::new("a_java_socket_fetches_from_danja") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut page = String::new();
    for line in 0..20_000 {
        let _ = writeln!(page, "line {line} of a page that Java reads");
    }
    fs::write(folder.path().join("page"), &page).expect("the folder is ours");
    let mut server = Program::start(namespace.danja(&["serve", &folder.path().to_string_lossy()]));
    server.wait_for("serving");
    let mut command = namespace.command("java");
    command.arg(source("Client.java")).args([STACK, "80", "/page"]);
    let fetched = Program::succeed(command);
    assert!(fetched == page.as_bytes(), "{}", String::from_utf8_lossy(&fetched));
}

#[test]
fn danja_fetches_from_a_java_server_socket() {
    let Some(namespace) = Namespace::new("danja_fetches_from_a_java_server_socket") else { return };
    let mut command = namespace.command("java");
    command.arg(source("Server.java")).arg("8000");
    let _server = Program::start(command);
    wait_until_listening(&namespace, 8_000);
    let url = format!("http://{KERNEL}:8000/");
    let page = Program::succeed(namespace.danja(&["get", &url]));
    let page = String::from_utf8_lossy(&page).into_owned();
    // It greets each endpoint by its address.
    assert!(page.starts_with(&format!("Hello /{STACK}:")), "{page}");
    assert!(page.ends_with(&format!(", this is /{KERNEL}:8000.\n")), "{page}");
}
