//! `--nic`: a station of its own on a network interface of the machine, beside the kernel.

use std::fs;

use crate::namespace::Namespace;
use crate::program::Program;

/// A pair of interfaces: the kernel of the namespace is 10.8.0.1 on one end; the other is ours.
const VETH: &str = "
    ip link add kernel0 type veth peer name nic0
    ip address add 10.8.0.1/24 dev kernel0
    ip link set kernel0 up
    ip link set nic0 up";
const NIC: [&str; 4] = ["--nic", "nic0", "--address", "10.8.0.2/24"];

fn danja(namespace: &Namespace, words: &[&str]) -> std::process::Command {
    let mut command = namespace.command(env!("CARGO_BIN_EXE_danja"));
    command.args(words).args(NIC);
    command
}

#[test]
fn a_station_on_an_interface_serves_fetches_and_is_pinged() {
    let test = "a_station_on_an_interface_serves_fetches_and_is_pinged";
    let Some(namespace) = Namespace::new(test) else { return };
    namespace.shell(VETH);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page: String = (0..100_000).map(|line| format!("line {line}\n")).collect();
    fs::write(folder.path().join("page"), &page).expect("the folder is ours");
    let site = folder.path().to_string_lossy().into_owned();
    let mut server = Program::start(danja(&namespace, &["serve", &site]));
    server.wait_for("serving");
    assert_eq!(namespace.shell("curl -sS --max-time 60 http://10.8.0.2/page"), page);
    for size in ["56", "20000"] {
        let said = namespace.shell(&format!("ping -c 2 -i 0.2 -W 5 -s {size} 10.8.0.2"));
        assert!(said.contains("2 received"), "{size} bytes: {said}");
    }
    // It is a station: it has the address that it asked for, and its neighbour the kernel's.
    let neighbours = namespace.shell("ip neighbour show dev kernel0");
    assert!(neighbours.contains("10.8.0.2 lladdr 02:00:0a:08:00:02"), "{neighbours}");
    drop(server.end());
    // Ours asks, with an MTU of its own.
    let pinged = Program::run(danja(&namespace, &["ping", "10.8.0.1", "-c", "2", "--mtu", "600"]));
    assert!(pinged.text().contains("2 received"), "{}{}", pinged.text(), pinged.stderr);
}

#[test]
fn an_interface_that_cannot_be_used_is_named() {
    let Some(namespace) = Namespace::new("an_interface_that_cannot_be_used_is_named") else {
        return;
    };
    namespace.shell(VETH);
    let mut command = namespace.command(env!("CARGO_BIN_EXE_danja"));
    command.args(["ping", "10.8.0.1", "--nic", "nic9", "--address", "10.8.0.2/24"]);
    let finished = Program::run(command);
    assert_eq!(finished.status.code(), Some(2), "{}", finished.stderr);
    assert!(finished.stderr.contains("nic9"), "{}", finished.stderr);
    let finished = Program::run(danja(&namespace, &["ping", "10.8.0.1", "--mtu", "9000"]));
    assert_eq!(finished.status.code(), Some(2), "{}", finished.stderr);
    assert!(finished.stderr.contains("--mtu 1500"), "{}", finished.stderr);
}
