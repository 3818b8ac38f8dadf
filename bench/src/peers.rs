//! Two stacks that do the same work: ours and smoltcp, each with both ends in one thread, over a
//! link in memory that the bench owns. Virtual time; no I/O.

pub mod danja;
pub mod smoltcp;

use std::time::Duration;

pub use danja::Danja;
pub use smoltcp::Smoltcp;

/// One of the two ends of the link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Opens connections.
    Client,
    /// Listens.
    Server,
}

/// What both stacks are given alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Largest IP packet on the link, in bytes.
    pub mtu: usize,
    /// Whether checksums are made and verified; else both leave them to the adapter.
    pub checksums: bool,
    /// Each socket's send buffer and each socket's receive buffer, in bytes.
    pub buffer: usize,
    /// Whether our driver cuts large segments to the MTU and joins them again, with checksums as
    /// on a wire, so that the stack takes its turn once for many. smoltcp has nothing like it.
    pub cut: bool,
    /// Frames that the link holds before the other end is asked to take them.
    pub burst: usize,
}

impl Settings {
    /// A link as Ethernet has it.
    pub const ETHERNET: Self =
        Self { mtu: 1_500, checksums: true, cut: false, buffer: 256 << 10, burst: 32 };
    /// The same with a driver that cuts and joins.
    pub const CUT: Self = Self { cut: true, ..Self::ETHERNET };
    /// Segments as large as IPv4 allows, between stacks that trust the memory.
    pub const LARGE: Self =
        Self { mtu: 65_535, checksums: false, cut: false, buffer: 256 << 10, burst: 2 };
}

/// What went over the link.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Seen {
    /// Frames.
    pub frames: u64,
    /// Those with payload: longer than an acknowledgement with all its options.
    pub segments: u64,
    /// Their bytes, headers included.
    pub bytes: u64,
    /// The largest, in bytes.
    pub largest: usize,
}

impl Seen {
    fn note(&mut self, length: usize) {
        self.frames += 1;
        self.segments += u64::from(length > LONGEST_ACK);
        self.bytes += length as u64;
        self.largest = self.largest.max(length);
    }
}

/// IPv4's and TCP's headers with all options that fit, in bytes.
const LONGEST_ACK: usize = 80;

/// How much a moment of virtual time is: what one turn of a loop may take.
pub const MOMENT: Duration = Duration::from_micros(10);

/// A stack's two ends on a link. What happens goes through the calls that the stack's users have.
///
/// The methods panic when a stack refuses what is done here.
pub trait Peer {
    /// What the table calls it.
    const NAME: &'static str;
    /// A socket of one end.
    type Socket: Copy;

    /// Two ends, and a listener.
    fn new(settings: Settings) -> Self;

    /// Opens a connection to the end of the handshake; Nagle is off.
    fn open(&mut self) -> [Self::Socket; 2];

    /// Opens connections that will stay idle, small in what they need.
    fn open_idle(&mut self, count: usize);

    /// Queues a copy of as much of `data` as there is room for.
    fn write(&mut self, side: Side, socket: Self::Socket, data: &[u8]) -> usize;

    /// Copies out what has come, as much as fits.
    fn read(&mut self, side: Side, socket: Self::Socket, into: &mut [u8]) -> usize;

    /// Puts at most `frames` frames on the link.
    fn output(&mut self, side: Side, frames: usize);

    /// Takes all frames off the link that the other end has put there.
    fn input(&mut self, side: Side);

    /// A look at everything when nothing has happened.
    fn poll(&mut self, side: Side);

    /// When something is due, in nanoseconds of virtual time.
    fn deadline(&mut self, side: Side) -> Option<u64>;

    /// Lets time pass without doing anything.
    fn pass(&mut self, time: Duration);

    /// One whole connection without data, opened by the client, closed by the server first.
    fn cycle(&mut self);

    /// The most TIME-WAIT records that the server keeps, where it keeps any.
    fn limit_time_wait(&mut self, _limit: u32) {}

    /// What went over the link so far.
    fn seen(&self) -> Seen;

    /// One bit of the last byte of the next frame with payload will be wrong.
    fn corrupt_next(&mut self);

    /// The last frame with payload that was put on the link, as bytes.
    fn keep_next(&mut self);

    /// The frame that [`Self::keep_next`] asked for.
    fn kept(&mut self) -> Option<Vec<u8>>;
}

/// Carries the three segments of a handshake.
fn shake_hands(peer: &mut impl Peer) {
    peer.output(Side::Client, 1);
    peer.input(Side::Server);
    peer.output(Side::Server, 1);
    peer.input(Side::Client);
    peer.output(Side::Client, 1);
    peer.input(Side::Server);
}

/// Carries frames to and fro until none moves.
pub fn settle(peer: &mut impl Peer) {
    loop {
        let before = peer.seen().frames;
        for (from, to) in [(Side::Client, Side::Server), (Side::Server, Side::Client)] {
            peer.output(from, usize::MAX);
            peer.input(to);
        }
        if peer.seen().frames == before {
            return;
        }
    }
}
