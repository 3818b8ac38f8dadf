//! Row 6: connections opened and closed, with TIME-WAIT kept up to its limit.

use super::{Results, Row, Samples, Sizes, Target, Unit};
use crate::measure::{interleave, time};
use crate::peers::{Danja, Peer, Settings, Side, Smoltcp};
use crate::work::work_cycle;

pub(super) fn rows(sizes: &Sizes, results: &mut Results) {
    let count = sizes.cycles;
    let mut ours = waiting(sizes, 0);
    let mut theirs = Smoltcp::new(Settings::ETHERNET);
    let samples = interleave(sizes.runs, || rate(&mut ours, count), || rate(&mut theirs, count));
    results.rows.push(row("connect and close, TIME-WAIT full", 1.0, samples, Smoltcp::NAME));
    let mut beside = waiting(sizes, sizes.open);
    let samples = interleave(sizes.runs, || rate(&mut beside, count), || rate(&mut ours, count));
    let what = format!("… beside {} open", sizes.open);
    results.rows.push(row(&what, 0.7, samples, "danja, 0 open"));
    for (peer, open) in [(ours, 0), (beside, sizes.open)] {
        let counters = peer.stack(Side::Server).counters();
        // Both things that can happen to a TIME-WAIT before its time have happened.
        assert!(counters.tcp_time_wait_recycled > 0, "no TIME-WAIT was reused (RFC 6191)");
        assert!(counters.tcp_time_wait_overflow > 0, "TIME-WAIT was never at its limit");
        assert_eq!(counters.tcp_time_wait, 0, "a TIME-WAIT ended by time");
        assert_eq!(counters.tcp_out_rsts, 0, "a connection was reset");
        assert_eq!(counters.tcp_curr_estab, open as u64, "open connections were lost");
    }
}

/// Our stacks with as many TIME-WAIT records as are kept.
fn waiting(sizes: &Sizes, open: usize) -> Danja {
    let mut peer = Danja::new(Settings::ETHERNET);
    peer.limit_time_wait(sizes.time_wait);
    peer.open_idle(open);
    // Half of them come from endpoints that were never there before.
    work_cycle(&mut peer, sizes.time_wait as usize * 3);
    peer
}

/// Thousands a second.
fn rate(peer: &mut impl Peer, count: usize) -> f64 {
    let took = time(|| work_cycle(peer, count));
    count as f64 * 1e6 / took.as_nanos() as f64
}

fn row(what: &str, times: f64, [ours, theirs]: [Samples; 2], against: &'static str) -> Row {
    Row {
        number: 6,
        what: what.into(),
        unit: Unit::ThousandsPerSecond,
        target: Target::Times(times),
        ours,
        theirs,
        against,
    }
}
