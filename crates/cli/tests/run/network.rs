//! The network that a program sees: the page, names, echo, refusals, and a namespace with the
//! host's own addresses.

use crate::common::{skip, texts};
use crate::launched::Launcher;
use std::process::Command;

/// Whether the machine has this program; else a skip.
pub(crate) fn has(test: &str, program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        skip(test, &format!("there is no {program}"));
    }
    found
}

#[test]
fn curl_prints_the_page() {
    if !has("curl_prints_the_page", "curl") {
        return;
    }
    for launcher in Launcher::all() {
        for options in ["", "--intercept tun", "--intercept tun --delay 5ms --loss 5% --seed 7"] {
            let words = ["curl", "-sS", "--max-time", "60", "http://danja/"];
            let Some(output) = launcher.run("curl_prints_the_page", options, words) else { return };
            let (page, said) = texts(&output);
            assert_eq!(output.status.code(), Some(0), "{options}: {said}");
            assert!(page.starts_with("Danja: a protocol stack at work"), "{options}: {page}");
            assert!(page.contains("You are 10.0.2.15:"), "{page}");
            // Which way was taken is said once.
            assert_eq!(said.matches("(way: ").count(), 1, "{said}");
        }
    }
}

#[test]
fn a_refused_port_is_refused_and_a_silent_host_is_unreachable() {
    if !has("a_refused_port", "curl") {
        return;
    }
    for launcher in Launcher::all() {
        let line = "curl -s -m 20 http://10.0.2.2:81/; echo $?
                    curl -s -m 20 http://10.0.2.77/; echo $?";
        let options = "--intercept tun";
        let Some(output) = launcher.shell("a_refused_port", options, line) else { return };
        assert_eq!(texts(&output).0, "7\n7\n", "{}", texts(&output).1);
    }
}

#[test]
fn a_namespace_has_the_hosts_address_and_name_server() {
    if !has("a_namespace", "ip") {
        return;
    }
    for launcher in Launcher::all() {
        let line = "ip -br address; ip route; cat /etc/resolv.conf";
        let options = "--intercept tun";
        let Some(output) = launcher.shell("a_namespace", options, line) else { return };
        let text = texts(&output).0;
        assert!(text.contains("10.0.2.15/24"), "{text}");
        assert!(text.contains("default via 10.0.2.2 dev lan0"), "{text}");
        assert!(text.contains("nameserver 10.0.2.2"), "{text}");
        // Nothing else: itself, and the one device.
        let interfaces = ["UP", "DOWN", "UNKNOWN"];
        let is_interface = |line: &&str| interfaces.iter().any(|state| line.contains(state));
        assert_eq!(text.lines().filter(is_interface).count(), 2, "{text}");
    }
}

#[test]
fn large_datagrams_go_through_the_device() {
    let test = "large_datagrams";
    if !has(test, "ping") {
        return;
    }
    for launcher in Launcher::all() {
        let ping = ["ping", "-c", "1", "-s", "5000", "-W", "10", "danja"];
        let Some(output) = launcher.run(test, "--intercept tun", ping) else { return };
        let (out, said) = texts(&output);
        assert_eq!(output.status.code(), Some(0), "{out}{said}");
    }
}

#[test]
fn ping_and_udp_go_through_the_device() {
    let test = "ping_and_udp";
    if !has(test, "ping") || !has(test, "python3") {
        return;
    }
    for launcher in Launcher::all() {
        let options = "--intercept tun";
        let ping = ["ping", "-c", "2", "-i", "0.2", "-W", "5", "danja"];
        let Some(output) = launcher.run(test, options, ping) else { return };
        let (out, said) = texts(&output);
        assert_eq!(output.status.code(), Some(0), "{out}{said}");
        assert!(out.contains("2 received"), "{out}");

        // A question to the router by hand; and a port where nobody is, which says so.
        let script = "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.sendto(bytes.fromhex('123401000001000000000000') + b'\\5danja\\0\\0\\1\\0\\1', ('10.0.2.2', 53))
answer, peer = s.recvfrom(999)
print(answer[:2].hex(), socket.inet_ntoa(answer[-4:]), peer)
s.connect(('10.0.2.2', 99))
s.send(b'?')
try:
    s.recv(9)
except ConnectionRefusedError:
    print('refused')
";
        let words = ["python3", "-c", script];
        let Some(output) = launcher.run(test, options, words) else { return };
        let (out, said) = texts(&output);
        assert_eq!(out, "1234 10.0.2.2 ('10.0.2.2', 53)\nrefused\n", "{said}");
    }
}

