//! What an interface is to the stack: a number, a medium, and what its adapter can do.

pub use danja_wire::ethernet::MacAddress;

/// An interface of one stack, in the order of [`Stack::add_interface`](crate::Stack::add_interface).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InterfaceId(pub u16);

impl InterfaceId {
    /// The loopback interface, which every stack has: 127.0.0.1/8.
    pub const LOOPBACK: Self = Self(0);
}

/// What a link carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Medium {
    /// Ethernet II; the stack answers to this address.
    Ethernet(MacAddress),
    /// IP packets without a link header.
    Ip,
}

/// How much an adapter takes now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Room {
    /// Frames.
    pub frames: usize,
    /// Bytes.
    pub bytes: usize,
}

impl Room {
    /// No limit.
    pub const UNLIMITED: Self = Self { frames: usize::MAX, bytes: usize::MAX };

    /// Whether nothing more can be sent.
    pub const fn is_empty(&self) -> bool {
        self.frames == 0 || self.bytes == 0
    }

    /// What is left after a frame of `bytes`.
    pub const fn less(self, bytes: usize) -> Self {
        Self { frames: self.frames.saturating_sub(1), bytes: self.bytes.saturating_sub(bytes) }
    }
}
