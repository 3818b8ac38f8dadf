//! A VLAN of the cable, with the kernel's own 802.1Q at the other end.

use std::fs;

use crate::namespace::{DEVICE, Namespace};
use crate::program::Program;
use crate::server::{sha256, size, write_file};
use crate::skip::skip;

#[test]
fn a_page_over_a_vlan_both_ways() {
    let test = "a_page_over_a_vlan_both_ways";
    let Some(namespace) = Namespace::new(test) else { return };
    let made = format!("ip link add link {DEVICE} name {DEVICE}.7 type vlan id 7");
    if !namespace.command("sh").args(["-c", &made]).status().is_ok_and(|it| it.success()) {
        skip(test, "the kernel makes no VLAN interface");
        return;
    }
    namespace
        .shell(&format!("ip address add 10.7.0.1/24 dev {DEVICE}.7; ip link set {DEVICE}.7 up"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("file");
    write_file(&file, size(64 << 20, 8 << 20), 7);
    let on_vlan = ["--tap", DEVICE, "--vlan", "7", "--address", "10.7.0.2/24"];
    let danja = |arguments: &[&str]| {
        let mut command = namespace.command(env!("CARGO_BIN_EXE_danja"));
        command.args(arguments).args(on_vlan);
        command
    };
    // The stack sends (segments are cut by the kernel) …
    let pages = folder.path().to_string_lossy().into_owned();
    let mut server = Program::start(danja(&["serve", &pages]));
    server.wait_for("10.7.0.2");
    let fetched = folder.path().join("fetched");
    namespace.shell(&format!("curl -sS --fail http://10.7.0.2/file -o {}", fetched.display()));
    assert_eq!(sha256(&file), sha256(&fetched));
    server.end();
    // … and receives.
    fs::remove_file(&fetched).expect("it is ours");
    let mut python = namespace.command("python3");
    python.args(["-m", "http.server", "8000", "--bind", "10.7.0.1", "--directory", &pages]);
    let _python = Program::start(python);
    crate::server::wait_until_listening(&namespace, 8000);
    let page = Program::succeed(danja(&["get", "http://10.7.0.1:8000/file"]));
    assert_eq!(page, fs::read(&file).expect("it is there"));
    // Without the tag nobody is there.
    let untagged = namespace.command("sh").args(["-c", "ping -c1 -W1 10.9.0.2"]).status();
    assert!(!untagged.expect("sh is there").success());
}
