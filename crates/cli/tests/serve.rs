//! `danja serve`, reached from this machine by its published port.

mod common;

use common::http::{Answer, parse, request};
use common::{Running, fail, succeed};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

struct Served {
    running: Running,
    at: SocketAddr,
}

/// Serves a folder at a port that the machine chooses.
fn serve(folder: &Path, more: &str) -> Served {
    let words = format!("serve {} --publish 127.0.0.1:0 {more}", folder.display());
    let mut running = Running::start(&words);
    let line = running.line("serving ");
    assert_eq!(line, format!("serving {} at http://10.0.2.15:80/", folder.display()));
    let line = running.line("published");
    let at = line.split("http://").nth(1).unwrap().trim_end_matches('/').parse().unwrap();
    Served { running, at }
}

fn get(served: &Served, target: &str) -> Answer {
    request(served.at, "GET", target, "")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("page.html"), "<p>page").unwrap();
    std::fs::write(folder.path().join("ten"), "0123456789").unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(folder.path().join("sub/index.html"), "index").unwrap();
    folder
}

#[test]
fn files_folders_and_what_is_not_there() {
    let folder = folder();
    let mut served = serve(folder.path(), "");
    let page = get(&served, "/page.html");
    assert_eq!((page.status, page.text().as_str()), (200, "<p>page"));
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("content-length"), Some("7"));
    let listing = get(&served, "/").text();
    assert!(listing.contains("./page.html") && listing.contains("./sub/"), "{listing}");
    let moved = get(&served, "/sub");
    assert_eq!((moved.status, moved.header("location")), (301, Some("/sub/")));
    assert_eq!(get(&served, "/sub/").text(), "index");
    for target in ["/nothing", "/../secret", "/%2e%2e/%2e%2e/etc/passwd", "/page.html/x"] {
        assert_eq!(get(&served, target).status, 404, "{target}");
    }
    assert_eq!(request(served.at, "POST", "/ten", "Content-Length: 0\r\n").status, 405);
    let line = served.running.line("/nothing");
    assert!(line.contains("10.0.2.2:") && line.contains("GET") && line.contains("404"), "{line}");
    let (code, lines) = served.running.interrupt();
    assert_eq!(code, Some(130));
    assert!(lines.iter().any(|line| line.contains("9 requests answered")), "{lines:#?}");
}

#[test]
fn head_ranges_and_dates() {
    let folder = folder();
    let served = serve(folder.path(), "-q");
    let head = request(served.at, "HEAD", "/ten", "");
    assert_eq!((head.status, head.header("content-length")), (200, Some("10")));
    assert!(head.body.is_empty());
    let part = request(served.at, "GET", "/ten", "Range: bytes=2-4\r\n");
    assert_eq!((part.status, part.text().as_str()), (206, "234"));
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    let outside = request(served.at, "GET", "/ten", "Range: bytes=10-\r\n");
    assert_eq!((outside.status, outside.header("content-range")), (416, Some("bytes */10")));
    let modified = get(&served, "/ten").header("last-modified").unwrap().to_owned();
    let since = format!("If-Modified-Since: {modified}\r\n");
    let unmodified = request(served.at, "GET", "/ten", &since);
    assert_eq!((unmodified.status, unmodified.body.len()), (304, 0));
    let old = "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
    assert_eq!(request(served.at, "GET", "/ten", old).status, 200);
    let other = "Range: bytes=2-4\r\nIf-Range: Thu, 01 Jan 1970 00:00:00 GMT\r\n";
    assert_eq!(request(served.at, "GET", "/ten", other).status, 200);
}

#[test]
fn connections_are_kept_and_half_closed_ones_answered() {
    let folder = folder();
    let served = serve(folder.path(), "-q");
    let mut stream = TcpStream::connect(served.at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let ask = b"GET /ten HTTP/1.1\r\nHost: test\r\n\r\n";
    stream.write_all(ask).unwrap();
    let mut first = Vec::new();
    while !first.ends_with(b"0123456789") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1);
        first.push(byte[0]);
    }
    // The same connection once more, and this time nothing will follow.
    stream.write_all(ask).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut second = Vec::new();
    stream.read_to_end(&mut second).unwrap();
    assert_eq!((parse(&second).status, parse(&second).text().as_str()), (200, "0123456789"));
}

#[test]
fn a_large_file_arrives_whole() {
    let folder = tempfile::tempdir().unwrap();
    let large: Vec<u8> =
        (0..20_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(folder.path().join("large.bin"), &large).unwrap();
    let served = serve(folder.path(), "-q");
    let answer = get(&served, "/large.bin");
    assert_eq!(answer.body.len(), large.len());
    assert!(answer.body == large, "the bytes differ");
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
}

#[test]
fn a_browser_sees_the_lan() {
    let folder = folder();
    let words = "--inspect 127.0.0.1:0";
    let mut served = serve(folder.path(), words);
    let line = served.running.line("can be seen");
    let at: SocketAddr =
        line.split("http://").nth(1).unwrap().trim_end_matches('/').parse().unwrap();
    let page = request(at, "GET", "/", "Accept: text/html\r\n");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let page = page.text();
    for part in ["<!doctype html>", "10.0.2.15/24", "listen", "<svg", "<h2>serve</h2>"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "outside resources");
    let text = request(at, "GET", "/", "Accept: */*\r\n");
    assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"));
    // Two connections that differ in the client's port only are listed, each with both endpoints.
    let both: Vec<TcpStream> = (0..2).map(|_| TcpStream::connect(served.at).unwrap()).collect();
    for mut stream in &both {
        stream.write_all(b"GET /ten HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
    }
    let sockets = request(at, "GET", "/api/sockets", "").text();
    let sockets: serde_json::Value = serde_json::from_str(&sockets).unwrap();
    let mut remotes: Vec<&str> = sockets["hosts"][1]["sockets"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|socket| socket["state"] == "ESTABLISHED")
        .map(|socket| {
            assert_eq!(socket["local"], "10.0.2.15:80");
            socket["remote"].as_str().unwrap()
        })
        .collect();
    remotes.sort_unstable();
    remotes.dedup();
    assert_eq!(remotes.len(), 2, "{sockets:#}");
    assert!(remotes.iter().all(|remote| remote.starts_with("10.0.2.2:")));
    assert_eq!(request(at, "DELETE", "/", "").status, 405);
    assert_eq!(request(at, "HEAD", "/", "").status, 200);
}

#[test]
fn what_cannot_be_served_is_said() {
    let talk = fail("serve /nowhere/at/all", 1);
    assert!(talk.contains("/nowhere/at/all"), "{talk}");
    let folder = folder();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap();
    let talk = fail(&format!("serve {} --publish {port}", folder.path().display()), 1);
    assert!(talk.contains(&port.to_string()) && talk.contains("--publish"), "{talk}");
    assert!(!talk.contains("serving"), "{talk}");
    let (help, _) = succeed("serve --help");
    assert!(help.contains("Examples:"));
}
