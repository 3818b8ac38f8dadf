//! The Ethernet that the cables lead to: which cables a frame goes out by. It delays, learns
//! and drops nothing.

use danja_wire::Frame;
use danja_wire::ethernet::{Header, MacAddress};
use std::collections::BTreeMap;

/// What joins the cables.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Segment {
    /// A switch that knows which hardware address is where: a frame to one host passes its cable
    /// only. What it does not know, or is for all, goes to all.
    #[default]
    Switch,
    /// A hub: every frame goes to all hosts but its sender.
    Hub,
}

/// Where a frame goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Route {
    /// To this cable only.
    One(usize),
    /// To all but the one it came from.
    Others,
}

/// The stations of a segment.
///
/// Their places are told, not learned: real switches learn from frames whose checksum is right,
/// and the flipped bits of an [`Impairment`](super::Impairment) stand for what they never see.
#[derive(Debug)]
pub(super) struct Stations {
    kind: Segment,
    places: BTreeMap<MacAddress, usize>,
}

impl Stations {
    pub(super) const fn new(kind: Segment) -> Self {
        Self { kind, places: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, mac: MacAddress, place: usize) {
        self.places.insert(mac, place);
    }

    /// Where a frame from the cable `from` goes; `None` if it is no frame, or for its sender.
    pub(super) fn route(&self, frame: &Frame, from: usize) -> Option<Route> {
        let mut front = [0; danja_wire::ethernet::HEADER_LEN];
        frame.copy_front(&mut front);
        let header = Header::parse(&front).ok()?;
        if self.kind == Segment::Hub {
            return Some(Route::Others);
        }
        match self.places.get(&header.destination) {
            Some(place) if *place == from => None,
            Some(place) => Some(Route::One(*place)),
            None => Some(Route::Others),
        }
    }
}
