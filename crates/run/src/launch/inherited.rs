//! What a program would have of the machine's own network: sockets that it inherits. Closes none.

use rustix::fd::{BorrowedFd, RawFd};
use rustix::fs::{Dir, Mode, OFlags, open};
use rustix::net::AddressFamily;
use rustix::net::sockopt::socket_domain;

/// Internet sockets among this process's descriptors, but for the standard streams.
pub(super) fn internet_sockets() -> Vec<RawFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(folder) = open("/proc/self/fd", flags, Mode::empty()) else { return Vec::new() };
    let Ok(entries) = Dir::new(folder) else { return Vec::new() };
    let numbers = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str().ok()?.parse::<RawFd>().ok())
        .filter(|number| *number > 2);
    numbers.filter(|number| crate::sys::child::with(*number, is_internet_socket)).collect()
}

fn is_internet_socket(descriptor: BorrowedFd<'_>) -> bool {
    let domain = socket_domain(descriptor);
    domain.is_ok_and(|it| it == AddressFamily::INET || it == AddressFamily::INET6)
}
