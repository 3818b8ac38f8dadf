//! What both stacks are made to do, written once for both. None is inlined into its caller, so
//! that a profile shows each by its name.

use std::hash::Hasher;

use danja_stack::{Payload, SocketId};

use crate::peers::{Danja, Peer, Side};

/// What an application has in its hands at a time, in bytes.
pub const SLICE: usize = 64 << 10;
/// Segments of one turn of the large link may not all fit a turn's reading; read on until empty.
const SOURCE: usize = (1 << 20) + 7;

/// An application's two buffers and where its stream stands.
pub struct Application {
    source: Vec<u8>,
    buffer: Vec<u8>,
    at: usize,
    /// Hashes what was received; only when it is asked for, since that takes longer than all else.
    hash: Option<Content>,
    /// Turns in which nothing arrived.
    pub stalls: u64,
}

/// FNV-1a over a stream; where the pieces begin and end makes no difference.
#[derive(Clone, Copy, Debug)]
pub struct Content(u64);

impl Hasher for Content {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Default for Content {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Default for Application {
    fn default() -> Self {
        // A period that no segment size divides.
        let byte = |at: usize| (at.wrapping_mul(2_654_435_761) >> 13) as u8;
        Self {
            source: (0..SOURCE).map(byte).collect(),
            buffer: vec![0; SLICE],
            at: 0,
            hash: None,
            stalls: 0,
        }
    }
}

impl Application {
    /// One that hashes what it receives.
    #[must_use]
    pub fn hashing() -> Self {
        Self { hash: Some(Content::default()), ..Self::default() }
    }

    /// The hash of all that was received.
    #[must_use]
    pub fn hash(&self) -> Option<u64> {
        self.hash.map(|hash| hash.finish())
    }

    /// The hash of the first `total` bytes that are sent.
    #[must_use]
    pub fn expected(&self, total: usize) -> u64 {
        let mut hash = Content::default();
        let mut rest = total;
        while rest > 0 {
            let count = rest.min(self.source.len());
            hash.write(&self.source[..count]);
            rest -= count;
        }
        hash.finish()
    }

    /// The next bytes to send, at most `rest`.
    fn next(&mut self, rest: usize) -> &[u8] {
        let end = self.source.len().min(self.at + SLICE).min(self.at + rest);
        &self.source[self.at..end]
    }

    const fn sent(&mut self, count: usize) {
        self.at += count;
        if self.at == self.source.len() {
            self.at = 0;
        }
    }
}

/// Sends `total` bytes from the client to the server: slices copied in, slices copied out.
#[inline(never)]
pub fn work_bulk<P: Peer>(
    peer: &mut P,
    [client, server]: [P::Socket; 2],
    application: &mut Application,
    burst: usize,
    total: usize,
) {
    let (mut sent, mut received) = (0, 0);
    application.at = 0;
    while received < total {
        while sent < total {
            let taken = peer.write(Side::Client, client, application.next(total - sent));
            if taken == 0 {
                break;
            }
            application.sent(taken);
            sent += taken;
        }
        peer.output(Side::Client, burst);
        peer.input(Side::Server);
        let before = received;
        loop {
            let count = peer.read(Side::Server, server, &mut application.buffer);
            if count == 0 {
                break;
            }
            if let Some(hash) = &mut application.hash {
                hash.write(&application.buffer[..count]);
            }
            received += count;
        }
        peer.output(Side::Server, burst);
        peer.input(Side::Client);
        if received == before {
            application.stalls += 1;
            assert!(application.stalls < 1_000_000, "the transfer has stopped at {received}");
        }
    }
    assert_eq!(received, total, "more arrived than was sent");
}

/// The same, from either side, by the calls that copy nothing: references go in, references
/// come out.
#[inline(never)]
pub fn work_references(
    peer: &mut Danja,
    from: (Side, SocketId),
    to: (Side, SocketId),
    slice: &Payload,
    burst: usize,
    total: usize,
) {
    let (mut sent, mut received) = (0, 0);
    while received < total {
        while sent < total {
            let mut part = slice.clone();
            part.truncate(total - sent);
            let taken = peer.send(from.0, from.1, &part);
            sent += taken;
            if taken < part.len() {
                break;
            }
        }
        peer.output(from.0, burst);
        peer.input(to.0);
        received += peer.receive(to.0, to.1);
        peer.output(to.0, burst);
        peer.input(from.0);
    }
    assert_eq!(received, total, "more arrived than was sent");
}

/// Sends a byte to the server and another back, `count` times.
#[inline(never)]
pub fn work_exchange<P: Peer>(peer: &mut P, [client, server]: [P::Socket; 2], count: usize) {
    for round in 0..count {
        let asked = [round as u8];
        let mut got = [0; 2];
        assert_eq!(peer.write(Side::Client, client, &asked), 1);
        peer.output(Side::Client, 1);
        peer.input(Side::Server);
        assert_eq!(peer.read(Side::Server, server, &mut got), 1, "the request did not arrive");
        assert_eq!(got[0], asked[0]);
        assert_eq!(peer.write(Side::Server, server, &[!got[0]]), 1);
        peer.output(Side::Server, 1);
        peer.input(Side::Client);
        assert_eq!(peer.read(Side::Client, client, &mut got), 1, "the answer did not arrive");
        assert_eq!(got[0], !asked[0]);
    }
}

/// Opens and closes `count` connections.
#[inline(never)]
pub fn work_cycle(peer: &mut impl Peer, count: usize) {
    for _ in 0..count {
        peer.cycle();
    }
}

/// Looks at everything `count` times while nothing happens.
#[inline(never)]
pub fn work_poll(peer: &mut impl Peer, count: usize) {
    for _ in 0..count {
        peer.poll(Side::Server);
    }
}

/// Asks `count` times when something is due.
#[inline(never)]
pub fn work_deadline(peer: &mut impl Peer, count: usize) -> Option<u64> {
    let mut due = None;
    for _ in 0..count {
        due = std::hint::black_box(peer.deadline(Side::Server));
    }
    due
}

/// Our checksum of `bytes`, `count` times.
#[inline(never)]
pub fn work_checksum_danja(bytes: &[u8], count: usize) -> u16 {
    let mut all = 0;
    for _ in 0..count {
        all ^= danja_wire::checksum::checksum(std::hint::black_box(bytes));
    }
    all
}

/// smoltcp's.
#[inline(never)]
pub fn work_checksum_smoltcp(bytes: &[u8], count: usize) -> u16 {
    let mut all = 0;
    for _ in 0..count {
        all ^= !smoltcp::wire::checksum::data(std::hint::black_box(bytes));
    }
    all
}
