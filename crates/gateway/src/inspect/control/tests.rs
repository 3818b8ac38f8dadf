//! Processes with hosts are found, asked and told; what they leave behind is taken away.

use super::*;
use crate::inspect::{AskError, running_in};
use danja::Host;
use danja::lan::impair::{Impaired, LinkControl, LinkState};
use danja::lan::{MacAddress, cable::Switch};
use serde_json::json;
use std::fs;
use std::io::{Read, Write};
use tempfile::{TempDir, tempdir};

fn directory() -> (TempDir, RuntimeDir) {
    let parent = tempdir().unwrap();
    let directory = RuntimeDir::at(&parent.path().join("danja")).unwrap();
    (parent, directory)
}

fn lan(name: &str) -> (Lan, LinkControl) {
    let control = LinkControl::new(LinkState::default());
    let port = Switch::new().port(MacAddress([2, 0, 0, 0, 0, 1]));
    let host = Host::builder()
        .name(name)
        .adapter(Impaired::controlled(port, &control, 1))
        .address("10.0.0.1/24".parse().unwrap())
        .build()
        .unwrap();
    let lan = Lan::new();
    lan.add(&host);
    lan.set_link(name, &control);
    (lan, control)
}

#[test]
fn a_host_is_found_asked_told_and_gone() {
    let (_parent, directory) = directory();
    let (lan, control) = lan("web");
    let inspection = Inspection::start_in(&directory, "web", &lan).unwrap();
    let second = Inspection::start_in(&directory, "web", &lan).unwrap();
    let found = running_in(&directory).unwrap();
    assert_eq!(found.len(), 2);
    let host = &found[0];
    assert_eq!((host.name.as_str(), host.process), ("web", std::process::id()));
    for (path, key) in [
        ("/api/hosts", "interfaces"),
        ("/api/sockets", "sockets"),
        ("/api/neighbours", "neighbours"),
        ("/api/routes", "routes"),
        ("/api/counters", "counters"),
    ] {
        let told = host.ask(path).unwrap();
        assert_eq!((&told["format"], &told["hosts"][0]["host"]), (&json!(1), &json!("web")));
        assert!(!told["hosts"][0][key].is_null(), "{path}");
    }
    let ask = json!({ "host": "WEB", "transmit": { "loss": 0.05 }, "connected": false });
    let told = host.tell("/api/link", &ask).unwrap();
    assert_eq!(told["links"][0]["transmit"]["loss"], 0.05);
    assert_eq!(told, host.ask("/api/link").unwrap());
    assert!(!control.state().connected);
    for (ask, word) in [
        (json!({ "host": "nobody" }), "nobody"),
        (json!({ "host": "web", "receive": { "loss": 1.5 } }), "loss cannot be 1.5"),
        (json!({}), "which host"),
    ] {
        match host.tell("/api/link", &ask) {
            Err(AskError::Refused(words)) => assert!(words.contains(word), "{words}"),
            other => panic!("{other:?}"),
        }
    }
    let too_much = json!({ "host": "x".repeat(BODY) });
    assert!(matches!(
        host.tell("/api/link", &too_much),
        Err(AskError::Refused(_) | AskError::Silent(_))
    ));

    drop(inspection);
    assert!(matches!(host.ask("/api/hosts"), Err(AskError::Gone)));
    second.end();
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left");
    assert!(running_in(&directory).unwrap().is_empty());
}

#[test]
fn what_a_killed_process_left_is_taken_away() {
    let (_parent, directory) = directory();
    let stale = directory.socket("host", &format!("{}-web", std::process::id()));
    drop(UnixListener::bind(&stale).unwrap());
    assert!(stale.exists());
    assert!(running_in(&directory).unwrap().is_empty());
    assert!(!stale.exists());
    // And one in the way of a new one of the same number is replaced.
    drop(UnixListener::bind(&stale).unwrap());
    let (lan, _) = lan("web");
    let inspection = Inspection::start_in(&directory, "web", &lan).unwrap();
    assert_eq!(inspection.path(), stale);
    assert_eq!(running_in(&directory).unwrap().len(), 1);
}

#[test]
fn what_is_no_danja_is_said_to_be_foreign_and_a_silent_one_does_not_hang() {
    let (_parent, directory) = directory();
    let path = directory.socket("host", "1-other");
    let listener = UnixListener::bind(path).unwrap();
    let other = std::thread::spawn(move || {
        // The first look is only a look.
        drop(listener.accept());
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n{\"format\": 99}").unwrap();
        drop(stream);
        // The last asker is left waiting.
        listener.accept().unwrap()
    });
    let found = running_in(&directory).unwrap();
    assert_eq!(found[0].name, "other");
    assert!(matches!(found[0].ask("/api/hosts"), Err(AskError::Foreign)));
    match found[0].ask("/api/hosts") {
        Err(error @ AskError::Silent(_)) => assert!(error.to_string().contains("stopped")),
        told => panic!("{told:?}"),
    }
    drop(other.join().unwrap());
}

#[test]
fn the_page_itself_changes_nothing() {
    let (_parent, directory) = directory();
    let (lan, _) = lan("web");
    let _inspection = Inspection::start_in(&directory, "web", &lan).unwrap();
    let host = running_in(&directory).unwrap().remove(0);
    assert!(matches!(host.tell("/api/hosts", &json!({})), Err(AskError::Refused(_))));
}
