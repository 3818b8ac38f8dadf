//! What a NIC would do for the stack where the adapter cannot: cutting large TCP frames into
//! frames of a wire, joining them on arrival, completing checksums. Changes no payload byte and
//! copies none. (RFC 9293 fields, RFC 3168 §6.1.2 for CWR, RFC 6864 for the identification.)

mod cut;
mod datagrams;
mod join;
mod layout;

pub use cut::{Finish, complete_checksum, cut};
pub use datagrams::cut_datagrams;
pub use join::Joiner;
pub use layout::sum_from;

#[cfg(test)]
mod tests;
