//! A program that runs: passes signals on, stops when it stops, and waits for its end.

use super::Mode;
use super::channel::Child;
use super::left::{Home, Left};
use crate::notify::Supervisor;
use crate::sys::signals::{self, Came, Signals, send};
use crate::under::{Discarded, Under};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, WaitOptions, WaitStatus, getpid, waitpid};
use rustix::time::Timespec;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

/// How long any process that the program leaves behind has to open its first socket; and one that
/// looks like a server on its way into the background.
const MOMENT: Duration = Duration::from_millis(500);
const SETTLING: Duration = Duration::from_secs(3);
/// Between two looks meanwhile, and while such processes are waited for.
const GLANCE: Duration = Duration::from_millis(10);
const LOOK: Duration = Duration::from_secs(1);
/// How long they have to end when they are told to.
const NOTICE: Duration = Duration::from_secs(5);

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
    pub(super) child: Child,
    pub(super) signals: Signals,
    pub(super) mode: Mode,
    pub(super) reasons: Vec<String>,
    /// By what the program's processes are known.
    pub(super) home: Home,
    pub(super) under: Option<Under>,
    pub(super) supervisor: Option<Supervisor>,
}

impl Running {
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

    /// After the program's end: waits for those of its processes that it has left behind and that
    /// have sockets on its network, such as a server that has put itself into the background.
    /// `tell` hears once how many these are, if any. A signal that ends programs is passed on to
    /// them, and another one ends the waiting.
    pub fn wait_for_others(&mut self, tell: impl FnOnce(usize)) {
        let ended = Instant::now();
        let (mut tell, mut told_to_end) = (Some(tell), None);
        let mut deserted = false;
        loop {
            let left = self.left();
            let settling = if left.detached { SETTLING } else { MOMENT };
            let wait = if !left.users.is_empty() {
                tell.take().into_iter().for_each(|tell| tell(left.users.len()));
                LOOK
            } else if left.more && ended.elapsed() < settling {
                GLANCE
            } else if !left.more && !deserted {
                // One that becomes another program at this moment cannot be looked at.
                GLANCE
            } else {
                return;
            };
            deserted = left.users.is_empty() && !left.more;
            let mut sources = [PollFd::new(&self.signals, PollFlags::IN)];
            // A failure is a wake-up.
            let _ = poll(&mut sources, Timespec::try_from(wait).ok().as_ref());
            while let Some(came) = self.signals.next() {
                if ends(came.signal) && told_to_end.replace(Instant::now() + NOTICE).is_some() {
                    return;
                }
                pass_on(came, &left.users);
            }
            if told_to_end.is_some_and(|until| Instant::now() >= until) {
                return;
            }
        }
    }

    fn left(&self) -> Left {
        let sockets = self.supervisor.as_ref().map(Supervisor::open_sockets).unwrap_or_default();
        let mut left = self.home.look(&sockets);
        if self.under.is_none() {
            // Who is under the filter has no other mark.
            left.more = self.supervisor.as_ref().is_some_and(|it| !it.has_ended());
        }
        left
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
    signals::session(0) == getpid().as_raw_pid()
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// Whether a signal asks programs to end.
const fn ends(signal: i32) -> bool {
    matches!(signal, libc::SIGHUP | libc::SIGINT | libc::SIGQUIT | libc::SIGTERM)
}

/// Passes a signal on to processes that the program has left behind.
fn pass_on(came: Came, processes: &[Pid]) {
    match came.signal {
        libc::SIGCHLD | libc::SIGCONT | libc::SIGWINCH => {}
        libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => send(getpid().as_raw_pid(), libc::SIGSTOP),
        signal => {
            for process in processes {
                // The terminal has told those of our group itself.
                if came.from.is_some() || signals::group(process.as_raw_pid()) != signals::group(0)
                {
                    send(process.as_raw_pid(), signal);
                }
            }
        }
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
