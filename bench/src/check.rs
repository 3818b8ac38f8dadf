//! Before anything is measured: that both stacks carry the same bytes in frames of the same size,
//! and that checksums are there and looked at, or are not, on both sides alike.

use std::time::Duration;

use crate::peers::{Peer, Settings, Side, settle};
use crate::work::{Application, work_bulk};

/// What was found out about one stack; both must give the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checked {
    /// Hash of what arrived.
    pub content: u64,
    /// The largest frame, in bytes.
    pub largest: usize,
    /// Whether the frames' checksums are right.
    pub summed: bool,
    /// Whether a wrong bit was noticed.
    pub verified: bool,
}

/// Checks a stack with these settings, over `total` bytes.
///
/// # Panics
/// When something is not as the settings say.
#[must_use]
pub fn check<P: Peer>(settings: Settings, total: usize) -> Checked {
    let name = P::NAME;
    let mut peer = P::new(settings);
    let sockets = peer.open();
    let mut application = Application::hashing();
    peer.keep_next();
    work_bulk(&mut peer, sockets, &mut application, settings.burst, total);
    let content = application.hash().unwrap_or(0);
    assert_eq!(content, application.expected(total), "{name}: other bytes arrived");
    let largest = peer.seen().largest;
    let summed = peer.kept().as_deref().is_some_and(is_summed);
    assert_eq!(summed, settings.checksums, "{name}: checksums are not as they should be");
    let verified = notices(&mut peer, sockets);
    assert_eq!(verified, settings.checksums, "{name}: a wrong bit's fate is not as it should be");
    Checked { content, largest, summed, verified }
}

/// Whether a wrong bit is noticed: nothing is delivered until it was sent again.
fn notices<P: Peer>(peer: &mut P, [client, server]: [P::Socket; 2]) -> bool {
    let sent = [0x5a; 100];
    let mut got = [0; 200];
    settle(peer);
    peer.corrupt_next();
    assert_eq!(peer.write(Side::Client, client, &sent), sent.len());
    settle(peer);
    let early = peer.read(Side::Server, server, &mut got);
    if early > 0 {
        assert_ne!(got[..early], sent, "no bit was wrong");
        return false;
    }
    // Beyond the retransmission time-out of either.
    for _ in 0..100 {
        peer.pass(Duration::from_millis(100));
        settle(peer);
    }
    assert_eq!(peer.read(Side::Server, server, &mut got), sent.len(), "it was not sent again");
    assert_eq!(got[..sent.len()], sent);
    true
}

/// Whether a TCP segment over IPv4 has right checksums, found in the plainest way.
fn is_summed(packet: &[u8]) -> bool {
    let header = usize::from(packet[0] & 15) * 4;
    let segment = &packet[header..];
    let pseudo = [0, packet[9], (segment.len() >> 8) as u8, segment.len() as u8];
    let sum = add(0, &packet[12..20]);
    add(add(sum, &pseudo), segment) == 0xffff && add(0, &packet[..header]) == 0xffff
}

fn add(sum: u16, bytes: &[u8]) -> u16 {
    bytes.chunks(2).fold(sum, |sum, pair| {
        let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
        let (sum, carry) = sum.overflowing_add(word);
        sum + u16::from(carry)
    })
}
