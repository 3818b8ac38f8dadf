//! What a system call says: its result, or the error of this thread. Makes no call.

use rustix::io::Errno;

/// The error of the call before. Async-signal-safe.
pub(super) fn last() -> Errno {
    // SAFETY: the address of this thread's own errno, which is always valid.
    Errno::from_raw_os_error(unsafe { *libc::__errno_location() })
}

/// What a system call returned, which is -1 when `errno` has its error. Async-signal-safe.
pub(super) fn check(result: impl Into<i64>) -> Result<i64, Errno> {
    let result = result.into();
    if result < 0 { Err(last()) } else { Ok(result) }
}
