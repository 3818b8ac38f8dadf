//! Addresses from DHCP servers on the kernel's side: dnsmasq, and busybox's udhcpd for leases that
//! are short enough to be seen ending.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::namespace::{DEVICE, KERNEL, Namespace};
use crate::program::{PATIENCE, Program};
use crate::server::wait_until_listening;
use crate::skip::skip;

/// The first address that the servers lend; udhcpd has no other.
const LENT: &str = "10.9.0.77";

/// dnsmasq with DNS and DHCP.
fn dnsmasq(namespace: &Namespace, scratch: &Path) -> Program {
    let lines = format!(
        "port=53\nno-resolv\nno-hosts\nno-ping\nlisten-address={KERNEL}\nbind-interfaces\n\
         host-record=web.example,{KERNEL}\ndomain=example\n\
         dhcp-range={LENT},10.9.0.97,255.255.255.0,1h\ndhcp-authoritative\n\
         dhcp-option=option:router,{KERNEL}\ndhcp-option=option:dns-server,{KERNEL}\n\
         dhcp-option=option:mtu,1400\n\
         dhcp-leasefile={}\nlog-dhcp\n",
        scratch.join("leases").display()
    );
    let file = scratch.join("dnsmasq.conf");
    fs::write(&file, lines).expect("the folder is ours");
    let mut command = namespace.command("dnsmasq");
    command.arg("--no-daemon").arg("--pid-file=").arg("--user=root");
    command.arg(format!("--conf-file={}", file.display()));
    let program = Program::start(command);
    wait_until_listening(namespace, 53);
    program
}

/// udhcpd with leases of so many seconds.
fn udhcpd(namespace: &Namespace, scratch: &Path, seconds: u32) -> Program {
    let leases = scratch.join("udhcpd.leases");
    fs::write(&leases, "").expect("the folder is ours");
    let lines = format!(
        "start {LENT}\nend {LENT}\ninterface {DEVICE}\nlease_file {}\npidfile {}\n\
         option subnet 255.255.255.0\noption router {KERNEL}\noption lease {seconds}\n\
         min_lease {seconds}\n",
        leases.display(),
        scratch.join("udhcpd.pid").display()
    );
    let file = scratch.join("udhcpd.conf");
    fs::write(&file, lines).expect("the folder is ours");
    let mut command = namespace.command("busybox");
    command.args(["udhcpd", "-f"]).arg(&file);
    let mut program = Program::start(command);
    program.wait_for("started");
    program
}

/// Whether the page of the host shows the address.
fn has_address(namespace: &Namespace) -> bool {
    let page = namespace.shell("curl -sS --max-time 60 http://127.0.0.1:8098/api/hosts");
    page.contains(LENT)
}

fn wait_for_address(namespace: &Namespace, there: bool) {
    let end = Instant::now() + PATIENCE;
    while has_address(namespace) != there {
        assert!(Instant::now() < end, "the address was never there: {there}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_address_and_names_come_from_dnsmasq() {
    let test = "an_address_and_names_come_from_dnsmasq";
    let Some(namespace) = Namespace::new(test) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = dnsmasq(&namespace, folder.path());
    // Its name comes from the domain that the server told, by the DNS server it told.
    let found = Program::run(namespace.danja_by_dhcp(&["resolve", "web"]));
    assert_eq!(found.text().trim(), KERNEL, "{}\n{}", found.stderr, server.said());
    assert!(found.stderr.contains("has 10.9.0."), "{}", found.stderr);
    let ping = Program::run(namespace.danja_by_dhcp(&["ping", KERNEL, "--count", "2"]));
    assert_eq!(ping.status.code(), Some(0), "{}\n{}", ping.stderr, server.said());
    let said = server.end().stderr;
    assert!(said.contains("DHCPACK"), "{said}");
}

#[test]
fn nobody_lends_an_address() {
    let Some(namespace) = Namespace::new("nobody_lends_an_address") else { return };
    let found = Program::run(namespace.danja_by_dhcp(&["ping", KERNEL]));
    assert_eq!(found.status.code(), Some(2), "{}", found.stderr);
    assert!(found.stderr.contains("SELECTING"), "{}", found.stderr);
    assert!(found.stderr.contains("DHCP server"), "{}", found.stderr);
}

#[test]
fn a_short_lease_is_renewed_and_ends_with_its_server() {
    let test = "a_short_lease_is_renewed_and_ends_with_its_server";
    let Some(namespace) = Namespace::new(test) else { return };
    if std::process::Command::new("busybox").output().is_err() {
        skip(test, "busybox, with its udhcpd, is not there");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pages = folder.path().join("pages");
    fs::create_dir(&pages).expect("the folder is ours");
    fs::write(pages.join("page"), "lent").expect("the folder is ours");
    let server = udhcpd(&namespace, folder.path(), 20);
    let pages = pages.to_string_lossy().into_owned();
    let serve = ["serve", &pages, "--inspect", "8098"];
    let mut program = Program::start(namespace.danja_by_dhcp(&serve));
    program.wait_for("8098");
    wait_for_address(&namespace, true);
    let fetch = || namespace.shell(&format!("curl -sS --max-time 60 http://{LENT}/page"));
    assert_eq!(fetch(), "lent");
    // Longer than the lease: it was renewed.
    thread::sleep(Duration::from_secs(25));
    assert!(has_address(&namespace), "{}", server.said());
    assert_eq!(fetch(), "lent");
    // The server goes, and with it, in time, the address.
    server.end();
    wait_for_address(&namespace, false);
    // It comes back.
    let _server = udhcpd(&namespace, folder.path(), 600);
    wait_for_address(&namespace, true);
    assert_eq!(fetch(), "lent");
    program.end();
}
