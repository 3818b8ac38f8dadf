//! Files that are cut off, damaged, or something else.

use crate::common::{builder, endpoint};
use crate::{Memory, replay};
use danja::lan::cable::Switch;
use danja::net::UdpSocket;
use danja::record::{Recording, Replay, ReplayError};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;

/// A few datagrams between two hosts.
fn small() -> Vec<u8> {
    let (memory, recording) = Memory::recording();
    let lan = Switch::new();
    let [one, two] = [1, 2].map(|number| builder(&lan, number).record(&recording).build().unwrap());
    let here = UdpSocket::bind(&one, endpoint(1, 9)).unwrap();
    let there = UdpSocket::bind(&two, endpoint(2, 9)).unwrap();
    for number in 0..8 {
        there.send_to(&[number; 700], endpoint(1, 9)).unwrap();
        assert_eq!(here.recv(&mut [0; 1000]).unwrap(), 700);
    }
    recording.finish().unwrap();
    memory.bytes()
}

#[test]
fn a_recording_that_was_cut_off_says_so() {
    let whole = small();
    assert!(replay(whole.clone()).unwrap().complete);
    for length in 0..whole.len() {
        match replay(whole[..length].to_vec()) {
            Ok(report) => {
                assert!(!report.complete, "cut to {length} of {}", whole.len());
                assert_eq!(report.difference, None);
            }
            Err(ReplayError::NotARecording) => assert!(length < 40, "cut to {length}"),
            Err(other) => panic!("cut to {length}: {other}"),
        }
    }
}

#[test]
fn a_recording_of_a_process_that_was_killed_has_what_was_written() {
    let (memory, recording) = Memory::recording();
    let host = builder(&Switch::new(), 1).record(&recording).build().unwrap();
    let socket = UdpSocket::bind(&host, endpoint(1, 9)).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    socket.send_to(b"word", endpoint(1, 9)).unwrap();
    let report = replay(memory.bytes()).unwrap();
    assert!(!report.complete);
    assert_eq!((report.hosts.len(), report.difference), (1, None));
    assert!(report.hosts[0].inputs > 3);
}

#[test]
fn a_bit_that_flipped_is_noticed() {
    let whole = small();
    // All that is not the version's text.
    for at in (0..20).chain(26..whole.len()) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        match replay(bytes) {
            Err(ReplayError::NotARecording | ReplayError::Format { .. }) => assert!(at < 21),
            Err(ReplayError::Damaged { .. }) => {}
            // A length that reaches beyond the end looks as if it were cut off.
            Ok(report) => assert!(!report.complete, "byte {at} is not looked at"),
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
}

#[test]
fn what_comes_after_the_end_is_not_replayed() {
    let mut twice = small();
    let again = twice[26..].to_vec();
    twice.extend_from_slice(&again);
    assert!(matches!(replay(twice), Err(ReplayError::Damaged { .. })));
}

#[test]
fn lengths_that_lie_take_no_memory() {
    let head = &small()[..26];
    for (length, packed) in [(u32::MAX, u32::MAX), (u32::MAX, 5), (1 << 30, 1 << 30), (0, 1 << 31)]
    {
        let mut bytes = head.to_vec();
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&packed.to_le_bytes());
        bytes.extend_from_slice(&[0; 20]);
        let measured = std::time::Instant::now();
        match replay(bytes) {
            Ok(report) => assert!(!report.complete),
            Err(error) => assert!(matches!(error, ReplayError::Damaged { at: 26 }), "{error}"),
        }
        assert!(measured.elapsed().as_secs() < 1);
    }
}

#[test]
fn other_files_and_other_formats_are_named() {
    assert!(matches!(replay(Vec::new()), Err(ReplayError::NotARecording)));
    assert!(matches!(replay(vec![7; 4096]), Err(ReplayError::NotARecording)));
    let mut newer = small();
    newer[16] = 9;
    let error = replay(newer).unwrap_err();
    assert!(error.to_string().contains("format 9"), "{error}");
    let missing = Replay::open("/nonexistent/file.rec").unwrap_err();
    assert!(matches!(missing, ReplayError::Io(_)));
}

#[test]
fn only_its_owner_may_read_the_file() {
    let folder = std::env::temp_dir();
    let path = folder.join(format!("danja-record-mode-{}.rec", std::process::id()));
    // A new file, and one that everybody could read.
    for _ in 0..2 {
        Recording::create(&path).unwrap().finish().unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_full_disk_ends_the_recording_and_not_the_host() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let recording = Recording::to_writer(Full(1000)).unwrap();
    let lan = Switch::new();
    let host = builder(&lan, 1).record(&recording).build().unwrap();
    let socket = UdpSocket::bind(&host, endpoint(1, 9)).unwrap();
    for _ in 0..400 {
        // What does not pack well.
        let mut noise = [0; 1000];
        crate::common::pattern(u64::from(noise[0]), &mut noise);
        socket.send_to(&noise, endpoint(1, 9)).unwrap();
        socket.recv(&mut [0; 1000]).unwrap();
    }
    let error = recording.finish().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    recording.finish().unwrap();
}
