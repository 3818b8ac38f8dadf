//! A connection is identified by its two endpoints: two that differ in one port only are two.

use std::fs;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::process::Command;

use danja::net::{Domain, RecvFlags, SendFlags, Socket, SocketKind};

use crate::inside::{self, Ours, tell, told};
use crate::namespace::{KERNEL, Namespace, STACK};
use crate::program::Program;
use crate::server::nginx;

/// The two clients' ports, and the page that each asks for.
const CLIENTS: [(u16, &str); 2] = [(40_001, "one"), (40_002, "two")];
const INSPECT: &str = "8081";

fn request(page: &str) -> String {
    format!("GET /{page} HTTP/1.1\r\nHost: x\r\n\r\n")
}

/// Reads until the answer ends with its page, and tells which page came.
fn tell_page(port: u16, mut read: impl FnMut(&mut [u8]) -> io::Result<usize>) {
    let mut answer = Vec::new();
    let mut buffer = [0; 4_096];
    while !["page one", "page two"].iter().any(|page| answer.ends_with(page.as_bytes())) {
        let count = read(&mut buffer).expect("an answer");
        assert!(count > 0, "{port}: the answer ended: {}", String::from_utf8_lossy(&answer));
        answer.extend(&buffer[..count]);
    }
    let page = String::from_utf8_lossy(&answer[answer.len() - 8..]).into_owned();
    tell(&format!("{port}: {page}"));
}

/// Our host to the kernel's nginx, both connections open when they are listed.
pub(crate) fn from_ours(ours: &Ours) {
    let server: SocketAddr = format!("{KERNEL}:80").parse().expect("an address");
    let sockets = CLIENTS.map(|(port, page)| {
        let local = format!("{STACK}:{port}").parse().expect("an address");
        let socket = Socket::new(&ours.host, Domain::Ipv4, SocketKind::Stream).expect("a socket");
        socket.bind(local).expect("the port is free");
        socket.connect(server).expect("a connection");
        let request = request(page);
        let sent = socket.send_with(request.as_bytes(), SendFlags::default());
        assert_eq!(sent.expect("the request is taken"), request.len());
        socket
    });
    for ((port, _), socket) in CLIENTS.into_iter().zip(&sockets) {
        tell_page(port, |buffer| Ok(socket.recv_with(buffer, RecvFlags::default())?.bytes));
    }
    for info in ours.host.sockets() {
        if let (Some(local), Some(remote)) = (info.local, info.remote) {
            tell(&format!("{local} {remote}"));
        }
    }
}

/// Two of the kernel's sockets to `danja serve`; the list is the one of its inspection page.
pub(crate) fn from_the_kernel() {
    let server: SocketAddr = format!("{STACK}:80").parse().expect("an address");
    let streams = CLIENTS.map(|(port, page)| {
        let local: SocketAddr = format!("{KERNEL}:{port}").parse().expect("an address");
        let socket = rustix::net::socket(
            rustix::net::AddressFamily::INET,
            rustix::net::SocketType::STREAM,
            None,
        );
        let socket = socket.expect("a socket");
        rustix::net::bind(&socket, &local).expect("the port is free");
        rustix::net::connect(&socket, &server).expect("a connection");
        let mut stream = std::net::TcpStream::from(socket);
        stream.write_all(request(page).as_bytes()).expect("the request is taken");
        stream
    });
    for ((port, _), mut stream) in CLIENTS.into_iter().zip(&streams) {
        tell_page(port, |buffer| stream.read(buffer));
    }
    let url = format!("http://127.0.0.1:{INSPECT}/api/sockets");
    let list = Command::new("curl").args(["-sS", "--fail", &url]).output().expect("curl");
    tell(&format!("{}{}", String::from_utf8_lossy(&list.stdout), list.status).replace('\n', " "));
}

fn run(namespace: &Namespace, program: &str) -> Vec<String> {
    let finished = Program::run(inside::command(namespace, program));
    let said = format!("{}\n{}", finished.text(), finished.stderr);
    assert!(finished.status.success(), "{said}");
    told(&finished.text())
}

#[test]
fn two_connections_to_nginx_differ_in_one_port() {
    let Some(namespace) = Namespace::new("two_connections_to_nginx_differ_in_one_port") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (_, page) in CLIENTS {
        fs::write(folder.path().join(page), format!("page {page}")).expect("the folder is ours");
    }
    let _server = nginx(&namespace, folder.path(), folder.path());
    let mut lines = run(&namespace, "endpoints-ours");
    lines.sort();
    let expected = [
        format!("{STACK}:40001 {KERNEL}:80"),
        format!("{STACK}:40002 {KERNEL}:80"),
        "40001: page one".to_owned(),
        "40002: page two".to_owned(),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn two_connections_to_danja_differ_in_one_port() {
    let Some(namespace) = Namespace::new("two_connections_to_danja_differ_in_one_port") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (_, page) in CLIENTS {
        fs::write(folder.path().join(page), format!("page {page}")).expect("the folder is ours");
    }
    let pages = folder.path().to_string_lossy();
    let mut server = Program::start(namespace.danja(&["serve", &pages, "--inspect", INSPECT]));
    server.wait_for("serving");
    let lines = run(&namespace, "endpoints-kernel");
    assert_eq!(lines[..2], ["40001: page one".to_owned(), "40002: page two".to_owned()]);
    for (port, _) in CLIENTS {
        let remote = format!("{KERNEL}:{port}");
        assert!(lines[2].contains(&remote), "{remote} is not listed: {}", lines[2]);
    }
}
