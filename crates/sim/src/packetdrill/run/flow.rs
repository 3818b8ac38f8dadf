//! One connection of a script: its real endpoints, and the translation between the script's
//! numbers and those on the wire, both ways. Compares nothing.

use super::observe::SeenSegment;
use crate::packetdrill::ast::{Flags, Segment, Sequence, TcpOption};
use std::collections::BTreeMap;
use std::net::SocketAddrV4;

/// A connection under test.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// The stack's endpoint.
    pub(super) local: SocketAddrV4,
    /// The script's endpoint.
    pub(super) remote: SocketAddrV4,
    /// The stack's initial sequence number, and what the script calls it.
    local_isn: Option<(u32, u32)>,
    /// Ours, which is literal in the script's SYN.
    remote_isn: Option<u32>,
    /// The stack has acknowledged our SYN: its number counts, whatever comes later.
    settled: bool,
    /// A SYN came that may begin another connection between the same endpoints.
    may_restart: bool,
    /// Script's TSval of a matched packet → the TSval that was on the wire.
    timestamps: BTreeMap<u32, u32>,
    /// Script's and wire's TSval of the first matched packet that had one.
    first_timestamp: Option<(u32, u32)>,
}

/// Sequence, acknowledgement number and options with translated numbers.
pub(super) struct Translated {
    pub(super) sequence: Option<u32>,
    pub(super) ack: u32,
    pub(super) options: Vec<TcpOption>,
}

impl Flow {
    pub(super) const fn new(local: SocketAddrV4, remote: SocketAddrV4) -> Self {
        Self {
            local,
            remote,
            local_isn: None,
            remote_isn: None,
            settled: false,
            may_restart: false,
            timestamps: BTreeMap::new(),
            first_timestamp: None,
        }
    }

    /// Whether the stack's SYN has been seen: the endpoints carry a connection.
    pub(super) const fn is_live(&self) -> bool {
        self.local_isn.is_some()
    }

    /// What the script calls 0 in numbers of the stack's side. In segments with SYN the script
    /// writes its own initial number, in others an offset from it.
    fn local_base(&self, flags: Flags) -> u32 {
        match self.local_isn {
            Some((live, script)) if flags.syn => live.wrapping_sub(script),
            Some((live, _)) => live,
            None => 0,
        }
    }

    /// The same for the script's side, whose SYN is literal.
    fn remote_base(&self, flags: Flags) -> u32 {
        if flags.syn { 0 } else { self.remote_isn.unwrap_or(0) }
    }

    /// The wire's numbers of a segment that goes to the stack.
    ///
    /// # Errors
    /// A TSecr that no matched packet of the stack had.
    pub(super) fn inward(&mut self, segment: &Segment) -> Result<Translated, String> {
        let flags = segment.flags;
        let sequence = match segment.sequence {
            Sequence::At(number) => self.remote_base(flags).wrapping_add(number),
            Sequence::Wire(number) => number,
            Sequence::Any => {
                return Err("a packet to the stack must say its sequence number".to_owned());
            }
        };
        if flags.syn {
            if !flags.ack && self.remote_isn != Some(sequence) {
                self.may_restart = true;
            }
            // Without a SYN of the stack there is no connection, and all numbers are literal.
            if self.is_live() && !self.settled {
                self.remote_isn = Some(sequence);
            }
        }
        let ack = segment.ack.map_or(0, |ack| self.local_base(flags).wrapping_add(ack));
        let mut options = segment.options.clone().unwrap_or_default();
        for option in &mut options {
            match option {
                TcpOption::Sack(blocks) => {
                    let base = self.local_base(flags);
                    for (left, right) in blocks {
                        *left = left.wrapping_add(base);
                        *right = right.wrapping_add(base);
                    }
                }
                TcpOption::Timestamps { echo, .. }
                    if *echo != 0 || self.timestamps.contains_key(echo) =>
                {
                    let known = self.timestamps.get(echo);
                    *echo =
                        *known.ok_or_else(|| format!("no packet of the stack had TSval {echo}"))?;
                }
                _ => {}
            }
        }
        Ok(Translated { sequence: Some(sequence), ack, options })
    }

    /// The wire's numbers of a segment that the script expects, given what came.
    pub(super) fn outward(&mut self, expected: &Segment, seen: &SeenSegment) -> Translated {
        let flags = expected.flags;
        if flags.syn && seen.flags.syn && (self.local_isn.is_none() || self.may_restart) {
            let script = match expected.sequence {
                Sequence::At(number) | Sequence::Wire(number) => number,
                Sequence::Any => 0,
            };
            self.local_isn = Some((seen.sequence, script));
            self.may_restart = false;
            if let Some(ack) = expected.ack {
                self.remote_isn = Some(ack.wrapping_sub(1));
            }
        }
        self.settled |= self.remote_isn.is_some() && expected.flags.ack && !expected.flags.rst;
        let sequence = match expected.sequence {
            Sequence::At(number) => Some(self.local_base(flags).wrapping_add(number)),
            Sequence::Wire(number) => Some(number),
            Sequence::Any => None,
        };
        let ack = expected.ack.map_or(0, |ack| self.remote_base(flags).wrapping_add(ack));
        let mut options = expected.options.clone().unwrap_or_default();
        for option in &mut options {
            if let TcpOption::Sack(blocks) = option {
                let base = self.remote_base(flags);
                for (left, right) in blocks {
                    *left = left.wrapping_add(base);
                    *right = right.wrapping_add(base);
                }
            }
        }
        Translated { sequence, ack, options }
    }

    /// Remembers the timestamps of a packet that matched.
    pub(super) fn matched(&mut self, expected: &Segment, seen: &SeenSegment) {
        let value = |options: &[TcpOption]| {
            options.iter().find_map(|option| match option {
                TcpOption::Timestamps { value, .. } => Some(*value),
                _ => None,
            })
        };
        let script = expected.options.as_deref().and_then(value);
        if let (Some(script), Some(live)) = (script, value(&seen.options)) {
            self.timestamps.insert(script, live);
            self.first_timestamp.get_or_insert((script, live));
        }
    }

    /// The script's and the wire's TSval of the first matched packet.
    pub(super) const fn first_timestamp(&self) -> Option<(u32, u32)> {
        self.first_timestamp
    }

    /// A segment of the stack in the script's numbers, for showing it.
    pub(super) fn in_script_numbers(&self, seen: &SeenSegment) -> (u32, u32, Vec<TcpOption>) {
        let sequence = seen.sequence.wrapping_sub(self.local_base(seen.flags));
        let ack = seen.ack.wrapping_sub(self.remote_base(seen.flags));
        let mut options = seen.options.clone();
        for option in &mut options {
            if let TcpOption::Sack(blocks) = option {
                let base = self.remote_base(seen.flags);
                for (left, right) in blocks {
                    *left = left.wrapping_sub(base);
                    *right = right.wrapping_sub(base);
                }
            }
        }
        (sequence, ack, options)
    }

    /// The wire's number of the stack's sequence number that the script calls `number`.
    pub(super) fn local_number(&self, number: u32) -> u32 {
        self.local_base(Flags::default()).wrapping_add(number)
    }
}
