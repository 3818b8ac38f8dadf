//! LANs of several programs: `danja` processes that meet on one, in a runtime directory of each
//! test's own.

mod common;

use common::{Running, skip, texts};
use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A runtime directory, and a folder to serve.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("site")).unwrap();
        fs::write(folder.path().join("site/a.txt"), "of the LAN").unwrap();
        Self { folder }
    }

    fn danja(&self, words: &str) -> Command {
        let mut command = common::danja();
        command.env("XDG_RUNTIME_DIR", self.folder.path()).args(words.split_whitespace());
        command
    }

    fn run(&self, words: &str) -> Output {
        self.danja(words).output().unwrap()
    }

    /// Runs it; standard output of a success.
    fn succeed(&self, words: &str) -> String {
        let output = self.run(words);
        let (stdout, stderr) = texts(&output);
        assert!(output.status.success(), "danja {words}: {:?}\n{stderr}", output.status);
        stdout
    }

    /// Runs it; standard error of a failure (1, or of ping 2).
    fn fail(&self, words: &str) -> String {
        let output = self.run(words);
        let (stdout, stderr) = texts(&output);
        assert!(!output.status.success(), "danja {words}:\n{stdout}\n{stderr}");
        stderr
    }

    /// A server on the LAN, once it serves.
    fn serve(&self, words: &str) -> Running {
        let site = self.folder.path().join("site");
        let mut command = self.danja("serve");
        command.arg(site).args(words.split_whitespace());
        let mut running = Running::spawn(command);
        running.line("serving");
        running
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("danja/lan-lab.sock")
    }

    /// What `danja hosts --json` says of the LAN's hosts.
    fn hosts(&self) -> Vec<serde_json::Value> {
        let shown: serde_json::Value =
            serde_json::from_str(&self.succeed("hosts lab --json")).unwrap();
        assert_eq!(shown["format"], 1);
        shown["lans"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|lan| lan["hosts"].as_array().unwrap())
            .cloned()
            .collect()
    }

    /// Waits until the LAN has ended.
    fn ended(&self) -> Duration {
        let since = Instant::now();
        while self.socket().exists() {
            assert!(since.elapsed() < Duration::from_secs(15), "the LAN does not end");
            sleep(Duration::from_millis(20));
        }
        since.elapsed()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The next test's machine is quiet again.
        if !std::thread::panicking() {
            self.ended();
        }
    }
}

#[test]
fn two_programs_meet_by_name_and_the_lan_ends_after_them() {
    let place = Place::new();
    let server = place.serve("--lan lab --name web");
    assert_eq!(place.succeed("get http://web/a.txt --lan lab --name client"), "of the LAN");
    assert_eq!(place.succeed("resolve web --lan lab").trim(), "10.0.2.15");
    let hosts = place.hosts();
    let web: Vec<_> = hosts.iter().filter(|host| host["name"] == "web").collect();
    assert_eq!((web.len(), web[0]["address"].as_str()), (1, Some("10.0.2.15")));
    assert!(web[0]["received_frames"].as_u64().unwrap() > 0);
    let table = place.succeed("hosts");
    assert!(table.starts_with("LAN ") && table.contains("lab  web"), "{table}");
    let (stdout, stderr) = texts(&place.run("hosts other"));
    let of_that_one = stdout.is_empty() && stderr.contains("\u{2018}other\u{2019} has no host");
    assert!(of_that_one, "another LAN has: {stdout}\n{stderr}");
    drop(server);
    let lived_on = place.ended();
    assert!(lived_on > Duration::from_millis(1_000), "it ended after {lived_on:?}");
    // A new one starts as the first did.
    assert!(place.succeed("ping danja -c 1 --lan lab").contains("1 received"));
}

