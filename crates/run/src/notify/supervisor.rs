//! The supervisor's thread: hears of calls, of readiness and of pairs, and gives each to its room.
//! It never blocks but when nothing is to be done.

use super::call::Call;
use super::calls::connect::hub;
use super::census::Census;
use super::datagram::Post;
use super::pump::CHUNK;
use super::table::{Id, State, Table};
use super::undelivered::Undelivered;
use super::wake::ReadyList;
use crate::sys::diag::UnixDiag;
use crate::sys::seccomp::Listener;
use crate::sys::{pidfd, unix};
use danja::Host;
use rustix::event::PollFlags;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::{AsFd, OwnedFd, RawFd};
use rustix::io::Errno;
use rustix::net::SocketAddrUnix;
use rustix::time::Timespec;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What answers for the sockets of a program, while this value lives.
#[derive(Debug)]
pub struct Supervisor {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
    host: Host,
}

#[derive(Debug)]
struct Stop {
    asked: AtomicBool,
    ready: Arc<ReadyList>,
    census: Census,
}

/// How long what the program has sent may take after its end.
const FAREWELL: Duration = Duration::from_secs(10);

impl Supervisor {
    /// Answers the calls that `listener` tells of from `host`'s stack, in a thread of its own,
    /// until no process of the program is left. `alone`: no namespace carries the program's
    /// datagrams, and the machine's resolvers are reached by those who ask for them: what is for
    /// them goes to the host's.
    ///
    /// # Errors
    /// The system gives no thread or no descriptor.
    pub fn start(listener: OwnedFd, host: Host, alone: bool) -> io::Result<Self> {
        raise_limit();
        let ready = ReadyList::new()?;
        let stop = Arc::new(Stop {
            asked: AtomicBool::new(false),
            ready: Arc::clone(&ready),
            census: Census::default(),
        });
        let mut desk = Desk::new(Listener::new(listener), host.clone(), ready, alone)?;
        let asked = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("danja-notify".to_owned())
            .spawn(move || desk.run(&asked))?;
        Ok(Self { stop, thread: Some(thread), host })
    }

    /// Whether no process of the program is left, and all it has sent is with the stack.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// The inodes of the UNIX sockets that stand for the program's, of those that some process
    /// has open.
    pub fn open_sockets(&self) -> HashSet<u64> {
        if self.has_ended() {
            return HashSet::new();
        }
        self.stop.census.ask(|| self.stop.ready.ring())
    }

    /// Waits until what the program has sent is delivered, at most some seconds. To be called
    /// when the program has ended.
    pub fn finish(mut self) {
        self.end();
        self.host.flush(FAREWELL);
    }

    fn end(&mut self) {
        self.stop.asked.store(true, Ordering::SeqCst);
        self.stop.ready.ring();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.end();
    }
}

/// Two descriptors a connection: as many as are permitted.
fn raise_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // With fewer there are fewer connections.
    let _ = setrlimit(Resource::Nofile, limit);
}

const CALLS: u64 = u64::MAX;
const BELL: u64 = u64::MAX - 1;
/// A copy of a listener's descriptor, of the socket with the rest of the number.
pub(super) const WATCHED: u64 = 1 << 62;

/// How many calls are answered before others have their turn.
const CALLS_AT_ONCE: usize = 32;

/// How many descriptors are kept for the moment when there are no more.
const SPARE: usize = 2;

/// How often one looks for calls that signals have ended, and for what has waited too long.
const TICK: Duration = Duration::from_millis(50);

/// All that the thread has.
pub(super) struct Desk {
    pub(super) listener: Listener,
    pub(super) host: Host,
    pub(super) table: Table,
    pub(super) epoll: OwnedFd,
    pub(super) ready: Arc<ReadyList>,
    pub(super) diag: Option<UnixDiag>,
    /// Where programs' descriptors are connected to, and its name.
    pub(super) hub: (OwnedFd, SocketAddrUnix),
    pub(super) buffer: Vec<u8>,
    /// What datagrams need beside their sockets.
    pub(super) post: Post,
    /// Sockets in whose calls the program waits.
    pub(super) waiting: HashSet<Id>,
    pub(super) undelivered: Undelivered,
    pub(super) next_sweep: Instant,
    /// Descriptors for the moment when there are no more: with a process's and its copy's place
    /// one can still say so to the program.
    spare: Vec<OwnedFd>,
    /// No process of the program is left.
    pub(super) over: bool,
}

