//! IPv4 (RFC 791): header and options. Knows no route and reassembles nothing.

pub mod header;
pub mod options;

pub use header::{HEADER_LEN, Header, MAX_HEADER_LEN};
pub use options::{BadOption, IpOption, Options};
