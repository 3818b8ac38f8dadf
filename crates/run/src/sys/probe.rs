//! Trials of what the system permits: each in a child that is forked for it, so that nothing
//! stays. Between fork and exit the child makes async-signal-safe calls only, with what was
//! prepared before. Judges nothing.

use super::errno::check;
use super::seccomp::SYNC_WAKE_UP;
use libc::{c_int, c_long};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};
use std::ffi::{CStr, CString};
use std::os::fd::RawFd;

/// What a trial came to.
pub(crate) type Tried = Result<(), Errno>;

/// The step of a trial that failed; the child's exit code has both.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Making the namespaces.
    Unshare,
    /// Mapping the user and its group into a user namespace.
    Map,
    /// What was to be tried in it.
    Inside,
}

/// What a child needs to enter a network namespace of its own.
pub(crate) struct Entrance {
    /// A user namespace comes with it, for users without privileges.
    user: bool,
    uid_map: CString,
    gid_map: CString,
}

impl Entrance {
    pub(crate) fn new() -> Self {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let map = |id| CString::new(format!("{id} {id} 1\n")).unwrap_or_default();
        Self { user: uid != 0, uid_map: map(uid), gid_map: map(gid) }
    }

    /// In a child: enters it.
    ///
    /// # Safety
    /// Only in a forked child, of which nothing else is expected.
    unsafe fn enter(&self) -> Result<(), (Step, Errno)> {
        let user = if self.user { libc::CLONE_NEWUSER } else { 0 };
        // SAFETY: takes a number only.
        let made = unsafe { libc::unshare(user | libc::CLONE_NEWNET | libc::CLONE_NEWNS) };
        check(made).map_err(|errno| (Step::Unshare, errno))?;
        if self.user {
            for (file, text) in [
                (c"/proc/self/setgroups", c"deny"),
                (c"/proc/self/uid_map", self.uid_map.as_c_str()),
                (c"/proc/self/gid_map", self.gid_map.as_c_str()),
            ] {
                // SAFETY: as this function's.
                unsafe { write(file, text) }.map_err(|errno| (Step::Map, errno))?;
            }
        }
        Ok(())
    }
}

/// Writes a small file.
///
/// # Safety
/// None beyond that of a forked child: both are terminated strings.
unsafe fn write(file: &CStr, text: &CStr) -> Result<(), Errno> {
    // SAFETY: both strings live through the calls; the descriptor is ours.
    unsafe {
        let opened = check(libc::open(file.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC))?;
        let bytes = text.to_bytes();
        let written = libc::write(opened as c_int, bytes.as_ptr().cast(), bytes.len());
        let result = check(written as i64).map(drop);
        libc::close(opened as c_int);
        result
    }
}

/// Runs a trial in a forked child and hears what came of it.
fn tried(trial: impl FnOnce() -> Result<(), (Step, Errno)>) -> Result<(), (Step, Errno)> {
    let inside = |errno| (Step::Inside, errno);
    // SAFETY: the child makes async-signal-safe calls only, and exits.
    let child = check(unsafe { libc::fork() }).map_err(inside)? as c_int;
    if child == 0 {
        let code = match trial() {
            Ok(()) => 0,
            Err((step, errno)) => 1 + errno.raw_os_error().clamp(0, 79) * 3 + step as c_int,
        };
        // SAFETY: ends the child without anything of the parent's.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    loop {
        // SAFETY: the kernel writes to `status`; the child is ours and was not waited for.
        match check(unsafe { libc::waitpid(child, &raw mut status, 0) }) {
            Err(Errno::INTR) => {}
            Err(errno) => return Err(inside(errno)),
            Ok(_) => break,
        }
    }
    if !libc::WIFEXITED(status) {
        // A filter that kills: its word for "not permitted".
        return Err(inside(Errno::PERM));
    }
    match libc::WEXITSTATUS(status) {
        0 => Ok(()),
        code => {
            let step = [Step::Unshare, Step::Map, Step::Inside];
            let step = step.get(((code - 1) % 3) as usize).copied().unwrap_or(Step::Inside);
            Err((step, Errno::from_raw_os_error((code - 1) / 3)))
        }
    }
}

/// A network namespace of one's own.
pub(crate) fn namespace(entrance: &Entrance) -> Result<(), (Step, Errno)> {
    // SAFETY: in a forked child.
    tried(|| unsafe { entrance.enter() })
}

/// `struct ifreq`, of which a name and flags are used.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

const TUN_FLAGS: u16 = (libc::IFF_TUN | libc::IFF_NO_PI) as u16;

/// A TUN device in a namespace of one's own.
pub(crate) fn tun(entrance: &Entrance) -> Tried {
    let mut request = InterfaceRequest { name: [0; 16], flags: TUN_FLAGS, rest: [0; 22] };
    let trial = || {
        // SAFETY: in a forked child; TUNSETIFF reads and writes one `struct ifreq`.
        unsafe {
            entrance.enter()?;
            let file = c"/dev/net/tun".as_ptr();
            let opened = check(libc::open(file, libc::O_RDWR | libc::O_CLOEXEC));
            let opened = opened.map_err(|errno| (Step::Inside, errno))? as c_int;
            let attached = libc::ioctl(opened, libc::TUNSETIFF as _, &raw mut request);
            check(attached).map(drop).map_err(|errno| (Step::Inside, errno))
        }
    };
    tried(trial).map_err(|(_, errno)| errno)
}

