//! Names from dnsmasq, over UDP and, where the answer is cut short, over TCP.

use std::fs;
use std::path::Path;

use crate::namespace::{KERNEL, Namespace};
use crate::program::Program;
use crate::server::{nginx, wait_until_listening};

/// A name with so many addresses that its answer is beyond 512 bytes.
const MANY: usize = 60;

/// Starts dnsmasq on the kernel's side, with a small name and a large one.
fn dnsmasq(namespace: &Namespace, scratch: &Path) -> Program {
    let mut lines = format!(
        "port=53\nno-resolv\nno-hosts\nlisten-address={KERNEL}\nbind-interfaces\n\
         edns-packet-max=512\nhost-record=web.example,{KERNEL}\n"
    );
    for index in 1..=MANY {
        lines += &format!("host-record=many.example,192.0.2.{index}\n");
    }
    let file = scratch.join("dnsmasq.conf");
    fs::write(&file, lines).expect("the folder is ours");
    let mut command = namespace.command("dnsmasq");
    command.arg("--no-daemon").arg("--conf-file").arg("--pid-file=").arg("--user=root");
    command.arg(format!("--conf-file={}", file.display()));
    let program = Program::start(command);
    wait_until_listening(namespace, 53);
    program
}

#[test]
fn names_come_from_dnsmasq() {
    let Some(namespace) = Namespace::new("names_come_from_dnsmasq") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let _dns = dnsmasq(&namespace, folder.path());
    let resolve = |name| Program::run(namespace.danja(&["resolve", name, "--dns", KERNEL]));

    let found = resolve("web.example");
    assert_eq!(found.text().trim(), KERNEL, "{}", found.stderr);

    let found = resolve("many.example");
    let text = found.text();
    let mut addresses: Vec<&str> = text.lines().map(str::trim).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), MANY, "cut short: {text}{}", found.stderr);
    assert!(addresses.iter().all(|address| address.starts_with("192.0.2.")), "{text}");

    let missing = resolve("missing.example");
    assert_eq!(missing.status.code(), Some(1), "{}{}", missing.text(), missing.stderr);
    assert!(missing.stderr.contains("missing.example"), "{}", missing.stderr);
}

#[test]
fn a_page_is_fetched_by_its_name() {
    let Some(namespace) = Namespace::new("a_page_is_fetched_by_its_name") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("page"), "by name").expect("the folder is ours");
    let _dns = dnsmasq(&namespace, folder.path());
    let _server = nginx(&namespace, folder.path(), folder.path());
    let page =
        Program::succeed(namespace.danja(&["get", "http://web.example/page", "--dns", KERNEL]));
    assert_eq!(page, b"by name");
    let nobody = Program::run(namespace.danja(&["get", "http://web.example/page"]));
    assert_eq!(nobody.status.code(), Some(1), "{}", nobody.stderr);
    assert!(nobody.stderr.contains("--dns SERVER"), "{}", nobody.stderr);
}
