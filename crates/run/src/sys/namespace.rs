//! Into namespaces of one's own, in the child between fork and exec: a network that leads nowhere
//! yet, sockets by which the parent sets it up, and a resolv.conf. Async-signal-safe calls only.
//! Configures no interface.

use super::child::Report;
use super::errno::check;
use libc::{c_char, c_int, c_ulong};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::RawFd;
use std::ptr;

/// Descriptors that the parent gets, by place: -1 if there is none.
pub(crate) struct Descriptors(pub(crate) [RawFd; Self::COUNT]);

impl Descriptors {
    pub(crate) const COUNT: usize = 7;
    /// A netlink socket in the program's network.
    pub(crate) const ROUTES: usize = 0;
    /// `/dev/net/tun`, opened in it.
    pub(crate) const TUN: usize = 1;
    /// The file that the program sees as resolv.conf.
    pub(crate) const RESOLV: usize = 2;
    /// In place of a TUN device: a packet socket in a network between, …
    pub(crate) const PACKET: usize = 3;
    /// … a netlink socket there, …
    pub(crate) const FAR_ROUTES: usize = 4;
    /// … and the program's network itself, to move one end of a pair into.
    pub(crate) const NETWORK: usize = 5;
    /// Where there is no resolv.conf: a UDP socket, for who asks at 127.0.0.1.
    pub(crate) const RESOLVER: usize = 6;

    fn set(&mut self, place: usize, descriptor: Result<RawFd, Errno>) -> Result<(), Errno> {
        if let Some(it) = self.0.get_mut(place) {
            *it = descriptor?;
        }
        Ok(())
    }
}

/// Steps that can fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Step {
    Unshare = 1,
    Map,
    Mounts,
    Sockets,
}

impl Step {
    /// In words, after "cannot".
    pub(crate) const fn text(step: u32) -> &'static str {
        match step {
            1 => "make namespaces",
            2 => "map the user into a user namespace",
            3 => "make mounts private",
            _ => "open sockets in a network namespace",
        }
    }
}

/// What is entered, and what is put there.
pub(crate) struct Entry {
    /// As an ordinary user: a user namespace comes with it. For root only if it must.
    pub(crate) privileged: bool,
    /// `UID UID 1`, and likewise the group.
    pub(crate) uid_map: CString,
    pub(crate) gid_map: CString,
    /// Files of `/proc/sys` and what is written into them; a refusal is not a failure.
    pub(crate) settings: Vec<(CString, CString)>,
    /// The same, once the user namespace has but one group.
    pub(crate) ping_group: CString,
    /// resolv.conf, where its links lead; `None` if there is none.
    pub(crate) resolv: Option<CString>,
    /// Sockets of name services that would answer for the machine.
    pub(crate) masked: Vec<CString>,
    /// Whether to take a TUN device if there is one.
    pub(crate) tun: bool,
}

const PING_GROUPS: &CStr = c"/proc/sys/net/ipv4/ping_group_range";

impl Entry {
    /// All of it. What failed is in the report.
    pub(super) fn enter(&self, report: &mut Report) -> Descriptors {
        let mut descriptors = Descriptors([-1; Descriptors::COUNT]);
        if let Err((step, errno)) = self.try_enter(&mut descriptors, report) {
            report.step = step as u32;
            report.errno = errno.raw_os_error();
        }
        descriptors
    }

    fn try_enter(
        &self,
        descriptors: &mut Descriptors,
        report: &mut Report,
    ) -> Result<(), (Step, Errno)> {
        let own = libc::CLONE_NEWNET | libc::CLONE_NEWNS;
        let plain = if self.privileged { unshare(own) } else { Err(Errno::PERM) };
        if plain.is_err() {
            unshare(own | libc::CLONE_NEWUSER).map_err(|errno| (Step::Unshare, errno))?;
            // Kernels before 3.19 have no such file, and need it not.
            let _ = write_file(c"/proc/self/setgroups", c"deny");
            write_file(c"/proc/self/uid_map", &self.uid_map).map_err(|it| (Step::Map, it))?;
            write_file(c"/proc/self/gid_map", &self.gid_map).map_err(|it| (Step::Map, it))?;
        }
        mount(c"none", c"/", None, libc::MS_REC | libc::MS_PRIVATE)
            .map_err(|errno| (Step::Mounts, errno))?;
        self.take_network(descriptors, report).map_err(|errno| (Step::Sockets, errno))?;
        for (file, value) in &self.settings {
            let _ = write_file(file, value);
        }
        if plain.is_err() {
            let _ = write_file(PING_GROUPS, &self.ping_group);
        } else {
            let _ = write_file(PING_GROUPS, c"0 2147483647");
        }
        for socket in &self.masked {
            // What is not there answers nobody.
            let _ = mount(c"/dev/null", socket, None, libc::MS_BIND);
        }
        match &self.resolv {
            None => {
                let resolver = socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
                let _ = descriptors.set(Descriptors::RESOLVER, resolver);
            }
            Some(path) => {
                let made = own_file(path);
                report.no_resolv = made.err().map_or(0, Errno::raw_os_error);
                let _ = descriptors.set(Descriptors::RESOLV, made);
            }
        }
        Ok(())
    }

