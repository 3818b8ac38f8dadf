//! TCP (RFC 9293): header, flags, options, sequence numbers. Knows no connection.

pub mod flags;
pub mod header;
pub mod options;
pub mod seq;

pub use flags::Flags;
pub use header::{CHECKSUM_OFFSET, HEADER_LEN, Header, MAX_HEADER_LEN, set_checksum, verify};
pub use options::{FastOpen, Options, SackBlocks, Timestamps};
pub use seq::SeqNumber;
