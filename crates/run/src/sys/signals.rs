//! Signals as something to wait for: blocked, and read from a descriptor. Has no handler; its
//! only global state is what was so before `main`.

use super::errno::check;
use rustix::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use rustix::io::Errno;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the launcher takes: what ends, stops or informs a program, and what happens to a child.
const TAKEN: [i32; 12] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGTERM,
    libc::SIGCONT,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGWINCH,
];

/// Whether this process was started with SIGPIPE ignored, as service managers do it.
static IGNORED_BROKEN_PIPES: AtomicBool = AtomicBool::new(false);

/// A process's session; 0 if its leader is outside of our process namespace, for which rustix has
/// no word. (Of oneself: 0.)
pub(crate) fn session(process: i32) -> i32 {
    // SAFETY: takes a number and gives one.
    unsafe { libc::getsid(process) }
}

/// A process's group; 0 as above.
pub(crate) fn group(process: i32) -> i32 {
    // SAFETY: takes a number and gives one.
    unsafe { libc::getpgid(process) }
}

/// Before `main`, for Rust's start-up forgets it.
#[used]
// SAFETY: the system calls what lies there before `main`, once, with the C library ready.
#[unsafe(link_section = ".init_array")]
static REMEMBER: extern "C" fn() = remember;

extern "C" fn remember() {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: writes a whole structure, which is valid with all its bytes zero too.
    let action = unsafe {
        libc::sigaction(libc::SIGPIPE, ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    IGNORED_BROKEN_PIPES.store(action.sa_sigaction == libc::SIG_IGN, Ordering::Relaxed);
}

/// Whether a program that this process starts is to ignore SIGPIPE. Async-signal-safe.
pub(super) fn ignored_broken_pipes() -> bool {
    IGNORED_BROKEN_PIPES.load(Ordering::Relaxed)
}

/// Which signals a thread has blocked.
#[derive(Clone, Copy)]
pub(crate) struct Mask(libc::sigset_t);

impl Mask {
    /// This thread's.
    pub(crate) fn own() -> Self {
        let mut mask = MaybeUninit::uninit();
        // SAFETY: no set is given, so that nothing changes; the present one is written, whole.
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), mask.as_mut_ptr());
            Self(mask.assume_init())
        }
    }

    /// Makes it this thread's. Async-signal-safe.
    pub(super) fn restore(&self) {
        // SAFETY: reads a set that was initialised by the system.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut()) };
    }
}

/// Lets this thread, and those that it starts, hear every signal: a process that was started while
/// a launcher has signals blocked has them blocked as well, and could not be ended by a `kill`.
pub fn unblock_signals() {
    let mut none = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the set that the other reads.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
    }
}

/// Signals of this process, blocked while this lives in the thread that made it, and in threads
/// that it started since.
pub(crate) struct Signals {
    descriptor: OwnedFd,
    before: Mask,
}

/// A signal that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Came {
    /// Its number.
    pub(crate) signal: i32,
    /// The process that sent it; `None` for the kernel (the terminal's keys).
    pub(crate) from: Option<i32>,
}

impl Signals {
    /// Takes them.
    pub(crate) fn take() -> Result<Self, Errno> {
        let mut taken = MaybeUninit::uninit();
        let mut before = MaybeUninit::uninit();
        // SAFETY: `sigemptyset` initialises the set that the others change and read, and
        // `pthread_sigmask` initialises the other; a descriptor that is given is ours.
        unsafe {
            libc::sigemptyset(taken.as_mut_ptr());
            for signal in TAKEN.into_iter().chain([libc::SIGCHLD]) {
                libc::sigaddset(taken.as_mut_ptr(), signal);
            }
            let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
            let descriptor = check(libc::signalfd(-1, taken.as_ptr(), flags))?;
            let descriptor = OwnedFd::from_raw_fd(descriptor as RawFd);
            libc::pthread_sigmask(libc::SIG_BLOCK, taken.as_ptr(), before.as_mut_ptr());
            Ok(Self { descriptor, before: Mask(before.assume_init()) })
        }
    }

    /// What was blocked before.
    pub(crate) const fn before(&self) -> Mask {
        self.before
    }

    /// The next that came, if any did.
    pub(crate) fn next(&self) -> Option<Came> {
        let mut information = [0_u8; size_of::<libc::signalfd_siginfo>()];
        let count = rustix::io::read(&self.descriptor, &mut information).ok()?;
        if count < information.len() {
            return None;
        }
        // SAFETY: as long as the structure, which is of integers and may lie unaligned.
        let came: libc::signalfd_siginfo =
            unsafe { ptr::read_unaligned(information.as_ptr().cast()) };
        // SI_USER, SI_QUEUE, SI_TKILL … are zero and below.
        let from = (came.ssi_code <= 0).then_some(came.ssi_pid as i32);
        Some(Came { signal: came.ssi_signo as i32, from })
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // What came and was not asked for is gone.
        while self.next().is_some() {}
        self.before.restore();
    }
}

/// Sends a signal to a process that is a child of ours and was not waited for.
pub(crate) fn send(pid: i32, signal: i32) {
    // SAFETY: touches no memory; a process that has gone is none of ours to reach.
    unsafe { libc::kill(pid, signal) };
}
