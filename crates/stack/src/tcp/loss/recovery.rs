//! Fast retransmit and fast recovery: RFC 6675 with SACK, RFC 6582 (NewReno) without, limited
//! transmit (RFC 3042) by counting what duplicate acknowledgements say has left the network.

use super::records::Records;
use super::scoreboard::DUP_THRESHOLD;
use danja_wire::tcp::SeqNumber;

/// Linux's congestion states.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::tcp) enum Mode {
    Open,
    Disorder,
    Recovery,
    Loss,
}

/// What recovery is doing.
#[derive(Clone, Copy, Debug)]
pub(in crate::tcp) struct Recovery {
    pub(in crate::tcp) mode: Mode,
    /// RecoveryPoint: SND.NXT when the loss was found.
    pub(in crate::tcp) recover: SeqNumber,
    pub(in crate::tcp) duplicates: u32,
    /// Without SACK: bytes that duplicate acknowledgements say have left the network.
    pub(in crate::tcp) departed: u32,
    /// The first retransmission goes out whatever the congestion window says.
    pub(in crate::tcp) force: bool,
}

impl Recovery {
    pub(in crate::tcp) const fn new(iss: SeqNumber) -> Self {
        Self { mode: Mode::Open, recover: iss, duplicates: 0, departed: 0, force: false }
    }

    /// Bytes that are still in the network.
    pub(in crate::tcp) fn pipe(&self, records: Option<&Records>, flight: u32) -> u32 {
        records.map_or(flight, |records| records.pipe(flight)).saturating_sub(self.departed)
    }

    /// Without SACK: a duplicate acknowledgement came, so a segment has left the network.
    // RFC 5681 §3.2 (4): the window is inflated no more often than there were segments in the
    // network when the loss was found (Savage's spoofed duplicates).
    pub(super) fn on_duplicate(&mut self, sack: bool, una: SeqNumber, flight: u32, mss: u32) {
        self.duplicates = self.duplicates.saturating_add(1);
        if !sack {
            let there = match self.mode {
                Mode::Recovery => flight.min(self.recover.since(una)),
                _ => flight,
            };
            self.departed = self.departed.saturating_add(mss).min(there.saturating_sub(mss));
        }
    }

    /// Whether loss is to be assumed (RFC 6675 §5 (1) to (3), RFC 6582 §3.2 (2)).
    pub(super) fn should_enter(&self, una: SeqNumber, lost: u32) -> bool {
        matches!(self.mode, Mode::Open | Mode::Disorder)
            && una.ge(self.recover)
            && (lost > 0 || self.duplicates >= DUP_THRESHOLD)
    }

    pub(super) fn enter(&mut self, nxt: SeqNumber) {
        self.mode = Mode::Recovery;
        self.recover = nxt;
        self.force = true;
    }

    pub(super) fn leave(&mut self) {
        self.mode = Mode::Open;
        self.duplicates = 0;
        self.departed = 0;
        self.force = false;
    }
}