#[test]
fn five_hosts_with_links_of_their_own() {
    let place = Place::new();
    let _server = place.serve("--lan lab --name web");
    let links = ["", "--delay 40ms", "--loss 5%", "--rate 2mbit", "--duplicate 20% --reorder 5%"];
    let clients = links.map(|link| {
        let words = format!("get http://web/a.txt --lan lab {link} -o /dev/null --json");
        (Instant::now(), link, place.danja(&words).stdout(Stdio::piped()).spawn().unwrap())
    });
    for (_, link, client) in clients {
        let output = client.wait_with_output().unwrap();
        assert!(output.status.success(), "{link}");
    }
    let times = |link: &str| {
        let output = place.succeed(&format!("ping web -c 2 -i 200ms --json --lan lab {link}"));
        let shown: serde_json::Value = serde_json::from_str(&output).unwrap();
        shown["rtt_ms"]["min"].as_f64().unwrap()
    };
    let (quick, slow) = (times(""), times("--delay 40ms"));
    assert!(quick < 40.0 && slow >= 80.0, "each has its own delay: {quick} {slow}");
}

#[test]
fn names_and_addresses_are_given_once() {
    let place = Place::new();
    let server = place.serve("--lan lab --name web --address 10.0.2.20/24");
    let error = place.fail("ping danja -c 1 --lan lab --name web");
    assert!(error.contains("taken") && error.contains("--name"), "{error}");
    let error = place.fail("ping danja -c 1 --lan lab --address 10.0.2.20/24");
    assert!(error.contains("web") && error.contains("--address"), "{error}");
    assert!(place.fail("ping danja -c 1 --lan lab --address 10.9.9.9/24").contains("10.0.2.0/24"));
    assert!(place.fail("ping danja -c 1 --lan lab --mtu 9000").contains("1500"));
    // A host that is killed leaves at once.
    drop(server);
    let again = Instant::now();
    while !place.run("ping danja -c 1 --lan lab --name web").status.success() {
        assert!(again.elapsed() < Duration::from_secs(2), "the name is not free");
    }
}

