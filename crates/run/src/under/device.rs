//! The device, as an adapter of IP packets that two sides use: whoever takes what the program's
//! kernel sends, and whoever has something for it.

use danja::stack::{Frame, Instant, Payload};
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
        let frame = Frame::received(packet, danja::wire::Offload::default());
        self.lock().transmit(now, &mut vec![frame])
    }
}
