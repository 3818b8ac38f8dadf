//! Rows 1 and 2: a stream of bytes from the client to the server.

use danja_stack::Payload;

use super::{Results, Row, Sizes, Target, Unit};
use crate::check::check;
use crate::measure::{interleave, time};
use crate::peers::{Danja, Peer, Settings, Side, Smoltcp};
use crate::work::{Application, SLICE, work_bulk, work_references};

pub(super) fn ethernet(sizes: &Sizes, results: &mut Results) {
    checked("MTU 1500, checksums", Settings::ETHERNET, sizes, results);
    checked("MTU 1500, checksums, our driver cuts", Settings::CUT, sizes, results);
    let mut theirs = Stream::<Smoltcp>::new(Settings::ETHERNET);
    let total = sizes.bulk;
    for (settings, what) in [
        (Settings::ETHERNET, "bulk, MTU 1500, checksums, copies"),
        (Settings::CUT, "… cut and joined by our driver"),
    ] {
        let mut ours = Stream::<Danja>::new(settings);
        let samples = interleave(sizes.runs, || ours.sample(total), || theirs.sample(total));
        results.rows.push(row(1, what, 2.0, samples));
    }
}

pub(super) fn large(sizes: &Sizes, results: &mut Results) {
    let settings = Settings::LARGE;
    checked("MTU 65535, no checksums", settings, sizes, results);
    let mut ours = Stream::<Danja>::new(settings);
    let mut theirs = Stream::<Smoltcp>::new(settings);
    let total = sizes.bulk;
    let samples = interleave(sizes.runs, || ours.sample(total), || theirs.sample(total));
    results.rows.push(row(2, "bulk, 64 KiB segments, copies", 1.25, samples));
    let samples = interleave(sizes.runs, || ours.references(total), || theirs.sample(total));
    results.rows.push(row(2, "… references only, to its copies", 5.0, samples));
}

fn row(number: u8, what: &str, times: f64, [ours, theirs]: [super::Samples; 2]) -> Row {
    Row {
        number,
        what: what.into(),
        unit: Unit::GigabytesPerSecond,
        target: Target::Times(times),
        ours,
        theirs,
        against: Smoltcp::NAME,
    }
}

/// Both carry the same bytes, in frames of the same size, which fill the link.
fn checked(link: &'static str, settings: Settings, sizes: &Sizes, results: &mut Results) {
    let ours = check::<Danja>(settings, sizes.checked);
    let theirs = check::<Smoltcp>(settings, sizes.checked);
    assert_eq!(ours, theirs, "the two do not do the same");
    assert_eq!(ours.largest, settings.mtu, "the link is not filled");
    results.checked.push((link, ours));
}

/// A connection that bytes go through.
struct Stream<P: Peer> {
    peer: P,
    sockets: [P::Socket; 2],
    application: Application,
    settings: Settings,
}

impl<P: Peer> Stream<P> {
    fn new(settings: Settings) -> Self {
        let mut peer = P::new(settings);
        let sockets = peer.open();
        Self { peer, sockets, application: Application::default(), settings }
    }

    fn sample(&mut self, total: usize) -> f64 {
        let (peer, application) = (&mut self.peer, &mut self.application);
        let burst = self.settings.burst;
        let took = time(|| work_bulk(peer, self.sockets, application, burst, total));
        assert_eq!(self.application.stalls, 0, "nothing moved, and the clock had to");
        total as f64 / took.as_nanos() as f64
    }
}

impl Stream<Danja> {
    fn references(&mut self, total: usize) -> f64 {
        let slice = Payload::from(vec![7; SLICE]);
        let [client, server] = self.sockets;
        let (from, to) = ((Side::Client, client), (Side::Server, server));
        let (peer, burst) = (&mut self.peer, self.settings.burst);
        let took = time(|| work_references(peer, from, to, &slice, burst, total));
        total as f64 / took.as_nanos() as f64
    }
}
