//! Two hundred connections at once, from us to nginx and from the kernel to `danja serve`.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use crate::inside::{self, Net, tell, told};
use crate::namespace::{KERNEL, Namespace, STACK};
use crate::program::Program;
use crate::server::nginx;

const COUNT: usize = 200;
const SERVER: &str = "DANJA_SERVER";

/// Page `index`, long enough for several segments, each different.
fn page(index: usize) -> String {
    let mut text = String::new();
    for line in 0..300 {
        let _ = writeln!(text, "page {index}, line {line}");
    }
    text
}

fn write_pages(folder: &Path) {
    for index in 0..COUNT {
        fs::write(folder.join(index.to_string()), page(index)).expect("the folder is ours");
    }
}

/// Fetches every page on a connection of its own, all of them open at the same time.
pub(crate) fn fetch(net: &impl Net) {
    let server = std::env::var(SERVER).expect("the test says whom to ask");
    let server = format!("{server}:80").parse().expect("an address");
    let all_open = Barrier::new(COUNT + 1);
    let may_ask = Barrier::new(COUNT + 1);
    thread::scope(|scope| {
        for index in 0..COUNT {
            let (all_open, may_ask) = (&all_open, &may_ask);
            scope.spawn(move || {
                let stream = net.connect(server);
                all_open.wait();
                may_ask.wait();
                let mut stream = stream.unwrap_or_else(|error| panic!("{index}: {error}"));
                let ask = format!("GET /{index} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
                stream.write_all(ask.as_bytes()).expect("the request is taken");
                let mut answer = String::new();
                stream.read_to_string(&mut answer).expect("an answer");
                assert!(answer.ends_with(&page(index)), "{index}: {answer}");
            });
        }
        all_open.wait();
        tell(&format!("established: {}", net.established()));
        may_ask.wait();
    });
    tell("all pages are right");
}

fn run(namespace: &Namespace, program: &str, server: &str) {
    let mut command = inside::command(namespace, program);
    command.env(SERVER, server);
    let finished = Program::run(command);
    let lines = told(&finished.text());
    let said = format!("{}\n{}", finished.text(), finished.stderr);
    assert!(finished.status.success(), "{said}");
    assert_eq!(lines, [format!("established: {COUNT}"), "all pages are right".into()], "{said}");
}

#[test]
fn two_hundred_connections_to_nginx() {
    let Some(namespace) = Namespace::new("two_hundred_connections_to_nginx") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_pages(folder.path());
    let _server = nginx(&namespace, folder.path(), folder.path());
    run(&namespace, "many-ours", KERNEL);
}

#[test]
fn two_hundred_connections_to_danja() {
    let Some(namespace) = Namespace::new("two_hundred_connections_to_danja") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_pages(folder.path());
    let mut server = Program::start(namespace.danja(&["serve", &folder.path().to_string_lossy()]));
    server.wait_for("serving");
    run(&namespace, "many-kernel", STACK);
}
