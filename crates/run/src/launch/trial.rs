//! The launcher's own steps, tried in children that never become a program: what `danja doctor`
//! shows, and what is asked before a step from which there is no way back. Changes nothing.

use super::channel::Channel;
use super::{LaunchError, entry};
use crate::notify::filter;
use crate::sys::child::{Order, Plan};
use crate::sys::namespace::Step;
use crate::sys::seccomp::Listener;
use crate::sys::signals::Mask;
use crate::under::Equipment;
use rustix::io::Errno;
use std::ffi::CString;
use std::io;

/// What came of one step.
pub(crate) type Tried = Result<(), Errno>;

/// Namespaces with a device.
pub(crate) struct Namespaces {
    /// The step that was refused, if it was one before the device's.
    pub(crate) made: Result<(), (u32, Errno)>,
    /// The device: a TUN device, or the pair that takes its place.
    pub(crate) device: io::Result<()>,
}

impl Namespaces {
    /// `tun`: a TUN device, else a veth pair.
    pub(crate) fn try_them(tun: bool) -> Self {
        Self::attempt(tun).unwrap_or_else(|error| {
            let device = Err(io::Error::other(error.to_string()));
            Self { made: Err((Step::Unshare as u32, Errno::AGAIN)), device }
        })
    }

    fn attempt(tun: bool) -> Result<Self, LaunchError> {
        let mut plan = nothing();
        let mut entry = entry()?;
        entry.tun = tun;
        plan.entry = Some(entry);
        let (report, opened) = Channel::fork(&plan)?.hear()?;
        // Zero is no error's number.
        let error = |number: i32| Errno::from_raw_os_error(number.max(1));
        let errno = error(report.errno);
        if report.errno != 0 && report.step != Step::Sockets as u32 {
            return Ok(Self { made: Err((report.step, errno)), device: Err(errno.into()) });
        }
        let device = match (tun && report.no_tun != 0, Equipment::new(opened)) {
            (true, _) => Err(error(report.no_tun).into()),
            (false, None) => Err(errno.into()),
            (false, Some(equipment)) => equipment.try_device(),
        };
        Ok(Self { made: Ok(()), device })
    }
}

/// A listener for system calls, and what it can do.
pub(crate) struct Listening {
    pub(crate) listener: Tried,
    /// Copies of a child's descriptors.
    pub(crate) copies: Tried,
    /// An answer and a descriptor in one step.
    pub(crate) add_and_send: Tried,
    /// Wake-ups on the same processor.
    pub(crate) sync_wake_up: Tried,
}

impl Listening {
    pub(crate) fn try_it() -> Self {
        // Whatever stands in the way of a child stands in the way of everything.
        Self::attempt().unwrap_or(Self {
            listener: Err(Errno::AGAIN),
            copies: Err(Errno::AGAIN),
            add_and_send: Err(Errno::AGAIN),
            sync_wake_up: Err(Errno::AGAIN),
        })
    }

    fn attempt() -> Result<Self, LaunchError> {
        let mut plan = nothing();
        plan.filters = Some([filter(false), filter(true)]);
        let channel = Channel::fork(&plan)?;
        let number = channel.filter(Order::Filter)?;
        let taken = number.and_then(|number| channel.copy(number));
        let copies = match number {
            Ok(_) => taken.as_ref().map(drop).map_err(|errno| *errno),
            Err(_) => channel.copy(0).map(drop),
        };
        let listener = taken.map(Listener::new);
        let ask = |question: fn(&Listener) -> Tried| {
            listener.as_ref().map_err(|it| *it).and_then(question)
        };
        Ok(Self {
            add_and_send: ask(Listener::can_add_and_send),
            sync_wake_up: ask(Listener::wakes_at_once),
            listener: number.map(drop),
            copies,
        })
    }

    /// Why a program's calls cannot be answered, if they cannot.
    pub(crate) fn refusal(&self) -> Option<String> {
        let told = [
            (&self.listener, "system calls cannot be trapped (seccomp listener"),
            (&self.copies, "descriptors of the program's process cannot be had (pidfd_getfd"),
            (&self.add_and_send, "system calls cannot be answered (needs Linux 5.14"),
        ];
        let mut refused = told.iter().filter_map(|(tried, what)| Some((tried.err()?, what)));
        refused.next().map(|(errno, what)| format!("{what}: {errno})"))
    }
}

/// A plan without a program.
fn nothing() -> Plan {
    Plan::new(CString::default(), Vec::new(), Vec::new(), Mask::own())
}
