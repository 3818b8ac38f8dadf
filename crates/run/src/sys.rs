//! The unsafe room: system calls that no crate offers safely, and what a child does between fork
//! and exec. Each block says why it is sound. Knows no socket and no protocol.

pub(crate) mod child;
pub(crate) mod diag;
mod errno;
pub(crate) mod memory;
pub(crate) mod namespace;
pub(crate) mod pidfd;
pub(crate) mod places;
pub(crate) mod probe;
pub mod seccomp;
pub(crate) mod signals;
#[cfg(test)]
pub(crate) mod trial;
pub(crate) mod unix;