#[test]
fn commands_that_come_at_once_meet_on_one_lan() {
    let place = Place::new();
    let server = place.serve("--lan other --name web");
    let all: Vec<_> = (0..4)
        .map(|_| place.danja("ping danja -c 1 --lan lab").stdout(Stdio::null()).spawn().unwrap())
        .collect();
    for mut one in all {
        assert!(one.wait().unwrap().success());
    }
    drop(server);
    let other = place.folder.path().join("danja/lan-other.sock");
    let since = Instant::now();
    while other.exists() {
        assert!(since.elapsed() < Duration::from_secs(15));
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_stale_socket_is_replaced_and_a_link_is_refused() {
    let place = Place::new();
    place.succeed("ping danja -c 1 --lan lab");
    place.ended();
    drop(std::os::unix::net::UnixListener::bind(place.socket()).unwrap());
    assert!(place.socket().exists(), "nobody listens there");
    place.succeed("ping danja -c 1 --lan lab");
    place.ended();
    symlink("/tmp/elsewhere", place.socket()).unwrap();
    let error = place.fail("ping danja -c 1 --lan lab");
    assert!(error.contains("not a socket"), "{error}");
    fs::remove_file(place.socket()).unwrap();
}

/// A process that answers as a LAN of another version or user would; `None` without Python.
fn stranger(test: &str, socket: &Path, user: &str) -> Option<std::process::Child> {
    let script = format!(
        "import os, socket, sys\n\
         s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n\
         s.bind(sys.argv[1])\n\
         {user}\n\
         s.listen(8)\n\
         print('up', flush=True)\n\
         while True:\n\
         \x20   c, _ = s.accept()\n\
         \x20   c.recv(65536)\n\
         \x20   c.send(b'{{\"danja_lan\": 99, \"version\": \"9.9.9\", \"said\": {{}}}}')\n"
    );
    fs::create_dir_all(socket.parent().unwrap()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(socket.parent().unwrap(), mode).unwrap();
    let mut command = Command::new("python3");
    command.arg("-c").arg(script).arg(socket).stdout(Stdio::piped());
    let Ok(mut child) = command.spawn() else {
        skip(test, "there is no python3");
        return None;
    };
    let mut up = [0; 3];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut up).unwrap();
    Some(child)
}

#[test]
fn another_version_is_told_by_its_answer() {
    let place = Place::new();
    let test = "another_version_is_told_by_its_answer";
    let Some(mut other) = stranger(test, &place.socket(), "") else { return };
    let error = place.fail("ping danja -c 1 --lan lab");
    let process = other.id().to_string();
    assert!(error.contains("9.9.9") && error.contains(&format!("kill {process}")), "{error}");
    assert!(place.run("hosts").status.code() == Some(1));
    other.kill().unwrap();
    other.wait().unwrap();
    fs::remove_file(place.socket()).unwrap();
}

#[test]
fn another_users_lan_is_not_talked_to() {
    let place = Place::new();
    let test = "another_users_lan_is_not_talked_to";
    if !rustix::process::geteuid().is_root() {
        return skip(test, "only root can be two users");
    }
    let Some(mut other) = stranger(test, &place.socket(), "os.setuid(65534)") else { return };
    let error = place.fail("ping danja -c 1 --lan lab");
    assert!(error.contains("another user"), "{error}");
    other.kill().unwrap();
    other.wait().unwrap();
    fs::remove_file(place.socket()).unwrap();
}

#[test]
fn a_stopped_host_blocks_nobody() {
    let place = Place::new();
    let stopped = place.serve("--lan lab --name slow");
    let _server = place.serve("--lan lab --name web");
    // Its neighbours know it before it stops.
    let flood = "ping slow -c 800 -s 60000 -i 2ms -W 100ms --lan lab";
    let mut flood = place.danja(flood).stdout(Stdio::null()).spawn().unwrap();
    sleep(Duration::from_millis(500));
    let id = stopped.id().to_string();
    assert!(Command::new("kill").args(["-STOP", &id]).status().unwrap().success());
    assert!(flood.wait().unwrap().success(), "some came before");
    assert_eq!(place.succeed("get http://web/a.txt --lan lab"), "of the LAN");
    let slow = place.hosts().into_iter().find(|host| host["name"] == "slow").unwrap();
    assert!(slow["dropped_frames"].as_u64().unwrap() > 0, "{slow}");
    assert!(Command::new("kill").args(["-CONT", &id]).status().unwrap().success());
}

#[test]
fn a_port_of_the_machine_leads_to_a_host_of_the_lan() {
    let place = Place::new();
    let mut server = place.serve("--lan lab --name web --publish 127.0.0.1:0");
    let line = server.line("published");
    let at = line.split("http://").nth(1).unwrap().trim_end_matches('/').to_owned();
    let mut stream = std::net::TcpStream::connect(at).unwrap();
    std::io::Write::write_all(&mut stream, b"GET /a.txt HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.ends_with("of the LAN"), "{answer}");
}

#[test]
fn a_udp_port_of_the_machine_leads_to_a_host_of_the_lan() {
    let place = Place::new();
    let test = "a_udp_port_of_the_machine_leads_to_a_host_of_the_lan";
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let words = format!("run --lan lab --intercept tun --publish {port}:7/udp -- python3 -c");
    let script = "import socket\n\
                  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n\
                  s.bind(('', 7))\n\
                  print('bound', file=__import__('sys').stderr, flush=True)\n\
                  data, peer = s.recvfrom(99)\n\
                  s.sendto(data + b' from ' + peer[0].encode(), peer)\n";
    let mut command = place.danja(&words);
    command.arg(script);
    let mut running = Running::spawn(command);
    loop {
        let line = running.next_line();
        if line.contains("no namespace") || line.contains("no such program") {
            return skip(test, &line);
        }
        if line == "bound" {
            break;
        }
    }
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(("127.0.0.1", port)).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client.send(b"hello").unwrap();
    let mut answer = [0; 64];
    let length = client.recv(&mut answer).unwrap();
    assert_eq!(&answer[..length], b"hello from 10.0.2.2");
}

/// A web server of the machine's loopback that says `of the machine` to whoever comes.
fn machine() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let answer = b"HTTP/1.0 200 OK\r\nContent-Length: 14\r\n\r\nof the machine";
            let _ = std::io::Write::write_all(&mut stream, answer);
        }
    });
    port
}

