//! Looking inside running hosts from other commands of the same user. Shows, and changes nothing
//! but what a host lends for it.

mod runtime;

pub use runtime::{RuntimeDir, RuntimeError, is_same_user, peer_process};
