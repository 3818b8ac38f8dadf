//! A capture whose disk becomes full: the traffic goes on, and the file ends with a whole block.

mod common;

use common::frames::Flow;
use danja_lan::Adapter;
use danja_lan::cable::pair;
use danja_lan::capture::{Capture, CaptureOptions, Captured};
use danja_wire::Instant;
use std::path::PathBuf;
use std::process::Command;

/// Names the file to the process that may write only a little.
const FILE: &str = "DANJA_TEST_FULL_DISK";
/// Bytes that it may write into one file: 16 blocks of 512.
const LIMIT: usize = 8192;

#[test]
fn the_file_ends_with_a_whole_block() {
    if let Some(path) = std::env::var_os(FILE) {
        return fill(PathBuf::from(path));
    }
    let path = std::env::temp_dir().join(format!("danja-lan-{}-full.pcapng", std::process::id()));
    // The limit on the size of a file stands for the disk's end: a write is cut short there, too.
    let output = Command::new("sh")
        .args(["-c", "ulimit -f 16; trap '' XFSZ; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "the_file_ends_with_a_whole_block", "--nocapture"])
        .env(FILE, &path)
        .output()
        .unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut at, mut blocks) = (0, 0);
    while at < bytes.len() {
        let length = u32::from_ne_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        let end = at + length;
        assert!(end <= bytes.len(), "a block of {length} bytes at {at} of {}", bytes.len());
        assert_eq!(bytes[at + 4..at + 8], bytes[end - 4..end], "its length stands at both ends");
        (at, blocks) = (end, blocks + 1);
    }
    assert!(blocks > 2 && bytes.len() > LIMIT / 2 && bytes.len() <= LIMIT, "{blocks} blocks");
}

/// Writes more than there is room for.
fn fill(path: PathBuf) {
    let capture = Capture::create(path, CaptureOptions::default()).unwrap();
    let (near, mut far) = pair();
    let mut near = Captured::new(near, &capture, "x");
    for _ in 0..20 {
        let frame = Flow::between(1, 2).ip().udp(&[0; 999]);
        near.transmit(Instant::ZERO, &mut vec![frame]).unwrap();
    }
    assert_eq!(far.receive(Instant::ZERO, &mut Vec::new(), 64).unwrap(), 20);
    assert!(capture.finish().is_err(), "it says that it ended early");
}