impl Desk {
    pub(super) fn new(
        listener: Listener,
        host: Host,
        ready: Arc<ReadyList>,
        alone: bool,
    ) -> Result<Self, Errno> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &listener, EventData::new_u64(CALLS), EventFlags::IN)?;
        epoll::add(&epoll, ready.bell(), EventData::new_u64(BELL), EventFlags::IN)?;
        Ok(Self {
            listener,
            host,
            table: Table::default(),
            epoll,
            ready,
            // Without it ends of sockets are noticed later, or when the program ends.
            diag: UnixDiag::new().ok(),
            hub: hub()?,
            buffer: vec![0; CHUNK],
            post: Post::new(alone)?,
            waiting: HashSet::new(),
            undelivered: Undelivered::default(),
            next_sweep: Instant::now(),
            spare: Vec::new(),
            over: false,
        })
    }

    fn run(&mut self, stop: &Stop) {
        let mut events = Vec::with_capacity(256);
        let mut farewell = None;
        loop {
            events.clear();
            let timeout = self.patience(farewell.is_some());
            match epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                timeout.as_ref(),
            ) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
            for event in &events {
                self.on_event(event.data.u64(), event.flags);
            }
            self.tick();
            stop.census.answer(self);
            if stop.asked.load(Ordering::SeqCst) || self.over {
                let until = *farewell.get_or_insert_with(|| Instant::now() + FAREWELL);
                self.sweep();
                if self.is_done() || Instant::now() >= until {
                    return;
                }
            }
        }
    }

    fn on_event(&mut self, key: u64, flags: EventFlags) {
        match key {
            CALLS if flags.contains(EventFlags::IN) => self.answer_calls(),
            CALLS => {
                self.over = true;
                let _ = epoll::delete(&self.epoll, &self.listener);
            }
            BELL => {
                for id in self.ready.take() {
                    if let Some(sock) = self.table.socks.get(&id) {
                        sock.waker.taken();
                        self.process(id);
                    }
                }
            }
            key if key & WATCHED != 0 => self.on_listener_event(key & !WATCHED, flags),
            id => self.process(id),
        }
    }

    fn answer_calls(&mut self) {
        for _ in 0..CALLS_AT_ONCE {
            // One that a signal has ended meanwhile is not there any more.
            if let Ok(notification) = self.listener.receive() {
                self.on_call(Call(notification));
            }
            let more = unix::events(&self.listener, PollFlags::IN);
            if !more.is_ok_and(|more| more.contains(PollFlags::IN)) {
                return;
            }
        }
    }

    /// A socket of the stack, or its pair, may be ready.
    pub(super) fn process(&mut self, id: Id) {
        match self.table.socks.get(&id).map(|sock| &sock.state) {
            Some(State::Connecting(_)) => self.advance(id),
            Some(State::Connected(_)) => self.pump(id),
            Some(State::Listening(_)) => self.take_connections(id),
            Some(State::Datagram(_)) => self.exchange(id),
            Some(State::Fresh | State::Failed) | None => {}
        }
    }

    /// How long nothing needs to be done.
    fn patience(&self, leaving: bool) -> Option<Timespec> {
        let wait = if leaving {
            Duration::from_millis(5)
        } else if !self.waiting.is_empty() {
            TICK
        } else if self.table.socks.is_empty() {
            return None;
        } else {
            self.next_sweep.saturating_duration_since(Instant::now())
        };
        Timespec::try_from(wait).ok()
    }

    /// A copy of a thread's descriptor.
    ///
    /// # Errors
    /// There is none; or MFILE, NFILE: no place for it.
    pub(super) fn copy_of(&mut self, thread: u32, number: RawFd) -> Result<OwnedFd, Errno> {
        let copy = || pidfd::copy_of(&pidfd::open(thread)?, number);
        match copy() {
            Err(Errno::MFILE | Errno::NFILE) => {
                self.spare.clear();
                copy()
            }
            copied => copied,
        }
    }

    fn keep_spare(&mut self) {
        while self.spare.len() < SPARE {
            let Ok(spare) = self.epoll.try_clone() else { return };
            self.spare.push(spare);
        }
    }

    fn tick(&mut self) {
        self.keep_spare();
        if !self.waiting.is_empty() {
            self.look_after_waiting();
        }
        if Instant::now() >= self.next_sweep {
            self.sweep();
        }
    }

    /// Lets a pair tell of itself.
    pub(super) fn watch(&self, id: Id, ours: impl AsFd) -> Result<(), Errno> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, ours, EventData::new_u64(id), flags)
    }

    /// Answers a call. ENOENT: it has gone, and whoever made it may make it again.
    pub(super) fn answer(&self, call: &Call, result: Result<i64, Errno>) -> Result<(), Errno> {
        self.listener.answer(call.0.id, result)
    }

    /// Answers a call about a socket; if a signal has ended it, answers it when it is made again.
    pub(super) fn reply(&mut self, socket: Id, call: &Call, result: Result<i64, Errno>) {
        if self.answer(call, result) == Err(Errno::NOENT) {
            self.undelivered.keep(socket, call, result);
        }
    }

    /// Leaves a call to the kernel: it is about nothing of ours.
    pub(super) fn proceed(&self, call: &Call) {
        // If it has gone nobody waits.
        let _ = self.listener.proceed(call.0.id);
    }
}
