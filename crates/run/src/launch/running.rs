//! A program that runs: passes signals on, stops when it stops, and waits for its end.

use super::Mode;
use super::channel::Child;
use crate::notify::Supervisor;
use crate::sys::signals::{Came, Signals, send};
use crate::under::{Discarded, Under};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, WaitOptions, WaitStatus, getpid, waitpid};
use std::fmt;
use std::io;

/// How a program ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// With this exit code.
    Exit(u8),
    /// By this signal.
    Signal(i32),
}

impl Ended {
    /// The exit code that a shell has for it: 128 and the signal's number, if it was one.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Exit(code) => code,
            Self::Signal(signal) => u8::try_from(128 + signal).unwrap_or(u8::MAX),
        }
    }
}

/// A program that runs with its sockets on a host. Dropped, it is killed; when this process ends
/// otherwise, it lives on and its connections end.
pub struct Running {
    child: Child,
    signals: Signals,
    mode: Mode,
    reasons: Vec<String>,
    under: Option<Under>,
    supervisor: Option<Supervisor>,
}

impl Running {
    pub(super) const fn new(
        child: Child,
        signals: Signals,
        mode: Mode,
        reasons: Vec<String>,
        under: Option<Under>,
        supervisor: Option<Supervisor>,
    ) -> Self {
        Self { child, signals, mode, reasons, under, supervisor }
    }

    /// The way to the host that was taken.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Why it is this one, and what else is other than usual; one sentence each.
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// The program's process id.
    pub const fn pid(&self) -> i32 {
        self.child.pid.as_raw_pid()
    }

    /// What of the namespace's packets did not become the host's.
    pub fn discarded(&self) -> Option<Discarded> {
        self.under.as_ref().map(|under| under.discarded.clone())
    }

    /// Waits for the program's end. Signals to this process are passed on to the program, unless
    /// it has got them itself (from the terminal, or as a member of the process group); when it
    /// stops, so does this process.
    ///
    /// # Errors
    /// Somebody else has waited for the program.
    pub fn wait(&mut self) -> io::Result<Ended> {
        loop {
            while let Some(came) = self.signals.next() {
                self.on_signal(came);
            }
            let options = WaitOptions::NOHANG | WaitOptions::UNTRACED;
            if let Some((_, status)) = waitpid(Some(self.child.pid), options)? {
                if let Some(ended) = ended(status) {
                    self.child.over = true;
                    return Ok(ended);
                }
                if status.stopped() {
                    self.stop();
                }
                continue;
            }
            let mut sources = [
                PollFd::new(&self.signals, PollFlags::IN),
                PollFd::new(&self.child.handle, PollFlags::IN),
            ];
            // An interruption is a wake-up.
            let _ = poll(&mut sources, None);
        }
    }

    /// After the program's end: what it has sent is delivered, for which some seconds are given.
    pub fn finish(mut self) {
        if let Some(under) = &self.under {
            under.drain();
        }
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.finish();
        }
    }

    fn on_signal(&self, came: Came) {
        // The terminal's keys reach the program without us. What it sends to its process group,
        // which is ours, it has meant for itself, and must not get from us again, and again.
        let others = match came.from {
            Some(from) => !descends(from, self.pid()),
            // Of a terminal that is lost only the session's leader is told, who tells the others.
            None => came.signal == libc::SIGHUP && leads_session(),
        };
        if came.signal != libc::SIGCHLD && others {
            send(self.pid(), came.signal);
        }
    }

    /// The program has stopped; so do we, until somebody continues us, and then it.
    fn stop(&self) {
        send(Pid::as_raw_pid(getpid()), libc::SIGSTOP);
        send(self.pid(), libc::SIGCONT);
    }
}

/// Whether the terminal would tell this process, and nobody else, that it is gone.
fn leads_session() -> bool {
    rustix::process::getsid(None) == Ok(getpid())
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// Whether a process is another, or came of it. One that has gone is nobody's.
fn descends(mut process: i32, from: i32) -> bool {
    // Every step goes to an older process; only numbers that are used anew could make a circle.
    for _ in 0..64 {
        if process == from {
            return true;
        }
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // After the name, which may hold anything: the state, and the parent's number.
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
        match parent {
            Some(parent) if parent > 1 => process = parent,
            _ => return false,
        }
    }
    false
}

fn ended(status: WaitStatus) -> Option<Ended> {
    let code = status.exit_status().map(|code| Ended::Exit(u8::try_from(code).unwrap_or(u8::MAX)));
    code.or_else(|| status.terminating_signal().map(Ended::Signal))
}
