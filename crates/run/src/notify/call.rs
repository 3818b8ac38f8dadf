//! A call that waits for its answer: who made it, its arguments, the caller's memory and
//! descriptors. Answers nothing by itself.

use crate::sys::memory;
use crate::sys::seccomp::Notification;
use rustix::fd::RawFd;
use rustix::io::Errno;

/// The longest address that Linux takes (`sockaddr_storage`).
const ADDRESS_MAX: u64 = 128;

#[derive(Clone, Copy, Debug)]
pub(super) struct Call(pub(super) Notification);

impl Call {
    /// An argument that is a number of 32 bits.
    pub(super) fn number(&self, index: usize) -> i32 {
        self.pointer(index) as u32 as i32
    }

    /// An argument that is as wide as an address.
    pub(super) fn pointer(&self, index: usize) -> u64 {
        self.0.arguments.get(index).copied().unwrap_or(0)
    }

    /// The descriptor it is about.
    pub(super) fn descriptor(&self) -> RawFd {
        self.number(0)
    }

    pub(super) fn read<const N: usize>(&self, address: u64) -> Result<[u8; N], Errno> {
        let mut bytes = [0; N];
        memory::read(self.0.thread, address, &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn read_vec(&self, address: u64, length: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0; length];
        memory::read(self.0.thread, address, &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Errno> {
        memory::write(self.0.thread, address, bytes)
    }

    /// The bytes of an address, and their length, from two arguments.
    pub(super) fn address(&self, place: usize, length: usize) -> Result<Vec<u8>, Errno> {
        let length = u64::from(self.number(length) as u32);
        if length > ADDRESS_MAX {
            return Err(Errno::INVAL);
        }
        self.read_vec(self.pointer(place), length as usize)
    }

    /// Writes an address as `getsockname` does: as much as fits, and how long it is in full.
    pub(super) fn write_address(
        &self,
        place: usize,
        length: usize,
        address: &[u8],
    ) -> Result<(), Errno> {
        let room = i32::from_ne_bytes(self.read(self.pointer(length))?);
        let room = usize::try_from(room).map_err(|_| Errno::INVAL)?;
        let count = room.min(address.len());
        self.write(self.pointer(place), &address[..count])?;
        self.write(self.pointer(length), &(address.len() as u32).to_ne_bytes())
    }
}
