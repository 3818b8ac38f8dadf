//! TCP (RFC 9293): header, flags, options, sequence numbers. Knows no connection.

mod fast_open;
pub mod flags;
pub mod header;
pub mod options;
mod sack;
pub mod seq;

pub use fast_open::FastOpen;
pub use flags::Flags;
pub use header::{CHECKSUM_OFFSET, HEADER_LEN, Header, MAX_HEADER_LEN, set_checksum, verify};
pub use options::{Options, Timestamps};
pub use sack::SackBlocks;
pub use seq::SeqNumber;