/// A veth pair, and a packet socket on its end, in a namespace of one's own.
pub(crate) fn veth(entrance: &Entrance) -> Tried {
    let message = new_veth();
    let trial = || {
        // SAFETY: in a forked child; buffers and their lengths agree.
        unsafe {
            entrance.enter()?;
            ask_netlink(&message).and_then(|()| open(libc::AF_PACKET, libc::SOCK_RAW, 0))
        }
        .map_err(|errno| (Step::Inside, errno))
    };
    tried(trial).map_err(|(_, errno)| errno)
}

/// Sends one request to rtnetlink and waits for its acknowledgement.
///
/// # Safety
/// In a forked child.
unsafe fn ask_netlink(message: &[u8]) -> Tried {
    // SAFETY: buffers and their lengths agree.
    unsafe {
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        let socket = libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE);
        let socket = check(socket)? as c_int;
        check(libc::send(socket, message.as_ptr().cast(), message.len(), 0) as i64)?;
        let mut answer = [0u8; 1024];
        let length = check(libc::recv(socket, answer.as_mut_ptr().cast(), answer.len(), 0) as i64)?;
        // nlmsgerr: behind the header of 16 bytes, the negative error.
        let error = match answer {
            [_, _, _, _, 2, 0, ..] if length >= 20 => {
                c_int::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]])
            }
            _ => 0,
        };
        if error == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(-error)) }
    }
}

/// RTM_NEWLINK of a veth pair whose names the kernel chooses.
fn new_veth() -> Vec<u8> {
    let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL;
    // "veth", whose four bytes need no padding, in two attributes.
    let kind = [8u16.to_ne_bytes(), libc::IFLA_INFO_KIND.to_ne_bytes()].concat();
    let info = [12u16.to_ne_bytes(), libc::IFLA_LINKINFO.to_ne_bytes()].concat();
    let mut message = Vec::new();
    message.extend_from_slice(&(16u32 + 16 + 12).to_ne_bytes());
    message.extend_from_slice(&libc::RTM_NEWLINK.to_ne_bytes());
    message.extend_from_slice(&(flags as u16).to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(&[0; 16]);
    message.extend_from_slice(&info);
    message.extend_from_slice(&kind);
    message.extend_from_slice(b"veth");
    message
}

/// Opens a socket and lets it go.
pub(crate) fn open(family: c_int, kind: c_int, protocol: c_int) -> Tried {
    // SAFETY: takes numbers only; the descriptor is closed at once.
    unsafe {
        let socket = check(libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol))?;
        libc::close(socket as c_int);
    }
    Ok(())
}

/// What of a listener is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    /// That there is one.
    New,
    /// An answer and a descriptor in one step.
    AddAndSend,
    /// Wake-ups on the same processor.
    SyncWakeUp,
}

/// A listener for system calls.
pub(crate) fn listener(what: Listener) -> Tried {
    let allow = libc::sock_filter { code: 0x06, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW };
    let mut filter = [allow];
    let program = libc::sock_fprog { len: 1, filter: filter.as_mut_ptr() };
    let trial = || {
        // SAFETY: in a forked child; the structures are those that the kernel describes, and live.
        unsafe {
            libc::prctl(
                libc::PR_SET_NO_NEW_PRIVS,
                1 as c_long,
                0 as c_long,
                0 as c_long,
                0 as c_long,
            );
            let listener = check(libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
                &raw const program,
            ))? as c_int;
            match what {
                Listener::New => Ok(()),
                Listener::AddAndSend => {
                    // No such notification waits; a kernel that does not know the flag says
                    // EINVAL before it looks.
                    let add = libc::seccomp_notif_addfd {
                        id: 1,
                        flags: libc::SECCOMP_ADDFD_FLAG_SEND as u32,
                        srcfd: listener as u32,
                        newfd: 0,
                        newfd_flags: 0,
                    };
                    let asked =
                        libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_ADDFD, &raw const add);
                    match check(asked) {
                        Err(Errno::NOENT) | Ok(_) => Ok(()),
                        Err(errno) => Err(errno),
                    }
                }
                Listener::SyncWakeUp => {
                    let asked =
                        libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP);
                    check(asked).map(drop)
                }
            }
        }
    };
    tried(|| trial().map_err(|errno| (Step::Inside, errno))).map_err(|(_, errno)| errno)
}

/// A copy of a descriptor of one's own child: what Yama and others may refuse.
pub(crate) fn pidfd_getfd() -> Tried {
    let mut ends: [RawFd; 2] = [-1; 2];
    // SAFETY: the kernel writes two descriptors; the child only waits for an end of file and
    // exits; numbers of processes and descriptors are ours.
    unsafe {
        check(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC))?;
        let [reads, writes] = ends;
        let child = check(libc::fork())? as c_int;
        if child == 0 {
            libc::close(writes);
            let mut byte = 0u8;
            libc::read(reads, (&raw mut byte).cast(), 1);
            libc::_exit(0);
        }
        let copied = check(libc::syscall(libc::SYS_pidfd_open, child, 0)).and_then(|pidfd| {
            let copy = check(libc::syscall(libc::SYS_pidfd_getfd, pidfd, reads, 0));
            libc::close(pidfd as c_int);
            libc::close(copy? as c_int);
            Ok(())
        });
        libc::close(writes);
        libc::close(reads);
        let mut status = 0;
        while check(libc::waitpid(child, &raw mut status, 0)) == Err(Errno::INTR) {}
        copied
    }
}

/// An io_uring.
pub(crate) fn io_uring() -> Tried {
    // `struct io_uring_params` has 120 bytes.
    let mut parameters = [0u64; 15];
    // SAFETY: the kernel reads and writes the parameters; the descriptor is closed at once.
    unsafe {
        let ring = check(libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()))?;
        libc::close(ring as c_int);
    }
    Ok(())
}
