//! Threads and processes by descriptor, and copies of their descriptors. Decides nothing.

use rustix::fd::{OwnedFd, RawFd};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

/// `PIDFD_THREAD` (Linux 6.9), which the crates do not have.
const THREAD: PidfdFlags = PidfdFlags::from_bits_retain(libc::O_EXCL as u32);

/// A thread, which need not be its process's first.
pub(crate) fn open(thread: u32) -> Result<OwnedFd, Errno> {
    match pidfd_open(pid(thread)?, THREAD) {
        Err(Errno::INVAL) => {
            let process = process_of(thread).ok_or(Errno::SRCH)?;
            pidfd_open(pid(process)?, PidfdFlags::empty())
        }
        opened => opened,
    }
}

fn pid(number: u32) -> Result<Pid, Errno> {
    i32::try_from(number).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)
}

/// The process that a thread belongs to.
pub(crate) fn process_of(thread: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
    line.trim().parse().ok()
}

/// A copy of a descriptor of that thread: the same open file.
pub(crate) fn copy_of(thread: &OwnedFd, number: RawFd) -> Result<OwnedFd, Errno> {
    // The crate takes no number that is none, and programs do ask about -1.
    if number < 0 {
        return Err(Errno::BADF);
    }
    pidfd_getfd(thread, number, PidfdGetfdFlags::empty())
}
