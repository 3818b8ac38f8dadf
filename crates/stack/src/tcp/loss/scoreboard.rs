//! The SACK scoreboard (RFC 6675) on the transmit records: which reports are believed, and
//! what they say is lost. Sends nothing.

use super::records::{Records, Taken};
use danja_wire::Instant;
use danja_wire::tcp::{SackBlocks, SeqNumber};

/// RFC 6675 §2: DupThresh.
pub(super) const DUP_THRESHOLD: u32 = 3;

/// What the blocks of one acknowledgement said.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Report {
    pub(super) taken: Taken,
    /// The first block was a D-SACK (RFC 2883).
    pub(super) duplicate: bool,
}

/// Takes the blocks of an acknowledgement with this cumulative `ack`.
pub(super) fn update(
    records: &mut Records,
    blocks: &SackBlocks,
    (una, nxt): (SeqNumber, SeqNumber),
    ack: SeqNumber,
    now: Instant,
) -> Report {
    let mut report = Report::default();
    let blocks = blocks.as_slice();
    for (number, (left, right)) in blocks.iter().copied().enumerate() {
        // RFC 2883 §4: a first block below the cumulative acknowledgement, or within the
        // second block, reports a duplicate.
        if number == 0 && left.lt(right) {
            let inside = blocks.get(1).is_some_and(|(l, r)| l.le(left) && right.le(*r));
            if right.le(ack) || inside {
                report.duplicate = true;
                continue;
            }
        }
        // Inverted or outside of what is in flight: not believed (CVE-2019-11477's class).
        if left.ge(right) || left.lt(una) || right.gt(nxt) || left.lt(ack) {
            continue;
        }
        let taken = records.sack(left, right, now);
        let sum = &mut report.taken;
        sum.fresh = sum.fresh.saturating_add(taken.fresh);
        sum.any_ambiguous |= taken.any_ambiguous;
        let newer = |newest: super::Sent| {
            sum.newest.is_none_or(|known| known.sent_at <= newest.sent_at).then_some(newest)
        };
        if let Some(newest) = taken.newest.and_then(newer) {
            sum.newest = Some(newest);
        }
    }
    report
}

// RFC 6675 §4, IsLost: a range is lost when DupThresh discontiguous reported ranges, or more
// than (DupThresh - 1) * SMSS reported bytes, lie above it. Walks down from the top only as far
// as that takes, then marks what was not judged before.
pub(super) fn judge(records: &mut Records, una: SeqNumber, mss: u32) -> u32 {
    if records.sacked_bytes() == 0 {
        return 0;
    }
    let enough = mss.saturating_mul(DUP_THRESHOLD.saturating_sub(1));
    let (mut ranges, mut bytes) = (0u32, 0u32);
    let mut before_sacked = false;
    let mut border = None;
    for sent in records.down_from_highest() {
        if sent.sacked {
            bytes = bytes.saturating_add(sent.len());
            ranges = ranges.saturating_add(u32::from(!before_sacked));
            if ranges >= DUP_THRESHOLD || bytes > enough {
                border = Some(sent.start);
                break;
            }
        }
        before_sacked = sent.sacked;
    }
    let Some(border) = border else { return 0 };
    let from = records.judged.max(una);
    if from.ge(border) {
        return 0;
    }
    records.judged = border;
    records.mark_lost(from, border)
}
