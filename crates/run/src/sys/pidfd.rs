//! Threads and processes by descriptor, and copies of their descriptors. Decides nothing.

use super::check;
use rustix::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use rustix::io::Errno;

/// `PIDFD_THREAD` (Linux 6.9).
const THREAD: u32 = libc::O_EXCL as u32;

/// A thread, which need not be its process's first.
pub(crate) fn open(thread: u32) -> Result<OwnedFd, Errno> {
    match open_with(thread, THREAD) {
        Err(Errno::INVAL) => open_with(process_of(thread).ok_or(Errno::SRCH)?, 0),
        opened => opened,
    }
}

fn open_with(id: u32, flags: u32) -> Result<OwnedFd, Errno> {
    // SAFETY: takes numbers only.
    let opened = check(unsafe { libc::syscall(libc::SYS_pidfd_open, id, flags) })?;
    own(opened)
}

/// The process that a thread belongs to.
pub(crate) fn process_of(thread: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    line.trim().parse().ok()
}

/// A copy of a descriptor of that thread: the same open file.
pub(crate) fn copy_of(thread: &OwnedFd, number: RawFd) -> Result<OwnedFd, Errno> {
    // SAFETY: takes numbers only.
    let copied =
        check(unsafe { libc::syscall(libc::SYS_pidfd_getfd, thread.as_raw_fd(), number, 0) })?;
    own(copied)
}

fn own(made: i64) -> Result<OwnedFd, Errno> {
    let made = RawFd::try_from(made).map_err(|_| Errno::INVAL)?;
    // SAFETY: the system call has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(made) })
}
