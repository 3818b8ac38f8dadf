//! The unsafe room: system calls that no crate offers safely. Each block says why it is sound.
//! Knows no frame and no protocol.

pub(crate) mod packet;
pub(crate) mod tun;
