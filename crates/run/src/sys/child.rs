//! The child between fork and exec: does what it is told by its parent over a socket, a step at a
//! time. Makes async-signal-safe calls only (another thread may have held any lock when it was
//! forked), so that all it uses was prepared before.

use super::errno::last;
use super::namespace::{Descriptors, Entry};
use super::seccomp::{self, Filter};
use libc::{c_char, c_int};
use rustix::io::Errno;
use std::ffi::CString;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::ptr;

/// Exit code of a child that never came to run the program.
const LAUNCHER_FAILED: c_int = 125;

/// The parent's orders: one byte each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Order {
    /// Install the first filter, or the second, and report its listener.
    Filter = b'f',
    OtherFilter = b'o',
    /// Run the program.
    Execute = b'x',
}

/// What the child reports: a step done, or what the system said to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub(crate) struct Report {
    /// Which step of [`Entry`] failed; meaningful with an error.
    pub(crate) step: u32,
    /// The error, or 0.
    pub(crate) errno: i32,
    /// The filter's listener, as the child's descriptor.
    pub(crate) value: i32,
    /// Which descriptors are with it: a bit for each of [`Descriptors`].
    pub(crate) present: u32,
    /// Why there is no TUN device, or 0.
    pub(crate) no_tun: i32,
    /// Why resolv.conf is the machine's own, or 0.
    pub(crate) no_resolv: i32,
}

pub(crate) const REPORT: usize = size_of::<Report>();

impl Report {
    /// From the child's bytes.
    pub(crate) fn parse(bytes: &[u8; REPORT]) -> Option<Self> {
        let mut words = bytes.chunks_exact(4).filter_map(|word| word.try_into().ok());
        let mut word = || words.next().map(i32::from_ne_bytes);
        Some(Self {
            step: word()?.cast_unsigned(),
            errno: word()?,
            value: word()?,
            present: word()?.cast_unsigned(),
            no_tun: word()?,
            no_resolv: word()?,
        })
    }
}

/// All that the child uses.
pub(crate) struct Plan {
    /// The file, and what `/bin/sh` gets if it has no format that the kernel knows.
    path: CString,
    /// The arguments, and the pointers to them with a null at the end.
    _arguments: Vec<CString>,
    argv: Vec<*const c_char>,
    _environment: Vec<CString>,
    envp: Vec<*const c_char>,
    shell_argv: Vec<*const c_char>,
    /// Descriptors that the program shall not have.
    pub(crate) close: Vec<RawFd>,
    /// What was blocked before the launcher blocked signals.
    pub(crate) mask: super::signals::Mask,
    pub(crate) entry: Option<Entry>,
    /// With a namespace beneath, and without.
    pub(crate) filters: Option<[Filter; 2]>,
}

impl Plan {
    pub(crate) fn new(
        path: CString,
        arguments: Vec<CString>,
        environment: Vec<CString>,
        mask: super::signals::Mask,
    ) -> Self {
        let pointers = |strings: &[CString]| -> Vec<*const c_char> {
            strings.iter().map(|it| it.as_ptr()).chain([ptr::null()]).collect()
        };
        let (argv, envp) = (pointers(&arguments), pointers(&environment));
        // As `execvp` does it: `/bin/sh FILE ARGUMENTS…`.
        let shell_argv = [c"/bin/sh".as_ptr(), path.as_ptr()]
            .into_iter()
            .chain(argv.iter().skip(1).copied())
            .collect();
        Self {
            path,
            _arguments: arguments,
            argv,
            _environment: environment,
            envp,
            shell_argv,
            close: Vec::new(),
            mask,
            entry: None,
            filters: None,
        }
    }

    /// Forks; the child obeys `theirs` and never returns. Gives its process id.
    pub(crate) fn fork(&self, ours: BorrowedFd<'_>, theirs: BorrowedFd<'_>) -> Result<i32, Errno> {
        // SAFETY: the child, which has one thread and perhaps locks that nobody will release,
        // calls nothing but `obey`, whose calls are all async-signal-safe, and never returns.
        let pid = unsafe { libc::fork() };
        match pid {
            -1 => Err(last()),
            0 => {
                // SAFETY: closing a descriptor by number; nobody in this process uses it.
                unsafe { libc::close(ours.as_raw_fd()) };
                self.obey(theirs.as_raw_fd())
            }
            pid => Ok(pid),
        }
    }

