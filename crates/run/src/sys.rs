//! The unsafe room: system calls that no crate offers safely, and what a child does between fork
//! and exec. Each block says why it is sound. Knows no socket and no protocol.

pub(crate) mod child;
pub(crate) mod namespace;
pub(crate) mod signals;
