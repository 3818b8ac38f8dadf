//! Seccomp user notification: the program's sockets are UNIX sockets whose other ends, and whose
//! control information, are here and in the host's stack. Only control calls are answered
//! here; data, readiness, copies and ends of descriptors are the kernel's own.

mod address;
mod call;
mod calls;
mod census;
mod datagram;
mod filter;
mod pump;
mod supervisor;
mod sweep;
mod table;
mod undelivered;
mod waiter;
mod wake;

pub use filter::filter;
pub use supervisor::Supervisor;

#[cfg(test)]
mod tests;