    /// The device, or sockets for what takes its place.
    fn take_network(
        &self,
        descriptors: &mut Descriptors,
        report: &mut Report,
    ) -> Result<(), Errno> {
        let flags = libc::O_RDWR | libc::O_NONBLOCK | libc::O_CLOEXEC;
        let tun = if self.tun { open(c"/dev/net/tun", flags) } else { Err(Errno::NODEV) };
        match tun {
            Ok(tun) => descriptors.set(Descriptors::TUN, Ok(tun))?,
            Err(errno) => {
                report.no_tun = errno.raw_os_error();
                // ETH_P_ALL is asked for when it is bound.
                let packet = socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_NONBLOCK, 0);
                descriptors.set(Descriptors::PACKET, packet)?;
                descriptors.set(Descriptors::FAR_ROUTES, netlink())?;
                // The program gets a further one, so that it sees its own end only.
                unshare(libc::CLONE_NEWNET)?;
                let flags = libc::O_RDONLY | libc::O_CLOEXEC;
                descriptors.set(Descriptors::NETWORK, open(c"/proc/self/ns/net", flags))?;
            }
        }
        descriptors.set(Descriptors::ROUTES, netlink())
    }
}

/// A file of nobody's file system, which from now on is seen at `path`.
fn own_file(path: &CStr) -> Result<RawFd, Errno> {
    // A file system of one's own, which is out of sight again once the file is mounted elsewhere.
    mount(c"tmpfs", c"/proc", Some(c"tmpfs"), libc::MS_NOSUID | libc::MS_NODEV)?;
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_CLOEXEC;
    let made = open(c"/proc/resolv.conf", flags);
    let mounted = made.and_then(|_| mount(c"/proc/resolv.conf", path, None, libc::MS_BIND));
    // SAFETY: a constant string; the mount is this process's own.
    unsafe { libc::umount2(c"/proc".as_ptr(), libc::MNT_DETACH) };
    mounted.and(made)
}

fn result(value: c_int) -> Result<c_int, Errno> {
    check(value).map(|value| value as c_int)
}

fn unshare(flags: c_int) -> Result<(), Errno> {
    // SAFETY: changes what this process, which has one thread, shares with others.
    result(unsafe { libc::unshare(flags) }).map(drop)
}

fn open(path: &CStr, flags: c_int) -> Result<RawFd, Errno> {
    // SAFETY: `path` ends with a zero.
    result(unsafe { libc::open(path.as_ptr(), flags, 0o644) })
}

fn socket(family: c_int, kind: c_int, protocol: c_int) -> Result<RawFd, Errno> {
    // SAFETY: no memory is touched.
    result(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) })
}

fn netlink() -> Result<RawFd, Errno> {
    socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)
}

fn write_file(path: &CStr, text: &CStr) -> Result<(), Errno> {
    let file = open(path, libc::O_WRONLY | libc::O_CLOEXEC)?;
    let bytes = text.to_bytes();
    // SAFETY: writes `bytes` from where they lie, and closes what was opened here.
    unsafe {
        let count = libc::write(file, bytes.as_ptr().cast(), bytes.len());
        let written = check(count as i64).map(drop);
        libc::close(file);
        written
    }
}

fn mount(source: &CStr, target: &CStr, kind: Option<&CStr>, flags: c_ulong) -> Result<(), Errno> {
    let kind: *const c_char = kind.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: all strings end with a zero; no data is given.
    let done = unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind, flags, ptr::null()) };
    result(done).map(drop)
}