#[test]
fn names_resolve_where_the_machine_has_no_resolv_conf() {
    let test = "no_resolv_conf";
    if !has(test, "curl") || !has(test, "unshare") {
        return;
    }
    // A machine like this one, in whose /etc the file is missing.
    let folder = tempfile::tempdir().unwrap();
    let own = Launcher::own().command("-q --intercept tun");
    let script = format!(
        "cp -a /etc {0}/etc 2>/dev/null; rm -f {0}/etc/resolv.conf; mount --bind {0}/etc /etc &&
         ! test -e /etc/resolv.conf && exec \"$@\"",
        folder.path().display()
    );
    let output = Command::new("timeout")
        .args(["60", "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", &script, "sh"])
        .arg(own.get_program())
        .args(own.get_args())
        .args(["curl", "-sS", "--max-time", "20", "http://danja/"])
        .output()
        .unwrap();
    let (page, said) = texts(&output);
    if said.contains("no namespace") || said.contains("unshare:") {
        return skip(test, said.trim());
    }
    assert!(page.starts_with("Danja: a protocol stack at work"), "{page}{said}");
}

#[test]
fn without_namespaces_auto_says_so_and_traps_calls_alone() {
    let test = "without_namespaces";
    if !has(test, "curl") || !has(test, "setpriv") {
        return;
    }
    let script = "echo 0 >/proc/sys/user/max_user_namespaces &&
                  exec setpriv --bounding-set -all --inh-caps -all \"$@\"";
    let run = |way: &str| {
        let own = Launcher::own().command(&format!("--intercept {way}"));
        let mut command = Command::new("timeout");
        command.args(["60", "unshare", "--user", "--map-root-user", "sh", "-c", script, "sh"]);
        command.arg(own.get_program()).args(own.get_args());
        texts(&command.args(["curl", "-sS", "http://10.0.2.2/"]).output().unwrap())
    };
    let (page, said) = run("auto");
    if said.contains("unshare:") || said.contains("no way from") {
        return skip(test, said.trim());
    }
    assert!(page.starts_with("Danja: a protocol stack at work"), "{page}{said}");
    assert!(said.contains("danja: curl runs on Danja's TCP and UDP (way: notify)"), "{said}");
    assert!(said.contains("danja: no namespace: this process cannot make"), "{said}");
    assert!(said.contains("danja doctor"), "{said}");
    let (page, said) = run("tun");
    assert_eq!(page, "", "{said}");
    assert!(said.contains("danja: no namespace: this process cannot make namespaces"), "{said}");
}

#[test]
fn datagrams_that_the_kernel_shall_cut_arrive_cut() {
    let test = "datagrams_that_the_kernel_shall_cut";
    if !has(test, "python3") {
        return;
    }
    // Two questions to the router's DNS, in one call with UDP_SEGMENT (103 of level 17).
    let script = "
import socket
question = b'\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\5danja\\0\\0\\1\\0\\1'
both = [number + question for number in (b'\\0\\7', b'\\0\\x08')]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(17, 103, len(both[0]))
s.settimeout(5)
s.connect(('10.0.2.2', 53))
answered = set()
for _ in range(3):
    s.send(b''.join(both))
    try:
        while len(answered) < 2: answered.add(s.recv(1000)[1])
    except TimeoutError: continue
print(sorted(answered))";
    for launcher in Launcher::all() {
        for way in ["auto", "tun"] {
            let options = format!("-q --intercept {way}");
            let Some(output) = launcher.run(test, &options, ["python3", "-c", script]) else {
                return;
            };
            let (out, said) = texts(&output);
            assert_eq!(out, "[7, 8]\n", "{way}: {said}");
        }
    }
}
