//! The device, as an adapter of IP packets that two sides use: whoever takes what the program's
//! kernel sends, and whoever has something for it.

use danja::stack::{Frame, Instant, Payload};
use danja::wire::Offload;
use danja::wire::ipv4::Header;
use danja_lan::{Adapter, Capabilities};
use rustix::fd::{BorrowedFd, OwnedFd};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Clones are the same device.
#[derive(Clone)]
pub(super) struct Device {
    adapter: Arc<Mutex<Box<dyn Adapter>>>,
    descriptor: Arc<OwnedFd>,
    capabilities: Capabilities,
}

impl Device {
    /// `adapter` is waited for by a descriptor, and carries IP packets without a link header.
    pub(super) fn new(adapter: Box<dyn Adapter>) -> io::Result<Self> {
        let descriptor = match adapter.readiness() {
            danja_lan::Readiness::Descriptor(descriptor) => descriptor.try_clone_to_owned()?,
            danja_lan::Readiness::Waker => return Err(io::ErrorKind::Unsupported.into()),
        };
        let capabilities = adapter.capabilities();
        let adapter = Arc::new(Mutex::new(adapter));
        Ok(Self { adapter, descriptor: Arc::new(descriptor), capabilities })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Box<dyn Adapter>> {
        self.adapter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Readable when the program's kernel has sent something.
    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        use rustix::fd::AsFd;
        self.descriptor.as_fd()
    }

    /// Gives a whole packet to the program's kernel.
    ///
    /// # Errors
    /// The device failed.
    pub(super) fn give(&self, now: Instant, packet: Payload) -> io::Result<()> {
        let mut frames = fragments(&packet, self.capabilities.mtu);
        self.lock().transmit(now, &mut frames)
    }
}

/// A packet as the device takes it: one that the host has put together from fragments is taken
/// apart again.
fn fragments(packet: &Payload, mtu: usize) -> Vec<Frame> {
    let frame = |bytes| Frame::received(bytes, Offload::default());
    let whole = || vec![frame(packet.clone())];
    let Ok(header) = Header::parse(packet.as_slice()) else { return whole() };
    let start = header.header_len();
    // RFC 791 §3.1: fragments are counted in units of 8 octets.
    let room = mtu.saturating_sub(start) & !7;
    let data = packet.slice(start, usize::from(header.total_len));
    if packet.len() <= mtu || room == 0 {
        return whole();
    }
    let mut pieces = Vec::new();
    for at in (0..data.len()).step_by(room) {
        let piece = data.slice(at, data.len().min(at + room));
        let mut own = header;
        own.dont_fragment = false;
        own.more_fragments = at + room < data.len();
        own.fragment_offset = u16::try_from(at).unwrap_or(u16::MAX);
        let mut bytes = vec![0; start];
        if own.set_payload_len(piece.len()).is_none() || own.emit(&mut bytes).is_err() {
            return whole();
        }
        bytes.extend(piece.as_slice());
        pieces.push(frame(Payload::from(bytes)));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use danja::wire::ip::Protocol;

    #[test]
    fn what_is_larger_than_the_device_takes_is_cut_into_fragments() {
        let mut header = Header { protocol: Protocol::UDP, identification: 7, ..Header::default() };
        let data: Vec<u8> = (0..4000_u32).map(|it| it as u8).collect();
        header.set_payload_len(data.len()).unwrap();
        let mut packet = vec![0; 20];
        header.emit(&mut packet).unwrap();
        packet.extend(&data);
        let packet = Payload::from(packet);
        assert_eq!(fragments(&packet, 9000).len(), 1);

        let mut together: Vec<u8> = Vec::new();
        let pieces = fragments(&packet, 1500);
        for (number, piece) in pieces.iter().enumerate() {
            let bytes = piece.to_vec();
            let own = Header::parse(&bytes).unwrap();
            assert!(bytes.len() <= 1500);
            assert_eq!((own.identification, own.protocol), (7, Protocol::UDP));
            assert_eq!(usize::from(own.fragment_offset), together.len());
            assert_eq!(own.more_fragments, number + 1 < pieces.len());
            together.extend(&bytes[20..]);
        }
        assert_eq!(together, data);
    }
}
