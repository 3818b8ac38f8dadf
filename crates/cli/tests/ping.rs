//! `danja ping` and `danja resolve`, on the built-in LAN.

mod common;

use common::{Running, danja, fail, succeed};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

#[test]
fn replies_and_their_times() {
    let (out, talk) = succeed("ping danja -c 3 -i 50ms");
    assert!(out.starts_with("PING danja (10.0.2.2) 56 bytes of data\n"), "{out}");
    assert_eq!(out.matches("64 bytes from 10.0.2.2: seq=").count(), 3, "{out}");
    assert!(out.contains("3 packets transmitted, 3 received, 0% lost"), "{out}");
    assert!(out.contains("rtt min/avg/max/mdev = "), "{out}");
    assert_eq!(talk, "");
    let (out, _) = succeed("ping 10.0.2.2 -c 1 -q");
    assert!(out.starts_with("---") && !out.contains("seq="), "{out}");
    assert!(out.contains("1 received"), "{out}");
    let (_, talk) = succeed("ping danja -c 1 -v");
    assert_eq!(talk, "* danja is 10.0.2.2; from 10.0.2.15\n");
    let (out, _) = succeed("ping danja -c 2 -i 10ms -s 60000 --delay 10ms --json");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["format"], &json["received"]), (&1.into(), &2.into()));
    assert_eq!(json["replies"][1]["bytes"], 60_000);
    assert!(json["rtt_ms"]["min"].as_f64().unwrap() >= 20.0, "{json:#}");
}

#[test]
fn no_reply_is_one_and_an_error_is_two() {
    let output = danja().args(["ping", "10.0.2.77", "-c", "1"]).output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{talk}");
    assert!(talk.contains("nobody answered ARP for 10.0.2.77"), "{talk}");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(
        out.contains("1 packets transmitted, 0 received") && out.contains("100% lost"),
        "{out}"
    );
    fail("ping 10.0.2.2 -c 2 -i 1ms -W 50ms --loss 100%", 1);
    fail("ping nobody -c 1", 2);
    let talk = fail("ping 192.0.2.1 -c 1 --no-outside", 1);
    assert!(talk.contains("prohibited"), "{talk}");
    let talk = fail("ping danja -s 70000", 2);
    assert!(talk.contains("65507"), "{talk}");
}

#[test]
fn an_interrupted_ping_sums_up() {
    let mut child =
        danja().args(["ping", "danja", "-i", "20ms"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("seq=2")));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let rest: Vec<String> = lines.collect();
    assert!(rest.iter().any(|line| line.contains("packets transmitted")), "{rest:#?}");
}

#[test]
fn names_have_addresses() {
    assert_eq!(succeed("resolve danja").0, "10.0.2.2\n");
    let (out, talk) = succeed("resolve danja -v");
    assert_eq!(out, "10.0.2.2\n");
    assert!(talk.starts_with("* asked 10.0.2.2 for danja (") && talk.ends_with(" ms)\n"), "{talk}");
    assert_eq!(succeed("resolve RESOLVE").0, "10.0.2.15\n");
    let json: serde_json::Value = serde_json::from_str(&succeed("resolve danja --json").0).unwrap();
    assert_eq!(json["addresses"], serde_json::json!(["10.0.2.2"]));
    let talk = fail("resolve nobody --no-outside", 1);
    assert!(talk.contains("nobody") && talk.contains("danja"), "{talk}");
    let talk = fail("resolve example.com --no-outside", 1);
    assert!(talk.contains("example.com"), "{talk}");
}

#[test]
fn pinging_goes_on_while_the_lan_is_inspected() {
    let mut running = Running::start("ping danja -i 100ms --inspect 127.0.0.1:0");
    let line = running.line("can be seen at");
    let at = line.split("http://").nth(1).unwrap().trim_end_matches('/').parse().unwrap();
    let page = common::http::request(at, "GET", "/", "").text();
    assert!(page.contains("ping") && page.contains("10.0.2.15"), "{page}");
    let (code, _) = running.interrupt();
    assert_eq!(code, Some(130));
}
