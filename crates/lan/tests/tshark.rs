//! Captures as Wireshark reads them.

mod common;

use common::frames::Flow;
use common::skip;
use danja_lan::cable::{Switch, pair};
use danja_lan::capture::{Capture, CaptureOptions, Captured, Direction};
use danja_lan::{Adapter, MacAddress};
use danja_wire::{Instant, Payload};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A file that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("danja-lan-{}-{name}.pcapng", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The lines that `tshark -r FILE` with these words prints; `None` (and a skip) without tshark.
fn tshark(test: &str, file: &Path, words: &[&str]) -> Option<Vec<String>> {
    let checks = ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"];
    let checks = checks.iter().flat_map(|check| ["-o".to_owned(), format!("{check}:TRUE")]);
    let output = match Command::new("tshark").arg("-r").arg(file).args(checks).args(words).output()
    {
        Ok(output) => output,
        Err(error) => {
            skip(test, &format!("tshark: {error}"));
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

const BAD: &str = "_ws.malformed || ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0 || !(tcp || udp)";

#[test]
fn every_packet_is_well_formed_and_where_it_belongs() {
    let test = "every_packet_is_well_formed_and_where_it_belongs";
    let scratch = Scratch::new("wire");
    let capture =
        Capture::create(&scratch.0, CaptureOptions::new(Duration::from_secs(1_700_000_000)))
            .unwrap();
    let switch = Switch::new();
    let mut ports = [1, 2].map(|last| {
        Captured::new(
            switch.port(MacAddress([2, 0, 0, 0, 0, last])),
            &capture,
            &format!("host{last}"),
        )
        .with_direction(Direction::Transmitted)
    });
    let mut frames = vec![
        Flow::between(1, 2).udp(b"hello"),
        Flow::between(1, 2).data(100, Payload::from(vec![b'a'; 4_000]), 1460),
    ];
    ports[0].transmit(Instant::from_nanos(1_234_567_891), &mut frames).unwrap();
    ports[1].transmit(Instant::from_secs(2), &mut vec![Flow::between(2, 1).udp(b"bye")]).unwrap();
    // Neither finished nor dropped: as if the process had been killed here.
    let Some(bad) = tshark(test, &scratch.0, &["-Y", BAD]) else { return };
    assert!(bad.is_empty(), "{bad:#?}");
    let words = "-T fields -E separator=; -e frame.interface_name -e frame.time_epoch -e frame.len -e tcp.seq_raw";
    let fields: Vec<&str> = words.split(' ').collect();
    let lines = tshark(test, &scratch.0, &fields).unwrap();
    assert_eq!(
        lines,
        [
            "host1;1700000001.234567891;47;",
            "host1;1700000001.234567891;1514;100",
            "host1;1700000001.234567891;1514;1560",
            "host1;1700000001.234567891;1134;3020",
            "host2;1700000002.000000000;45;",
        ]
    );
    capture.finish().unwrap();
}

#[test]
fn packets_without_a_link_header_are_read_as_ip() {
    let test = "packets_without_a_link_header_are_read_as_ip";
    let scratch = Scratch::new("ip");
    let capture =
        Capture::create(&scratch.0, CaptureOptions::default().with_comment("단자")).unwrap();
    let (near, _far) = pair();
    let mut near = Captured::new(near, &capture, "tun0").with_comment("curl");
    near.transmit(
        Instant::ZERO,
        &mut vec![Flow::between(1, 2).ip().data(0, Payload::from(vec![0; 3_000]), 1460)],
    )
    .unwrap();
    let Some(bad) = tshark(test, &scratch.0, &["-Y", BAD]) else { return };
    assert!(bad.is_empty(), "{bad:#?}");
    let fields: Vec<&str> =
        "-T fields -E separator=; -e ip.dst -e tcp.len -e frame.comment".split(' ').collect();
    let lines = tshark(test, &scratch.0, &fields).unwrap();
    assert_eq!(lines, ["10.0.0.2;1460;curl", "10.0.0.2;1460;curl", "10.0.0.2;80;curl"]);
}

#[test]
fn the_filter_finds_what_is_wrong() {
    let test = "the_filter_finds_what_is_wrong";
    let scratch = Scratch::new("raw");
    let capture = Capture::create(&scratch.0, CaptureOptions::default()).unwrap();
    let (near, _far) = pair();
    let mut near = Captured::new(near, &capture, "tun0").with_raw(true);
    near.transmit(
        Instant::ZERO,
        &mut vec![Flow::between(1, 2).ip().data(0, Payload::from(vec![7; 100]), 0)],
    )
    .unwrap();
    let Some(bad) = tshark(test, &scratch.0, &["-Y", BAD]) else { return };
    assert_eq!(bad.len(), 1, "a partial checksum is a wrong one on a wire");
}