#[test]
fn what_each_host_reaches_is_its_own_affair() {
    let place = Place::new();
    // The LAN's first host says nothing; its rules are not the others'.
    let _first = place.serve("--lan lab --name web");
    let (port, other) = (machine(), machine());
    let get = |port: u16, rules: &str| format!("get http://host:{port}/ --lan lab {rules}");
    assert_eq!(place.succeed(&get(port, "--host-access")), "of the machine");
    assert_eq!(place.succeed(&get(port, &format!("--host-access={port}"))), "of the machine");
    assert!(place.fail(&get(other, &format!("--host-access={port}"))).contains("refused"));
    // Nothing of that is left for who has the same address next.
    assert!(place.fail(&get(port, "")).contains("refused"));
    // Neither is the machine reached by who has no way out, unless it says so.
    assert!(place.fail(&get(port, "--no-outside")).contains("refused"));
    assert_eq!(place.succeed(&get(port, "--no-outside --host-access")), "of the machine");
    let outside = "get http://192.0.2.1:9/ --lan lab";
    for rules in [
        "--no-outside",
        "--deny 192.0.2.0/24",
        "--deny 192.0.2.1:1-9",
        "--allow 198.51.100.0/24 --allow 192.0.2.1:10",
    ] {
        let said = place.fail(&format!("{outside} {rules}"));
        assert!(said.contains("prohibited"), "{rules}: {said}");
    }
    // Names of the world are asked for by who has a way there.
    let said = place.fail("resolve nobody.example --lan lab --no-outside");
    assert!(said.contains("Refused"), "{said}");
}

/// The process of this place's LAN.
fn lan_process(place: &Place) -> String {
    let is_ours = |process: &Path| {
        let words = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        let directory = place.folder.path().to_str().unwrap();
        words.starts_with("danja\0lan-process\0lab\0")
            && String::from_utf8_lossy(&environment).contains(directory)
    };
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let found = processes.into_iter().find(|process| is_ours(process)).unwrap();
    found.file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn hosts_are_told_that_their_lan_has_ended() {
    let place = Place::new();
    let mut web = place.serve("--lan lab --name web");
    let process = lan_process(&place);
    assert!(Command::new("kill").args(["-KILL", &process]).status().unwrap().success());
    let told = web.line("has ended");
    assert!(told.contains("\u{2018}lab\u{2019}") && told.contains("again"), "{told}");
    // Who has left is told nothing, and who comes now has a LAN again.
    let again = place.run("ping danja -c 1 --lan lab --name web");
    let (stdout, stderr) = texts(&again);
    assert!(again.status.success() && !stderr.contains("ended"), "{stdout}\n{stderr}");
}

/// A launcher has its signals blocked, which whatever it starts would inherit.
#[test]
fn a_lan_that_a_launcher_started_ends_when_it_is_told() {
    let place = Place::new();
    let mut running = Running::spawn(place.danja("run --lan lab --name web -- sleep 20"));
    let line = running.next_line();
    if line.contains("no namespace") {
        return skip("a_lan_that_a_launcher_started_ends_when_it_is_told", &line);
    }
    let process = lan_process(&place);
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    running.line("has ended");
    running.interrupt();
    // What it left behind, and the next of its name would replace.
    fs::remove_file(place.socket()).unwrap();
}

#[test]
fn a_hosts_link_is_changed_while_it_is_on_the_lan() {
    let place = Place::new();
    let _web = place.serve("--lan lab --name web");
    let _other = place.serve("--lan lab --name other");
    let ping = |words: &str| -> serde_json::Value {
        let output = place.run(&format!("ping --json --lan lab -i 20ms {words}"));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let least = |name: &str| ping(&format!("{name} -c 3"))["rtt_ms"]["min"].as_f64().unwrap();
    assert!(least("web") < 100.0);
    place.succeed("link web --delay 60ms");
    assert!(least("web") >= 120.0, "both ways");
    assert!(least("other") < 100.0, "the others' links are as they were");
    place.succeed("link web --reset --loss-up 100%");
    let lost = ping("web -c 5 -W 500ms");
    assert_eq!(lost["received"], 0, "{lost}");
    assert!(place.succeed("link web").contains("lost"));
    place.succeed("link web --reset");
    assert_eq!(ping("web -c 3")["received"], 3);
    assert!(place.succeed("link web --down").contains("web"));
    assert_eq!(ping("web -c 2 -W 200ms")["received"], 0);
    assert_eq!(ping("other -c 2")["received"], 2);
    place.succeed("link web --up");
    // It may be asked for its hardware address anew, a second apart.
    let again = Instant::now();
    while ping("web -c 1")["received"] != 1 {
        assert!(again.elapsed() < Duration::from_secs(20), "it is not back");
    }
}
