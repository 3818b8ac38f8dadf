//! Captures: a pcapng file of what passes an adapter, for Wireshark and its kin.
//!
//! [`Capture`] is the file, shared by as many adapters as one likes; [`Captured`] is an adapter
//! whose frames it gets. The file holds what a wire would carry, cut to frames with complete
//! checksums, unless the raw form is asked for; the frames themselves pass unchanged. Interprets
//! no protocol, reads no clock, and never fails the adapter: a file that cannot be written ends
//! the capture, and [`Capture::finish`] says why.
//!
//! **Each frame once.** A frame between two captured adapters of one process passes both. Capture
//! either one of them with [`Direction::Both`], or all of them with [`Direction::Transmitted`],
//! which has each frame where it is sent.

mod file;
mod wrapper;

#[cfg(test)]
mod tests;

pub use file::{Capture, CaptureOptions};
pub use wrapper::{Captured, Direction};
