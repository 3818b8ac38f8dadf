//! Trials of what the system permits that no crate has safely. Judges nothing.

use super::errno::check;
use rustix::io::Errno;
use std::ffi::c_int;

/// An io_uring.
pub(crate) fn io_uring() -> Result<(), Errno> {
    // `struct io_uring_params` has 120 bytes.
    let mut parameters = [0u64; 15];
    // SAFETY: the kernel reads and writes the parameters; the descriptor is closed at once.
    unsafe {
        let ring = check(libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()))?;
        libc::close(ring as c_int);
    }
    Ok(())
}
