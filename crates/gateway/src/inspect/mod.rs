//! Looking inside running hosts from other commands of the same user: each process with hosts
//! answers on a UNIX socket in the [runtime directory](RuntimeDir). Shows, and changes nothing
//! but links.
//!
//! ```
//! use danja_gateway::{Lan, inspect::Inspection};
//! # fn main() -> std::io::Result<()> {
//! let host = danja::Host::builder().name("mine").build()?;
//! let lan = Lan::new();
//! lan.add(&host);
//! # if false {
//! // From now on, and until the value is dropped, `danja ss` shows the host's sockets.
//! let seen = Inspection::start("mine", &lan)?;
//! # }
//! # Ok(())
//! # }
//! ```

mod client;
mod control;
pub(crate) mod kernel;
pub mod link;
mod runtime;

pub use client::{AskError, Running, running, running_in};
pub use control::Inspection;
pub use runtime::{RuntimeDir, RuntimeError, is_same_user, peer_process};