    fn obey(&self, channel: RawFd) -> ! {
        if let Some(entry) = &self.entry {
            let mut report = Report::default();
            let descriptors = entry.enter(&mut report);
            send(channel, report, &descriptors);
        }
        loop {
            let mut order = 0_u8;
            // SAFETY: reads at most one byte into `order`, which lives on this stack.
            let count = unsafe { libc::read(channel, (&raw mut order).cast(), 1) };
            match order {
                _ if count != 1 => exit(LAUNCHER_FAILED),
                it if it == Order::Filter as u8 => self.install(0, channel),
                it if it == Order::OtherFilter as u8 => self.install(1, channel),
                _ => self.execute(channel),
            }
        }
    }

    fn install(&self, which: usize, channel: RawFd) {
        let mut report = Report { errno: libc::ENOSYS, ..Report::default() };
        if let Some(filter) = self.filters.as_ref().and_then(|filters| filters.get(which)) {
            let done = seccomp::install(filter);
            report.errno = done.err().map_or(0, Errno::raw_os_error);
            report.value = done.unwrap_or(-1);
        }
        // The filter may trap `sendmsg`, and whom it asks waits for this: `write` is never trapped.
        // SAFETY: writes a value that lives on this stack; all its bytes are initialised.
        unsafe { libc::write(channel, (&raw const report).cast(), REPORT) };
    }

    fn execute(&self, channel: RawFd) -> ! {
        for descriptor in &self.close {
            // SAFETY: closes a descriptor of this process, which has no other user of it.
            unsafe { libc::close(*descriptor) };
        }
        // SAFETY: all pointers are to strings that `self` owns, and end with a null; `signal` and
        // the mask concern this process alone, which has one thread.
        unsafe {
            // Rust's start-up ignores it, which is no wish of whoever has started us.
            if !super::signals::ignored_broken_pipes() {
                libc::signal(libc::SIGPIPE, libc::SIG_DFL);
            }
            self.mask.restore();
            libc::execve(self.path.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr());
        }
        let mut errno = last();
        if errno == Errno::NOEXEC {
            // SAFETY: as above.
            unsafe {
                libc::execve(c"/bin/sh".as_ptr(), self.shell_argv.as_ptr(), self.envp.as_ptr());
            }
            errno = last();
        }
        let report = Report { errno: errno.raw_os_error(), ..Report::default() };
        // SAFETY: as in `install`.
        unsafe { libc::write(channel, (&raw const report).cast(), REPORT) };
        exit(LAUNCHER_FAILED)
    }
}

fn exit(code: c_int) -> ! {
    // SAFETY: ends the process without running anything of it.
    unsafe { libc::_exit(code) }
}

/// Room for a control message with all descriptors, aligned as it must be.
#[repr(C, align(8))]
struct Control([u8; 128]);

/// Sends a report with the descriptors that are there.
fn send(channel: RawFd, mut report: Report, descriptors: &Descriptors) {
    let mut numbers = [0; Descriptors::COUNT];
    let mut count = 0;
    for (bit, descriptor) in descriptors.0.iter().enumerate() {
        if *descriptor >= 0
            && let Some(place) = numbers.get_mut(count)
        {
            *place = *descriptor;
            count += 1;
            report.present |= 1 << bit;
        }
    }
    let mut control = Control([0; 128]);
    let mut part = libc::iovec { iov_base: (&raw mut report).cast(), iov_len: REPORT };
    let bytes = (count * size_of::<RawFd>()) as u32;
    // SAFETY: a message made on this stack of one initialised part and, if there are descriptors,
    // one control message that `control` has room and alignment for.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        if count > 0 {
            message.msg_control = control.0.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(bytes) as _;
            let head = libc::CMSG_FIRSTHDR(&raw const message);
            (*head).cmsg_level = libc::SOL_SOCKET;
            (*head).cmsg_type = libc::SCM_RIGHTS;
            (*head).cmsg_len = libc::CMSG_LEN(bytes) as _;
            ptr::copy_nonoverlapping(numbers.as_ptr(), libc::CMSG_DATA(head).cast(), count);
        }
        libc::sendmsg(channel, &raw const message, 0);
        // The parent has its own; the program shall have none (they close on exec, too).
        for number in numbers.iter().take(count) {
            libc::close(*number);
        }
    }
}

/// Looks at a descriptor that this process has by number; one that it has not gives an error to
/// every call.
pub(crate) fn with<T>(number: RawFd, look: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
    // SAFETY: the number is not -1, and is not kept beyond the call; should the descriptor be
    // closed meanwhile, the calls of `look` fail or look at another, and change nothing.
    look(unsafe { BorrowedFd::borrow_raw(number) })
}
