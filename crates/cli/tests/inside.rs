//! Looking inside running hosts from other commands, and changing their links.

mod common;

use common::{Running, danja, texts};
use serde_json::Value;
use std::io::{Read, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::{TempDir, tempdir};

/// A runtime directory of the test's own, so that it sees its own hosts only.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempdir().unwrap())
    }

    fn start(&self, words: &str) -> Running {
        Running::start_in(words, self.0.path())
    }

    fn run(&self, words: &str) -> (Option<i32>, String, String) {
        let mut command = danja();
        command.args(words.split_whitespace()).env("XDG_RUNTIME_DIR", self.0.path());
        let output = command.output().unwrap();
        let (stdout, stderr) = texts(&output);
        (output.status.code(), stdout, stderr)
    }

    fn succeed(&self, words: &str) -> String {
        let (code, stdout, stderr) = self.run(words);
        assert_eq!(code, Some(0), "danja {words}: {stderr}");
        stdout
    }

    fn json(&self, words: &str) -> Value {
        let text = self.succeed(&format!("{words} --json"));
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["format"], 1, "{words}");
        json
    }

    fn sockets(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.0.path().join("danja")) else { return Vec::new() };
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// A server that is published at a port of the machine, and one client that stays connected.
fn served(place: &Place, folder: &Path) -> (Running, std::net::TcpStream) {
    let words = format!("serve {} --publish 127.0.0.1:0", folder.display());
    let mut running = place.start(&words);
    let line = running.line("published on this machine");
    let address = line.rsplit("http://").next().unwrap().trim_end_matches('/').to_owned();
    let client = std::net::TcpStream::connect(address).unwrap();
    (running, client)
}

#[test]
fn sockets_neighbours_routes_and_counters_of_a_running_host() {
    let (place, folder) = (Place::new(), tempdir().unwrap());
    let (running, _client) = served(&place, folder.path());
    assert!(place.sockets().contains(&format!("host-{}-serve.sock", running.id())));
    // The published connection is there once its handshake on the LAN is over.
    let until = Instant::now() + Duration::from_secs(20);
    while !place.succeed("ss --state established").contains("10.0.2.15:80") {
        assert!(Instant::now() < until);
        thread::sleep(Duration::from_millis(20));
    }
    let table = place.succeed("ss");
    let head = table.lines().next().unwrap();
    assert!(head.starts_with("Netid  State") && head.contains("Local Address:Port"), "{table}");
    let listen = table.lines().find(|line| line.contains("LISTEN")).unwrap();
    assert!(listen.contains("10.0.2.15:80") && listen.contains("stack  serve@"), "{table}");
    // Columns stand under their names.
    assert_eq!(head.find("Via"), listen.find("stack"), "{table}");
    assert!(!table.contains("danja@"), "the router is left out: {table}");
    assert!(place.succeed("ss --routers").contains("danja@"));
    assert!(place.succeed("ss --host danja").contains("10.0.2.2:53"));

    let info = place.succeed("ss --info --state estab");
    for word in ["reno", "rtt:", "rcvmss:1460", "cwnd:", "fd:", "segs_in:"] {
        assert!(info.contains(word), "{word}: {info}");
    }
    assert_eq!(place.succeed("ss -l").lines().count(), 2);
    assert_eq!(place.succeed("ss --dport 80"), "");
    let json = place.json("ss --sport 80 --state listen");
    let host = &json["hosts"][0];
    assert_eq!((&host["host"], host["sockets"].as_array().unwrap().len()), (&"serve".into(), 1));
    assert_eq!(
        (&host["sockets"][0]["state"], &host["sockets"][0]["via"]),
        (&"LISTEN".into(), &"stack".into())
    );
    let process = host["process"].as_u64().unwrap();
    assert!(place.succeed(&format!("ss --host serve@{process}")).contains("LISTEN"));

    let neighbours = place.succeed("neighbours");
    assert!(
        neighbours.contains("10.0.2.2 ") && neighbours.contains("02:00:0a:00:02:02"),
        "{neighbours}"
    );
    assert_eq!(place.json("neighbours")["hosts"][0]["neighbours"][0]["address"], "10.0.2.2");
    assert!(place.succeed("routes").contains("10.0.2.0/24"));
    assert!(place.json("routes --host serve")["hosts"][0]["routes"][0]["metric"] == 0);

    let counters = place.succeed("counters");
    assert!(
        counters.contains("TcpPassiveOpens") && !counters.contains("TcpRetransSegs"),
        "{counters}"
    );
    assert!(place.succeed("counters --all tcpretrans").contains("TcpRetransSegs  "));
    assert_eq!(place.json("counters passive")["hosts"][0]["counters"]["TcpPassiveOpens"], 1);
}

