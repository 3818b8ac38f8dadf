//! The memory of another process: copies in and out. Decides nothing.

use super::errno::check;
use rustix::io::Errno;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Fills `into` from `address` on.
pub(crate) fn read(thread: u32, address: u64, into: &mut [u8]) -> Result<(), Errno> {
    if into.is_empty() {
        return Ok(());
    }
    let local = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    let remote = far(address, into.len())?;
    let thread_id = i32::try_from(thread).map_err(|_| Errno::SRCH)?;
    // SAFETY: the kernel writes to `local` alone, which is all of `into`, and checks `remote`
    // against the other process's memory.
    let read = check(unsafe { libc::process_vm_readv(thread_id, &local, 1, &remote, 1, 0) as i64 });
    match read {
        Ok(count) if usize::try_from(count) == Ok(into.len()) => Ok(()),
        Ok(_) => Err(Errno::FAULT),
        // A kernel or a container without the call.
        Err(Errno::NOSYS | Errno::PERM) => {
            let file = File::open(format!("/proc/{thread}/mem")).map_err(|_| Errno::FAULT)?;
            file.read_exact_at(into, address).map_err(|_| Errno::FAULT)
        }
        Err(errno) => Err(errno),
    }
}

/// Writes `from` to `address`.
pub(crate) fn write(thread: u32, address: u64, from: &[u8]) -> Result<(), Errno> {
    if from.is_empty() {
        return Ok(());
    }
    let local = libc::iovec { iov_base: from.as_ptr().cast_mut().cast(), iov_len: from.len() };
    let remote = far(address, from.len())?;
    let thread_id = i32::try_from(thread).map_err(|_| Errno::SRCH)?;
    // SAFETY: the kernel reads from `local` alone, which is all of `from`, and checks `remote`
    // against the other process's memory, which is not ours.
    let written =
        check(unsafe { libc::process_vm_writev(thread_id, &local, 1, &remote, 1, 0) as i64 });
    match written {
        Ok(count) if usize::try_from(count) == Ok(from.len()) => Ok(()),
        Ok(_) => Err(Errno::FAULT),
        Err(Errno::NOSYS | Errno::PERM) => {
            let path = format!("/proc/{thread}/mem");
            let file = File::options().write(true).open(path).map_err(|_| Errno::FAULT)?;
            file.write_all_at(from, address).map_err(|_| Errno::FAULT)
        }
        Err(errno) => Err(errno),
    }
}

fn far(address: u64, length: usize) -> Result<libc::iovec, Errno> {
    let address = usize::try_from(address).map_err(|_| Errno::FAULT)?;
    Ok(libc::iovec { iov_base: std::ptr::without_provenance_mut(address), iov_len: length })
}
