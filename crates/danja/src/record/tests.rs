//! Recordings that were changed by somebody who knows the format.

use super::blocks;
use super::entry::Entry;
use super::{Recording, Replay, ReplayError, Report};
use crate::lan::MacAddress;
use crate::lan::cable::Switch;
use crate::net::{TcpListener, TcpStream};
use crate::{Builder, Host};
use danja_stack::Seeds;
use danja_stack::record::Input;
use std::borrow::Cow;
use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn builder(lan: &Switch, number: u8) -> Builder {
    Host::builder()
        .name(format!("host{number}"))
        .adapter(lan.port(MacAddress([2, 0, 0, 0, 0, number])))
        .address(format!("10.0.0.{number}/24").parse().unwrap())
}

/// The bytes of the entries of a short conversation over TCP.
fn entries() -> Vec<u8> {
    let memory = Memory::default();
    let recording = Recording::to_writer(memory.clone()).unwrap();
    let lan = Switch::new();
    let [one, two] = [1, 2].map(|it| builder(&lan, it).record(&recording).build().unwrap());
    let listener = TcpListener::bind(&one, "10.0.0.1:7").unwrap();
    let mut client = TcpStream::connect(&two, "10.0.0.1:7").unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(&[7; 5000]).unwrap();
    server.read_exact(&mut [0; 5000]).unwrap();
    drop((client, server, listener, one, two));
    recording.finish().unwrap();
    let file = memory.0.lock().unwrap().clone();
    let mut rest = &file[blocks::head().len()..];
    let mut entries = Vec::new();
    while let Ok(Some((block, _))) = blocks::read(&mut rest) {
        entries.extend(block);
    }
    entries
}

fn replay(entries: &[u8]) -> Result<Report, ReplayError> {
    let mut file = blocks::head();
    file.extend(blocks::pack(entries));
    Replay::new(Cursor::new(file)).unwrap().run(|_| {})
}

/// The same entries with something else in the first input that `change` takes.
fn with(entries: &[u8], change: impl Fn(&mut Input) -> bool) -> Vec<u8> {
    let (mut rest, mut changed, mut done) = (entries, Vec::new(), false);
    while !rest.is_empty() {
        let (mut entry, after): (Entry<'_>, _) = postcard::take_from_bytes(rest).unwrap();
        if let Entry::Input { input, .. } = &mut entry
            && !done
        {
            let mut own = input.clone().into_owned();
            done = change(&mut own);
            *input = Cow::Owned(own);
        }
        changed = postcard::to_extend(&entry, changed).unwrap();
        rest = after;
    }
    assert!(done, "there is no such input");
    changed
}

#[test]
fn another_seed_configuration_or_byte_is_a_difference() {
    let entries = entries();
    assert_eq!(replay(&entries).unwrap().difference, None);
    assert_eq!(with(&entries, |_| true), entries, "what was read is written as it was");

    let seed = |input: &mut Input| match input {
        Input::New { seeds, .. } => {
            **seeds = Seeds::from_u64(7);
            true
        }
        _ => false,
    };
    let configuration = |input: &mut Input| match input {
        Input::New { config, .. } => {
            config.tcp.timestamps = false;
            true
        }
        _ => false,
    };
    let data = |input: &mut Input| match input {
        Input::Send { data, .. } => {
            *data = danja_stack::Payload::from(vec![8; data.len()]);
            true
        }
        _ => false,
    };
    let backlog = |input: &mut Input| match input {
        Input::Bind { local, .. } => {
            local.set_port(8);
            true
        }
        _ => false,
    };
    let changes: [&dyn Fn(&mut Input) -> bool; 4] = [&seed, &configuration, &data, &backlog];
    for (number, change) in changes.into_iter().enumerate() {
        let report = replay(&with(&entries, change)).unwrap();
        let difference = report.difference.unwrap_or_else(|| panic!("{number} is not noticed"));
        assert!(!report.complete && difference.input > 1);
        assert_ne!(difference.expected, difference.found);
        assert!(difference.what.len() < 4000 && difference.host.starts_with("host"));
    }
}

#[test]
fn lies_are_refused_or_replayed_but_never_a_panic() {
    let entries = entries();
    let mut state = 7u64;
    let mut draw = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut ends = [0; 3];
    for _ in 0..3000 {
        let mut bytes = entries.clone();
        for _ in 0..=draw(3) {
            let at = draw(bytes.len());
            match draw(4) {
                0 => bytes[at] = draw(256) as u8,
                1 => bytes[at] ^= 1 << draw(8),
                2 => drop(bytes.drain(at..(at + 1 + draw(8)).min(entries.len() / 2).max(at))),
                _ => bytes.insert(at, [0, 0xff, 0x80][draw(3)]),
            }
        }
        match replay(&bytes) {
            Ok(report) if report.difference.is_some() => ends[0] += 1,
            Ok(_) => ends[1] += 1,
            Err(ReplayError::Damaged { .. }) => ends[2] += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(ends.iter().all(|count| *count > 50), "{ends:?}");
}

#[test]
fn inputs_of_hosts_that_never_began_are_refused() {
    let entries = entries();
    let entry = Entry::Input {
        host: 7,
        now: danja_stack::Instant::ZERO,
        input: Cow::Owned(Input::PollEvent),
    };
    let mut wrong = postcard::to_extend(&entry, Vec::new()).unwrap();
    wrong.extend_from_slice(&entries);
    assert!(matches!(replay(&wrong), Err(ReplayError::Damaged { .. })));
}
