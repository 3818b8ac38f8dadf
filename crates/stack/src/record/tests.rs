//! Every door is told, and what is told leads to the same.

use super::{Input, Output, Recorded, Tape};
use crate::config::{Config, InterfaceConfig};
use crate::entropy::Seeds;
use crate::interface::{Medium, Room};
use crate::socket::{Domain, RecvFlags, SendFlags, SocketKind};
use crate::{Instant, InterfaceId};
use danja_wire::Payload;
use std::boxed::Box;
use std::collections::BTreeSet;
use std::string::{String, ToString};
use std::sync::Arc;
#[allow(clippy::disallowed_types, reason = "the tape is asked from outside the stack")]
use std::sync::Mutex;
use std::vec::Vec;
use std::{format, vec};

/// The methods of a file's text that take `&mut self` and are public.
fn doors(text: &str) -> BTreeSet<String> {
    let pieces = text.split("\n    pub ").skip(1);
    let heads = pieces.filter_map(|piece| Some(piece.split_once('{')?.0));
    let changing = heads.filter(|head| head.contains("&mut self"));
    let names = changing.filter_map(|head| head.trim_start_matches("const ").strip_prefix("fn "));
    names.filter_map(|head| Some(head.split_once(['(', '<'])?.0.to_string())).collect()
}

/// `poll_event` as `PollEvent`.
fn camel(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{}{rest}", first.to_uppercase())
    });
    words.collect()
}

#[test]
fn every_door_of_the_stack_is_a_door_here_and_an_input() {
    let files = [
        include_str!("../stack/mod.rs"),
        include_str!("../stack/calls.rs"),
        include_str!("../stack/poll.rs"),
        include_str!("../stack/receive.rs"),
        include_str!("../stack/transmit.rs"),
        include_str!("../stack/view.rs"),
    ];
    let of_the_stack: BTreeSet<String> = files.iter().flat_map(|text| doors(text)).collect();
    assert!(of_the_stack.len() > 30, "{of_the_stack:?}");
    let (own, inputs) = (include_str!("doors.rs"), include_str!("input.rs"));
    for door in &of_the_stack {
        // Whoever is given the configuration could change it without a word.
        let here = if door == "config_mut" { "configure" } else { door };
        assert!(doors(own).contains(here), "Recorded has no `{here}`");
        let variant = camel(here);
        assert!(inputs.contains(&format!("\n    {variant}")), "there is no Input::{variant}");
        assert!(own.contains(&format!("Input::{variant}")), "Input::{variant} is told by nobody");
    }
    assert!(!own.contains("impl DerefMut"), "there is a way around the tape");
    // A file of doors that is not in the list above would not be looked at.
    let all = include_str!("../stack/mod.rs");
    let rooms = all.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    assert_eq!(rooms.collect::<Vec<_>>(), ["calls", "poll", "receive", "transmit", "view"]);
}

#[derive(Default)]
struct Told {
    inputs: Vec<(Instant, Input)>,
    outputs: Vec<Output>,
}

#[derive(Clone, Default)]
#[allow(clippy::disallowed_types, reason = "the tape is asked from outside the stack")]
struct Keeper(Arc<Mutex<Told>>);

impl Tape for Keeper {
    fn input(&mut self, now: Instant, input: &Input) {
        self.0.lock().unwrap().inputs.push((now, input.clone()));
    }

    fn output(&mut self, output: &Output) {
        self.0.lock().unwrap().outputs.push(*output);
    }
}

impl Keeper {
    fn take(&self) -> Told {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A datagram to oneself over loopback, and one to nobody over the LAN.
fn exercise(stack: &mut Recorded) {
    let now = Instant::from_millis;
    let mut config =
        InterfaceConfig::new("lan0", Medium::Ethernet(crate::interface::MacAddress([2; 6])), 1500);
    config.addresses = vec!["10.0.0.1/24".parse().unwrap()];
    let lan = stack.add_interface(config, now(0)).unwrap();
    let socket = stack.socket(Domain::Ipv4, SocketKind::Datagram, now(1)).unwrap();
    stack.bind(socket, "0.0.0.0:9".parse().unwrap(), now(1)).unwrap();
    for to in ["127.0.0.1:9", "10.0.0.2:9"] {
        let flags = SendFlags { to: Some(to.parse().unwrap()), ..SendFlags::default() };
        stack.send(socket, &Payload::copy_from_slice(b"word"), flags, now(2)).unwrap();
    }
    stack.handle_timeout(now(3));
    stack.configure(|config| config.ip.solicitations = 1);
    let mut frames = 0;
    for time in 4..4000 {
        if stack.poll_timeout().is_some_and(|due| due <= now(time)) {
            stack.handle_timeout(now(time));
        }
        frames += u32::from(stack.poll_transmit(lan, Room::UNLIMITED, now(time)).is_some());
        while stack.poll_event().is_some() {}
    }
    assert!(frames > 0);
    let mut data = Vec::new();
    stack.recv(socket, 100, RecvFlags::default(), &mut data, now(4000)).unwrap();
    assert_eq!(data[0].as_slice(), b"word");
    stack.close(socket, now(4001)).unwrap();
    assert!(stack.close(socket, now(4001)).is_err());
}

#[test]
fn inputs_lead_to_the_same_outputs() {
    let first = Keeper::default();
    let tape = Box::new(first.clone());
    exercise(&mut Recorded::new(Config::default(), Seeds::from_u64(7), Some(tape)));
    let told = first.take();
    assert_eq!(told.inputs.len(), told.outputs.len());
    assert!(told.outputs.iter().any(|output| matches!(output, Output::Frame(Some(_)))));

    let again = |change: &dyn Fn(&mut Input)| {
        let second = Keeper::default();
        let tape = Box::new(second.clone());
        let mut stack = Recorded::new(Config::default(), Seeds::from_u64(0), Some(tape));
        second.take();
        for (now, input) in &told.inputs {
            let mut input = input.clone();
            change(&mut input);
            stack.apply(*now, input);
        }
        second.take().outputs
    };
    assert_eq!(again(&|_| {}), told.outputs);
    let nearer = again(&|input| {
        if let Input::New { config, .. } = input {
            config.ip.ttl = 63;
        }
    });
    assert_ne!(nearer, told.outputs, "the datagram over loopback has another time to live");
    let others = again(&|input| {
        if let Input::Send { data, .. } = input {
            *data = Payload::copy_from_slice(b"ward");
        }
    });
    assert_ne!(others, told.outputs, "other data leads to another digest");
}

#[test]
fn without_a_tape_it_is_the_stack() {
    let mut stack = Recorded::new(Config::default(), Seeds::from_u64(7), None);
    exercise(&mut stack);
    assert_eq!(stack.interfaces().len(), 2);
    assert!(stack.poll_unclaimed(InterfaceId(1)).is_none());
}
