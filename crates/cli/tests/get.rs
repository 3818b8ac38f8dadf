//! `danja get`, on the built-in LAN.

mod common;

use common::{Running, danja, fail, succeed, texts, tshark};
use std::io::Read;
use std::process::Stdio;

#[test]
fn the_first_page() {
    let (page, talk) = succeed("get http://danja/");
    assert!(page.contains("Danja"), "{page}");
    assert!(page.contains("10.0.2.15:") && page.contains("10.0.2.2:80"), "{page}");
    for word in ["ESTABLISHED", "LISTEN", "02:00:0a:00:02:0f", "== get ==", "10.0.2.0/24"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    assert_eq!(talk, "");
    // The scheme may be left out, and a file written.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page");
    let (out, talk) = succeed(&format!("get danja -o {}", file.display()));
    assert_eq!(out, "");
    assert!(talk.contains(" in ") && talk.contains("/s"), "{talk}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("Danja"));
    let (_, talk) = succeed(&format!("get -q danja -o {}", file.display()));
    assert_eq!(talk, "");
}

#[test]
fn json_pages_are_one_object_with_a_format() {
    for (page, key) in [
        ("hosts", "interfaces"),
        ("sockets", "sockets"),
        ("neighbours", "neighbours"),
        ("routes", "routes"),
        ("counters", "counters"),
    ] {
        let (text, _) = succeed(&format!("get http://danja/api/{page}"));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["format"], 1, "{page}");
        let names: Vec<&str> =
            json["hosts"].as_array().unwrap().iter().map(|h| h["host"].as_str().unwrap()).collect();
        assert_eq!(names, ["danja", "get"]);
        assert!(!json["hosts"][1][key].is_null(), "{text}");
    }
}

#[test]
fn pages_that_are_not_there_and_bad_urls() {
    let talk = fail("get http://danja/nothing", 1);
    assert!(talk.contains("404") && talk.contains("/api/sockets"), "{talk}");
    for url in ["ftp://danja/", "http://", "http://danja:/", "http://danja:99999/"] {
        let talk = fail(&format!("get {url}"), 1);
        assert!(talk.contains(url) && talk.contains("http://danja/"), "{talk}");
    }
    let talk = fail("get danja -o /nowhere/at/all", 1);
    assert!(talk.contains("/nowhere/at/all"), "{talk}");
    // Wrong arguments are 2, as everywhere.
    let talk = fail("get danja --delay 50", 2);
    assert!(talk.contains("50ms"), "{talk}");
    fail("get", 2);
    let (version, _) = succeed("--version");
    assert!(version.starts_with("danja "), "{version}");
}

#[test]
fn errors_are_those_of_linux_with_their_cause() {
    let talk = fail("get http://10.0.2.2:81/", 1);
    assert!(talk.contains("refused") && talk.contains("RST"), "{talk}");
    let talk = fail("get http://10.0.2.99/", 1);
    assert!(talk.contains("nobody answered ARP for 10.0.2.99"), "{talk}");
    let talk = fail("get http://192.0.2.1/ --no-outside", 1);
    assert!(talk.contains("prohibited"), "{talk}");
    let talk = fail("get http://nobody/ --no-outside", 1);
    assert!(talk.contains("nobody") && talk.contains("danja, get"), "{talk}");
    let talk = fail("get http://example.com/ --no-outside", 1);
    assert!(talk.contains("example.com"), "{talk}");
}

#[test]
fn a_missing_device_comes_with_the_commands_that_make_it() {
    let talk = fail("get http://10.9.0.1/ --tap danja-none9 --address 10.9.0.2/24", 1);
    assert!(talk.contains("sudo ip tuntap add dev danja-none9 mode tap user $USER"), "{talk}");
    assert!(talk.contains("sudo ip addr add 10.9.0.1/24 dev danja-none9"), "{talk}");
    assert!(talk.ends_with("sudo ip link set danja-none9 up\n"), "{talk}");
}

#[test]
fn a_closed_pipe_is_success() {
    let mut child = danja()
        .args(["get", "danja"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let status = child.wait().unwrap();
    let mut talk = String::new();
    child.stderr.take().unwrap().read_to_string(&mut talk).unwrap();
    assert!(status.success(), "{talk}");
    assert_eq!(talk, "");
}

#[test]
fn a_bad_link_delivers_all_the_same() {
    let (page, _) = succeed(
        "get danja --delay 5ms --jitter 2ms --loss 10% --reorder 5% --duplicate 5% --corrupt 2% \
         --rate 20mbit --seed 3",
    );
    assert!(page.contains("== danja ==") && page.ends_with("/api/counters\n"), "{page}");
}

#[test]
fn the_capture_is_what_a_wire_would_carry() {
    let test = "the_capture_is_what_a_wire_would_carry";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.pcapng");
    succeed(&format!("get danja --pcap {}", file.display()));
    let bad = "_ws.malformed || ip.checksum.status==0 || tcp.checksum.status==0 \
               || tcp.analysis.retransmission";
    let Some(bad) = tshark(test, &file, &["-Y", bad]) else { return };
    assert!(bad.is_empty(), "{bad:#?}");
    let lines = |filter: &str| tshark(test, &file, &["-Y", filter]).unwrap();
    for (filter, count) in [
        ("arp.opcode==1 && arp.dst.proto_ipv4==10.0.2.2", 1),
        ("dns.qry.name==danja && dns.flags.response==0", 1),
        ("dns.a==10.0.2.2", 1),
        ("tcp.flags.syn==1", 2),
        ("tcp.flags.fin==1", 2),
        ("http.request", 1),
        ("http.response.code==200", 1),
        ("frame.len > 1514", 0),
    ] {
        assert_eq!(lines(filter).len(), count, "{filter}: {:#?}", lines("frame"));
    }
    let talk = fail("get danja --pcap /nowhere/at/all", 1);
    assert!(talk.contains("/nowhere/at/all"), "{talk}");
}

#[test]
fn the_same_seed_gives_the_same_packets() {
    let test = "the_same_seed_gives_the_same_packets";
    let folder = tempfile::tempdir().unwrap();
    let mut runs = Vec::new();
    for (name, seed) in [("a", 7), ("b", 7), ("c", 8)] {
        let file = folder.path().join(name);
        succeed(&format!("get http://danja/api/ --seed {seed} --pcap {}", file.display()));
        let fields =
            ["-Y", "tcp.flags.syn==1", "-T", "fields", "-e", "tcp.port", "-e", "tcp.seq_raw"];
        let Some(lines) = tshark(test, &file, &fields) else { return };
        runs.push(lines);
    }
    // The sequence numbers also follow the clock (RFC 6528), so only the port is compared.
    let port = |run: usize| runs[run][0].split('\t').next().unwrap().to_owned();
    assert_eq!(port(0), port(1));
    assert_ne!(port(0), port(2));
}

#[test]
fn an_interrupted_transfer_says_how_far_it_came() {
    let mut running = Running::start("get danja --delay 300ms -v");
    // The answer has begun, its end is still on its way or not read.
    running.line("< HTTP/1.1 200 OK");
    let (code, lines) = running.interrupt();
    // On a quick machine it may have ended by itself in between.
    let interrupted = code == Some(130) && lines.iter().any(|line| line.contains("interrupted: "));
    assert!(interrupted || code == Some(0), "{code:?} {lines:#?}");
    let mut running = Running::start("get 10.0.2.77 --inspect 127.0.0.1:0");
    running.line("can be seen");
    let (code, lines) = running.interrupt();
    assert_eq!(code, Some(130), "{lines:#?}");
}

#[test]
fn verbose_shows_addresses_heads_and_times() {
    let output = danja().args(["get", "danja", "-v"]).output().unwrap();
    let (page, talk) = texts(&output);
    assert!(page.starts_with("Danja"), "{page}");
    let lines: Vec<&str> = talk.lines().collect();
    let parts = [
        "* danja is 10.0.2.2 (",
        "* connected to 10.0.2.2:80 from 10.0.2.15:",
        "> GET / HTTP/1.1",
        "> host: danja",
        "* answered (",
        "< HTTP/1.1 200 OK",
        "< content-type: text/plain",
        "KiB in ",
    ];
    let mut rest = lines.iter();
    for part in parts {
        assert!(rest.any(|line| line.contains(part)), "{part}, in this order: {talk}");
    }
    assert!(lines.iter().all(|line| !line.starts_with('*') || line.ends_with(" ms)")), "{talk}");
    let talk = fail("get danja:81 -v", 1);
    assert!(talk.contains("* 10.0.2.2:81: connection refused"), "{talk}");
}

#[test]
fn json_is_about_the_transfer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page");
    let (out, talk) = succeed(&format!("get danja --json -o {}", file.display()));
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let length = std::fs::metadata(&file).unwrap().len();
    assert_eq!((&json["format"], &json["status"]), (&1.into(), &200.into()));
    assert_eq!((&json["bytes"], &json["url"]), (&length.into(), &"http://danja/".into()));
    assert!(json["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(talk, "");
    let output = danja().args(["get", "danja/no", "--json", "-o", "/dev/null"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["status"], output.status.code()), (&404.into(), Some(1)));
    assert!(json["file"].is_null(), "{json}");
    fail("get danja --json", 2);
    fail("get danja --json -o -", 1);
    assert!(succeed("get danja -o -").0.starts_with("Danja"));
}

#[test]
fn what_is_not_spoken_is_said() {
    for words in ["get http://[::1]/", "ping ::1 -c 1"] {
        let output = danja().args(words.split(' ')).output().unwrap();
        let (_, talk) = texts(&output);
        assert!(!output.status.success() && talk.contains("only IPv4"), "{words}: {talk}");
    }
}
