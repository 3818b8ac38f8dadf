//! The parent's side of a child that waits between fork and exec: orders out, reports in.

use super::error::LaunchError;
use crate::program::{Program, ProgramError};
use crate::sys::child::{Order, Plan, REPORT, Report};
use crate::sys::namespace::Descriptors;
use crate::sys::pidfd::copy_of;
use rustix::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use rustix::io::{Errno, IoSliceMut, read, write};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal, waitpid,
};
use std::mem::MaybeUninit;

type Opened = [Option<OwnedFd>; Descriptors::COUNT];

/// A child process. One that nobody let run, or waited for, ends with this.
pub(super) struct Child {
    pub(super) pid: Pid,
    pub(super) handle: OwnedFd,
    /// It was waited for.
    pub(super) over: bool,
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.over {
            let _ = pidfd_send_signal(&self.handle, Signal::KILL);
            let _ = waitpid(Some(self.pid), WaitOptions::empty());
        }
    }
}

/// A child that obeys.
pub(super) struct Channel {
    socket: OwnedFd,
    /// The child's own end, as the child's descriptor.
    number: RawFd,
    child: Child,
}

impl Channel {
    /// Forks.
    pub(super) fn fork(plan: &Plan) -> Result<Self, LaunchError> {
        let pair = || {
            let flags = SocketFlags::CLOEXEC;
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
        };
        let (ours, theirs) = pair().map_err(|errno| LaunchError::system("make a socket", errno))?;
        let number = theirs.as_raw_fd();
        let forked = plan.fork(ours.as_fd(), theirs.as_fd());
        let pid = forked.map_err(|errno| LaunchError::system("make a process", errno))?;
        let pid = Pid::from_raw(pid).ok_or_else(|| LaunchError::system("fork", Errno::INVAL))?;
        let handle = pidfd_open(pid, PidfdFlags::empty())
            .map_err(|errno| LaunchError::system("get hold of a process", errno))?;
        Ok(Self { socket: ours, number, child: Child { pid, handle, over: false } })
    }

    pub(super) fn order(&self, order: Order) -> Result<(), LaunchError> {
        match write(&self.socket, &[order as u8]) {
            Ok(_) => Ok(()),
            Err(errno) => Err(LaunchError::system("speak to the program's process", errno)),
        }
    }

    /// A report, with the descriptors that came with it.
    pub(super) fn hear(&self) -> Result<(Report, Opened), LaunchError> {
        let mut bytes = [0; REPORT];
        let mut room = [MaybeUninit::uninit(); 256];
        let mut ancillary = RecvAncillaryBuffer::new(&mut room);
        let mut opened = Opened::default();
        let count = loop {
            let parts = &mut [IoSliceMut::new(&mut bytes)];
            match recvmsg(&self.socket, parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
                Ok(message) => break message.bytes,
                Err(Errno::INTR) => {}
                Err(errno) => {
                    return Err(LaunchError::system("hear of the program's process", errno));
                }
            }
        };
        let report = Report::parse(&bytes).filter(|_| count == REPORT);
        let report = report
            .ok_or_else(|| LaunchError::system("prepare the program's process", Errno::PIPE))?;
        let places = (0..Descriptors::COUNT).filter(|bit| report.present & (1 << bit) != 0);
        let arrived = ancillary.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        });
        for (place, descriptor) in places.zip(arrived.flatten()) {
            if let Some(it) = opened.get_mut(place) {
                *it = Some(descriptor);
            }
        }
        Ok((report, opened))
    }

    /// Has the child install a filter; its listener.
    ///
    /// # Errors
    /// Nothing was installed: why, in words.
    pub(super) fn install(&self, order: Order) -> Result<OwnedFd, String> {
        // Once the filter is there, there is no way back.
        self.copy(self.number).map_err(|errno| {
            format!("descriptors of the program's process cannot be had (pidfd_getfd: {errno})")
        })?;
        let number = self.filter(order).map_err(|error| error.to_string())?;
        let number = number.map_err(|errno| {
            format!("system calls cannot be trapped (seccomp listener: {errno})")
        })?;
        self.copy(number).map_err(|errno| format!("no listener (pidfd_getfd: {errno})"))
    }

    /// Has the child install a filter; the listener's number there, or what the system said.
    pub(super) fn filter(&self, order: Order) -> Result<Result<RawFd, Errno>, LaunchError> {
        self.order(order)?;
        let (report, _) = self.hear()?;
        Ok(match report.errno {
            0 => Ok(report.value),
            errno => Err(Errno::from_raw_os_error(errno)),
        })
    }

    /// A copy of a descriptor of the child's.
    pub(super) fn copy(&self, number: RawFd) -> Result<OwnedFd, Errno> {
        copy_of(&self.child.handle, number)
    }

    /// Waits until the child has become the program.
    pub(super) fn executed(&self, program: &Program) -> Result<(), LaunchError> {
        let mut bytes = [0; REPORT];
        let count = loop {
            match read(&self.socket, &mut bytes) {
                Err(Errno::INTR) => {}
                // The socket was closed by `exec`.
                result => break result.unwrap_or(0),
            }
        };
        let Some(report) = Report::parse(&bytes).filter(|_| count == REPORT) else {
            return Ok(());
        };
        let errno = Errno::from_raw_os_error(report.errno);
        Err(LaunchError::Program(ProgramError::at_exec(program, errno)))
    }

    /// The child's process.
    pub(super) const fn pid(&self) -> Pid {
        self.child.pid
    }

    /// The child, which obeys no more.
    pub(super) fn into_child(self) -> Child {
        self.child
    }
}
