//! What the kernel's side of the cable saw, judged by tshark.

use std::fs;

use crate::namespace::{DEVICE, KERNEL, Namespace, STACK};
use crate::program::Program;
use crate::server::{nginx, write_file};

/// Packets that tshark cannot read. Checksums are not looked at: the kernel leaves its own to the
/// device, and a capture shows them unfinished.
const MALFORMED: &str =
    "_ws.malformed || _ws.short || ip.bogus_header_length || tcp.bogus_header_length";

#[test]
fn no_packet_on_the_cable_is_malformed() {
    let Some(namespace) = Namespace::new("no_packet_on_the_cable_is_malformed") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (pages, scratch) = (folder.path().join("pages"), folder.path().join("scratch"));
    fs::create_dir(&pages).and_then(|()| fs::create_dir(&scratch)).expect("the folder is ours");
    write_file(&pages.join("page"), 300_000, 4);
    let kernels = folder.path().join("kernel.pcapng");
    let ours = folder.path().join("danja.pcapng");

    let mut command = namespace.command("tshark");
    command.args(["-q", "-i", DEVICE, "-w"]).arg(&kernels);
    let mut tshark = Program::start(command);
    tshark.wait_for("Capturing on");
    let _server = nginx(&namespace, &pages, &scratch);

    let url = format!("http://{KERNEL}/page");
    let pcap = ours.to_string_lossy();
    let page = Program::succeed(namespace.danja(&["get", &url, "--pcap", &pcap]));
    assert_eq!(page.len(), 300_000);
    // A closed port, an address that is not there, and a ping in fragments.
    let closed = Program::run(namespace.danja(&["get", &format!("http://{KERNEL}:81/")]));
    assert_eq!(closed.status.code(), Some(1), "{}", closed.stderr);
    Program::succeed(namespace.danja(&["ping", KERNEL, "-c", "1", "-s", "5000"]));
    let mut server = Program::start(namespace.danja(&["serve", &pages.to_string_lossy()]));
    server.wait_for("serving");
    let served = namespace.shell(&format!("curl -sS --fail http://{STACK}/page | wc -c"));
    assert_eq!(served.trim(), "300000");
    server.end();
    tshark.end();

    for file in [&kernels, &ours] {
        let count = |filter: &str| {
            let mut command = namespace.command("tshark");
            command.arg("-r").arg(file).args(["-Y", filter]);
            String::from_utf8_lossy(&Program::succeed(command)).into_owned()
        };
        assert!(count("tcp").lines().count() > 20, "{} has the journey", file.display());
        assert_eq!(count(MALFORMED), "", "{}", file.display());
    }
}
