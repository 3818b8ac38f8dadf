//! Seccomp with user notification (`seccomp_unotify(2)`): a filter is installed, and its listener
//! is told of calls and answers them. Decides nothing.

use super::errno::check;
use rustix::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use rustix::io::Errno;

/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP` (Linux 6.6), which `libc` does not have.
const SYNC_WAKE_UP: u64 = 1;

/// A program for the kernel's filter machine, ready to be installed.
#[derive(Clone, Debug)]
pub struct Filter {
    code: Vec<libc::sock_filter>,
}

impl Filter {
    pub(crate) const fn new(code: Vec<libc::sock_filter>) -> Self {
        Self { code }
    }
}

/// Installs a filter for the calling thread and all that comes of it, and gives its listener.
/// Is async-signal-safe: may be called between fork and exec.
///
/// # Errors
/// The system has no listeners, forbids them (EACCES), or there is one already (EBUSY).
pub fn install(filter: &Filter) -> Result<RawFd, Errno> {
    let length = u16::try_from(filter.code.len()).map_err(|_| Errno::INVAL)?;
    let program = libc::sock_fprog { len: length, filter: filter.code.as_ptr().cast_mut() };
    let load = || {
        // SAFETY: `program` points to `length` instructions, which outlive the call; the kernel
        // copies and checks them.
        check(unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
                std::ptr::from_ref(&program),
            )
        })
    };
    let made = match load() {
        // Without CAP_SYS_ADMIN one must first renounce what setuid programs would give. With it
        // programs that take or drop privileges go on to work.
        Err(Errno::ACCESS) => {
            // SAFETY: takes numbers only.
            check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
            load()?
        }
        made => made?,
    };
    RawFd::try_from(made).map_err(|_| Errno::INVAL)
}

/// Whether the kernel knows listeners, in the form that is spoken here.
pub fn is_available() -> bool {
    let action: u32 = libc::SECCOMP_RET_USER_NOTIF;
    let mut sizes = [0u16; 3];
    // SAFETY: the kernel reads four bytes of `action` and writes six to `sizes`.
    let (known, sized) = unsafe {
        (
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_GET_ACTION_AVAIL,
                0,
                std::ptr::from_ref(&action),
            ),
            libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_NOTIF_SIZES, 0, sizes.as_mut_ptr()),
        )
    };
    // Larger ones only have more at their ends, which its ioctls copy by their own number.
    known == 0 && sized == 0 && usize::from(sizes[0]) >= size_of::<Notification>()
}

/// A call that waits for an answer.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Notification {
    pub(crate) id: u64,
    /// The thread that calls.
    pub(crate) thread: u32,
    flags: u32,
    pub(crate) number: i32,
    arch: u32,
    instruction: u64,
    pub(crate) arguments: [u64; 6],
}

#[repr(C)]
struct Response {
    id: u64,
    value: i64,
    error: i32,
    flags: u32,
}

#[repr(C)]
struct AddFd {
    id: u64,
    flags: u32,
    from: u32,
    to: u32,
    to_flags: u32,
}

/// The end of a filter that is told of calls.
#[derive(Debug)]
pub(crate) struct Listener {
    fd: OwnedFd,
}

impl Listener {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        let listener = Self { fd };
        // Older kernels refuse it.
        let _ = listener.wakes_at_once();
        listener
    }

    /// Has answers wake their callers on this very processor: a fifth of the time (Linux 6.6).
    pub(crate) fn wakes_at_once(&self) -> Result<(), Errno> {
        let raw = self.raw();
        // SAFETY: the argument is a number.
        check(unsafe { libc::ioctl(raw, libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP) })
            .map(drop)
    }

    /// Whether a call can be answered with a descriptor in one step (Linux 5.14).
    pub(crate) fn can_add_and_send(&self) -> Result<(), Errno> {
        // No such call waits; a kernel that does not know the flag says EINVAL before it looks.
        match self.answer_with(1, self, false) {
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// The next call. Waits for one.
    pub(crate) fn receive(&self) -> Result<Notification, Errno> {
        let mut call = Notification::default();
        // SAFETY: the request's number says the size of what is written: a whole `Notification`,
        // which is zero before, as the kernel demands.
        check(unsafe {
            libc::ioctl(self.raw(), libc::SECCOMP_IOCTL_NOTIF_RECV, std::ptr::from_mut(&mut call))
        })?;
        Ok(call)
    }

    /// Whether the call still waits: neither a signal nor death has ended it.
    pub(crate) fn is_valid(&self, id: u64) -> bool {
        // SAFETY: the kernel reads eight bytes.
        unsafe {
            libc::ioctl(self.raw(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, std::ptr::from_ref(&id))
                == 0
        }
    }

    /// What the call returns. ENOENT: it does not wait any more.
    pub(crate) fn answer(&self, id: u64, result: Result<i64, Errno>) -> Result<(), Errno> {
        let (value, error) = match result {
            Ok(value) => (value, 0),
            Err(errno) => (0, -errno.raw_os_error()),
        };
        self.respond(&Response { id, value, error, flags: 0 })
    }

    /// The kernel itself makes the call.
    pub(crate) fn proceed(&self, id: u64) -> Result<(), Errno> {
        self.respond(&Response {
            id,
            value: 0,
            error: 0,
            flags: libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        })
    }

    fn respond(&self, response: &Response) -> Result<(), Errno> {
        // SAFETY: the kernel reads a whole `Response`.
        check(unsafe {
            libc::ioctl(self.raw(), libc::SECCOMP_IOCTL_NOTIF_SEND, std::ptr::from_ref(response))
        })
        .map(drop)
    }

    /// Gives the caller a descriptor, whose number is what the call returns.
    pub(crate) fn answer_with(
        &self,
        id: u64,
        descriptor: impl AsFd,
        close_on_exec: bool,
    ) -> Result<RawFd, Errno> {
        self.add(id, descriptor, libc::SECCOMP_ADDFD_FLAG_SEND as u32, 0, close_on_exec)
    }

    /// Puts a descriptor in the place of another of the caller's. The call goes on to wait.
    pub(crate) fn replace(
        &self,
        id: u64,
        descriptor: impl AsFd,
        number: RawFd,
        close_on_exec: bool,
    ) -> Result<(), Errno> {
        let to = u32::try_from(number).map_err(|_| Errno::BADF)?;
        self.add(id, descriptor, libc::SECCOMP_ADDFD_FLAG_SETFD as u32, to, close_on_exec).map(drop)
    }

    fn add(
        &self,
        id: u64,
        descriptor: impl AsFd,
        flags: u32,
        to: u32,
        close_on_exec: bool,
    ) -> Result<RawFd, Errno> {
        let from = u32::try_from(descriptor.as_fd().as_raw_fd()).map_err(|_| Errno::BADF)?;
        let to_flags = if close_on_exec { libc::O_CLOEXEC as u32 } else { 0 };
        let request = AddFd { id, flags, from, to, to_flags };
        loop {
            // SAFETY: the kernel reads a whole `AddFd`.
            let added = check(unsafe {
                libc::ioctl(
                    self.raw(),
                    libc::SECCOMP_IOCTL_NOTIF_ADDFD,
                    std::ptr::from_ref(&request),
                )
            });
            match added {
                Err(Errno::INTR) => {}
                added => return added.map(|number| number as RawFd),
            }
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> rustix::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
