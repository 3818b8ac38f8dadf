//! Rows 4 and 5: what happens, and what nothing happening costs, beside idle connections.

use super::{Results, Row, Sizes, Target, Unit};
use crate::measure::{Samples, interleave, time};
use crate::peers::{Danja, Peer, Settings, Side, Smoltcp};
use crate::work::{work_deadline, work_exchange, work_poll};

/// What one measurement of a stack beside idle connections may look at in all, in sockets, when
/// it looks at every one each time.
const LOOKS: usize = 20_000_000;

/// A busy connection beside idle ones.
struct Beside<P: Peer> {
    peer: P,
    sockets: [P::Socket; 2],
    idle: usize,
}

impl<P: Peer> Beside<P> {
    fn new(idle: usize) -> Self {
        let mut peer = P::new(Settings::ETHERNET);
        let sockets = peer.open();
        peer.open_idle(idle);
        // Past the quick acknowledgements of the beginning.
        work_exchange(&mut peer, sockets, 100);
        Self { peer, sockets, idle }
    }

    /// How often the work is done, not to take for ever where every socket is looked at.
    fn count(&self, wanted: usize) -> usize {
        if P::NAME == Smoltcp::NAME { wanted.min(LOOKS / (self.idle + 1)) } else { wanted }
    }

    /// Thousands of exchanges a second.
    fn exchange(&mut self, wanted: usize) -> f64 {
        let count = self.count(wanted);
        let took = time(|| work_exchange(&mut self.peer, self.sockets, count));
        count as f64 * 1e6 / took.as_nanos() as f64
    }

    /// Nanoseconds of a poll, when nothing is due.
    fn poll(&mut self, wanted: usize) -> f64 {
        self.rest();
        let count = self.count(wanted);
        let took = time(|| work_poll(&mut self.peer, count));
        took.as_nanos() as f64 / count as f64
    }

    /// Nanoseconds of a question for the next deadline, when the last answer waits for its
    /// acknowledgement.
    fn deadline(&mut self, wanted: usize) -> f64 {
        let count = self.count(wanted);
        work_exchange(&mut self.peer, self.sockets, 1);
        let mut due = None;
        let took = time(|| due = work_deadline(&mut self.peer, count));
        assert!(due.is_some(), "nothing is due");
        took.as_nanos() as f64 / count as f64
    }

    /// Past everything that is due after the last byte.
    fn rest(&mut self) {
        for _ in 0..50 {
            self.peer.pass(std::time::Duration::from_millis(100));
            crate::peers::settle(&mut self.peer);
        }
        assert!(self.peer.deadline(Side::Server).is_none(), "something is still due");
    }
}

pub(super) fn exchange(sizes: &Sizes, results: &mut Results) {
    let count = sizes.exchanges;
    let row = |what, target, [ours, theirs]: [Samples; 2], against| Row {
        number: 4,
        what,
        unit: Unit::ThousandsPerSecond,
        target: Target::Times(target),
        ours,
        theirs,
        against,
    };
    for idle in sizes.idle.iter().copied() {
        let what = format!("1-byte request and response, {idle} idle");
        let mut ours = Beside::<Danja>::new(idle);
        if idle <= sizes.smoltcp_idle {
            let mut theirs = Beside::<Smoltcp>::new(idle);
            let samples =
                interleave(sizes.runs, || ours.exchange(count), || theirs.exchange(count));
            results.rows.push(row(what, 1.0, samples, Smoltcp::NAME));
        } else {
            let mut alone = Beside::<Danja>::new(0);
            let samples = interleave(sizes.runs, || ours.exchange(count), || alone.exchange(count));
            results.rows.push(row(what, 0.7, samples, "danja, 0 idle"));
        }
    }
}

pub(super) fn poll(sizes: &Sizes, results: &mut Results) {
    let count = sizes.polls;
    for idle in sizes.idle.iter().copied().filter(|idle| ![10, 100].contains(idle)) {
        let mut ours = Beside::<Danja>::new(idle);
        let mut theirs = (idle <= sizes.smoltcp_idle).then(|| Beside::<Smoltcp>::new(idle));
        type Question<P> = fn(&mut Beside<P>, usize) -> f64;
        let questions: [(&str, Question<Danja>, Question<Smoltcp>); 2] = [
            ("an empty poll", Beside::poll, Beside::poll),
            ("the next deadline", Beside::deadline, Beside::deadline),
        ];
        for (what, ask, ask_them) in questions {
            let [ours, theirs] = interleave(
                sizes.runs,
                || ask(&mut ours, count),
                || theirs.as_mut().map_or(f64::NAN, |theirs| ask_them(theirs, count)),
            );
            results.rows.push(Row {
                number: 5,
                what: format!("{what}, {idle} idle"),
                unit: Unit::Nanoseconds,
                target: Target::AtMost(100.0),
                ours,
                theirs: Samples(theirs.0.into_iter().filter(|it| it.is_finite()).collect()),
                against: Smoltcp::NAME,
            });
        }
    }
}