#[test]
fn nobody_is_there_or_has_that_name() {
    let place = Place::new();
    let (code, stdout, stderr) = place.run("ss");
    assert_eq!((code, stdout.as_str()), (Some(0), ""));
    assert!(stderr.contains("no host is running"), "{stderr}");
    assert_eq!(place.json("counters")["hosts"], Value::Array(Vec::new()));
    assert!(
        place.sockets().is_empty() && !place.0.path().join("danja").exists(),
        "looking makes nothing"
    );

    let mut running = place.start("ping 10.0.2.2 -i 100ms");
    running.line("10.0.2.2");
    let (code, _, stderr) = place.run("ss --host web");
    assert_eq!(code, Some(1));
    assert!(stderr.contains("\u{2018}web\u{2019}") && stderr.contains("ping@"), "{stderr}");
    let (code, _, stderr) = place.run("link web --down");
    assert!(code == Some(1) && stderr.contains("ping@"), "{stderr}");
    let (code, _, stderr) = place.run("link --down");
    assert!(code == Some(1) && stderr.contains("whose link"), "{stderr}");
    // It takes its socket with it.
    assert_eq!(place.sockets().len(), 1);
    assert_eq!(running.interrupt().0, Some(130));
    assert!(place.sockets().is_empty());
}

#[test]
fn a_foreign_runtime_directory_is_refused_and_the_command_works_all_the_same() {
    let place = Place::new();
    std::os::unix::fs::symlink("/tmp", place.0.path().join("danja")).unwrap();
    let (code, _, stderr) = place.run("ss");
    assert_eq!(code, Some(1));
    assert!(stderr.contains("not a directory"), "{stderr}");
    let (code, stdout, stderr) = place.run("get danja");
    assert!(code == Some(0) && stdout.contains("Danja"), "{stderr}");
    assert!(stderr.contains("cannot look inside"), "{stderr}");
}

#[test]
fn a_link_is_changed_while_it_is_used() {
    let place = Place::new();
    let mut running = place.start("ping 10.0.2.2 -i 50ms");
    running.line("seq=2");
    let told = place.succeed("link ping");
    assert!(told.contains(": up") && told.contains("from it: nothing is wrong"), "{told}");

    let told = place.succeed("link ping --delay-down 120ms --loss-up 0%");
    assert!(told.contains("to it:   delay 120 ms"), "{told}");
    wait_for(&mut running, |line| milliseconds(line).is_some_and(|time| time >= 120.0));
    let json = place.json("link ping");
    assert_eq!(json["links"][0]["receive"]["delay"], 0.12);
    assert_eq!(json["links"][0]["transmit"]["delay"], 0.0);

    // Nothing comes through, and then it does again.
    assert!(place.succeed("link ping --loss-down 100%").contains("loss 100%"));
    running.lines_of(Duration::from_millis(300));
    let replies = running.lines_of(Duration::from_millis(600));
    assert!(!replies.iter().any(|line| line.contains("time=")), "{replies:?}");
    place.succeed("link ping --reset");
    wait_for(&mut running, |line| milliseconds(line).is_some_and(|time| time < 100.0));

    let (code, _, stderr) = place.run("link ping --trace /nowhere");
    assert!(code == Some(1) && stderr.contains("/nowhere"), "{stderr}");
}

