//! The unsafe room: system calls that no crate offers safely, and what a child does between fork
//! and exec. Each block says why it is sound. Knows no socket and no protocol.

pub(crate) mod child;
pub(crate) mod diag;
pub(crate) mod memory;
pub(crate) mod namespace;
pub(crate) mod pidfd;
pub(crate) mod probe;
pub mod seccomp;
pub(crate) mod signals;
#[cfg(test)]
pub(crate) mod trial;
pub(crate) mod unix;

use rustix::io::Errno;

/// What a system call returned, which is -1 when `errno` has its error.
fn check(result: i64) -> Result<i64, Errno> {
    if result >= 0 {
        return Ok(result);
    }
    // SAFETY: the thread's own variable.
    Err(Errno::from_raw_os_error(unsafe { *libc::__errno_location() }))
}