#[test]
fn a_connection_outlives_a_pulled_cable() {
    let (place, folder) = (Place::new(), tempdir().unwrap());
    let (_running, mut client) = served(&place, folder.path());
    let mut ask = |wait: Duration| {
        client.set_read_timeout(Some(wait)).unwrap();
        let _ = client.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut answer = [0; 4096];
        client
            .read(&mut answer)
            .map(|length| String::from_utf8_lossy(&answer[..length]).into_owned())
    };
    assert!(ask(Duration::from_secs(20)).unwrap().starts_with("HTTP/1.1 200"));
    assert!(place.succeed("link serve --down").contains(": down"));
    assert!(ask(Duration::from_millis(500)).is_err(), "an answer over a pulled cable");
    assert!(place.succeed("link serve").contains(" lost"));
    assert!(place.succeed("link serve --up").contains(": up"));
    assert!(ask(Duration::from_secs(20)).unwrap().contains("HTTP/1.1 200"));
}

#[test]
fn a_report_tells_of_each_connection_at_the_end() {
    let place = Place::new();
    let (code, page, table) = place.run("get danja --report --delay 20ms");
    assert_eq!(code, Some(0), "{table}");
    assert!(table.contains("RTT min") && table.contains("10.0.2.2:80"), "{table}");
    let file = place.0.path().join("report");
    place.succeed(&format!("get danja --delay 20ms --report={}", file.display()));
    let report: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!((&report["format"], &report["complete"]), (&1.into(), &true.into()));
    let [one] = report["connections"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!((&one["remote"], &one["retransmissions"]), (&"10.0.2.2:80".into(), &0.into()));
    assert!(one["bytes_received"].as_u64().unwrap() >= page.len() as u64, "{one}");
    assert!(one["bytes_sent"].as_u64().unwrap() > 20, "{one}");
    for value in [&one["rtt"]["min"], &one["rtt"]["mean"], &one["rtt"]["last"], &one["seconds"]] {
        assert!(value.as_f64().unwrap() >= 0.04, "{one}");
    }
    let (code, page, error) = place.run("get danja --report=/no/such/folder/report");
    assert!(
        code != Some(0) && page.is_empty(),
        "not begun, where the report cannot be had: {code:?}"
    );
    assert!(error.contains("/no/such/folder/report cannot be written"), "{error}");
    // With the story beside it, both are told.
    let (_, _, both) = place.run("get danja --explain --report=json");
    assert!(both.contains("socket") && both.contains("\"connections\""), "{both}");
}

#[test]
fn the_doctor_says_what_is_permitted_and_which_way_follows() {
    let place = Place::new();
    let (code, text, _) = place.run("doctor");
    let json: Value = serde_json::from_str(&place.run("doctor --json").1).unwrap();
    assert_eq!(json["format"], 1);
    let mode = json["mode"].as_str().unwrap();
    assert_eq!(code, Some(i32::from(mode == "nothing")), "{text}");
    assert!(text.contains("danja run"), "{text}");
    let findings = json["findings"].as_array().unwrap();
    let permitted =
        |name: &str| findings.iter().find(|one| one["name"] == name).unwrap()["permitted"] == true;
    let notify = permitted("listener") && permitted("add_and_send") && permitted("pidfd_getfd");
    let tun = permitted("namespace") && (permitted("tun") || permitted("veth"));
    assert_eq!(notify, mode.contains("notify"));
    assert_eq!(tun, mode.contains("tun"));
    for one in findings {
        assert_eq!(one["permitted"] == false, one["error"].is_string(), "{one}");
    }
}

fn milliseconds(line: &str) -> Option<f64> {
    line.split("time=").nth(1)?.split(' ').next()?.parse().ok()
}

fn wait_for(running: &mut Running, wanted: impl Fn(&str) -> bool) {
    for _ in 0..400 {
        if wanted(&running.next_line()) {
            return;
        }
    }
    panic!("never: {:#?}", running.seen);
}
