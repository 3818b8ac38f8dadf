//! A recording that is being made: hosts tell it what happens, and it goes to the file in blocks.
//! Never fails a host: what cannot be written ends the recording.

use super::blocks::{self, BLOCK};
use super::entry::{Entry, Lookup};
use crate::host::ledger::{Enter, Entered, Ledger};
use crate::host::observe::LookupEvent;
use danja_stack::record::{Input, Output, Tape};
use danja_stack::{Instant, SocketId};
use std::borrow::Cow;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{self, Duration, SystemTime};

/// What was told is in the file after this time, if something else is told by then.
const FLUSH: Duration = Duration::from_millis(250);

/// A recording of one host or of several, in the order in which things happen to them. Clones are
/// the same recording.
///
/// It is finished by [`Recording::finish`], or when its last clone and the last host that is in
/// it are gone. A process that is killed leaves all but the last quarter of a second.
#[derive(Clone)]
pub struct Recording {
    shared: Arc<Shared>,
    dated: bool,
}

struct Shared {
    turn: Mutex<()>,
    state: Mutex<State>,
}

struct State {
    /// `None` after the end, or after a failure.
    output: Option<Box<dyn Write + Send>>,
    failure: Option<io::Error>,
    /// Entries that wait to be a block.
    entries: Vec<u8>,
    written: time::Instant,
    hosts: u32,
    inputs: u64,
}

impl Recording {
    /// Makes (or empties) the file `path`, which only its owner may read.
    ///
    /// # Errors
    /// The file cannot be made or written.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        // One that was there before has the mode that it had. (A pipe or a terminal keeps it.)
        if file.metadata()?.is_file() {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        Self::to_writer(file)
    }

    /// Writes to whatever takes bytes. It need not buffer.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn to_writer(mut output: impl Write + Send + 'static) -> io::Result<Self> {
        output.write_all(&blocks::head())?;
        let state = State {
            output: Some(Box::new(output)),
            failure: None,
            entries: Vec::new(),
            written: time::Instant::now(),
            hosts: 0,
            inputs: 0,
        };
        let shared = Shared { turn: Mutex::default(), state: Mutex::new(state) };
        Ok(Self { shared: Arc::new(shared), dated: true })
    }

    /// The same without a date, so that equal runs make equal recordings: the clocks of hosts
    /// that are entered begin in 1970.
    #[must_use]
    pub const fn undated(mut self) -> Self {
        self.dated = false;
        self
    }

    /// Says what carries the frames of a host's interface, such as `cable`, for whoever tells
    /// the story of a replay.
    pub fn introduce(&self, host: &str, interface: &str, carrier: &str) {
        let [host, interface, text] = [host, interface, carrier].map(str::to_owned);
        self.shared.lock().write(&Entry::Carrier { host, interface, text });
    }

    /// Inputs so far, of all hosts.
    pub fn inputs(&self) -> u64 {
        self.shared.lock().inputs
    }

    /// Ends the recording: what happens to its hosts from now on is not in it.
    ///
    /// # Errors
    /// The first failure to write (told once); nothing after it is in the file.
    pub fn finish(&self) -> io::Result<()> {
        self.finish_after(|| {})
    }

    /// As [`Self::finish`]; `last` is called at that moment of the hosts' common time, when
    /// observers have heard what is recorded and nothing else. It must not call a host.
    ///
    /// # Errors
    /// As there.
    pub fn finish_after(&self, last: impl FnOnce()) -> io::Result<()> {
        let _turn = self.shared.turn();
        last();
        let mut state = self.shared.lock();
        state.end();
        state.failure.take().map_or(Ok(()), Err)
    }

    /// For a host that is about to be made.
    pub(crate) fn enter(&self) -> Enter {
        let shared = Arc::clone(&self.shared);
        let dated = self.dated;
        Box::new(move |name, now| {
            let passed = Duration::from_nanos(now.as_nanos());
            let date = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let date = if dated { date.unwrap_or_default() } else { Duration::ZERO };
            let mut state = shared.lock();
            let number = state.hosts;
            state.hosts += 1;
            let zero = date.saturating_sub(passed);
            state.write(&Entry::Host { name: name.to_owned(), zero });
            drop(state);
            let tape = HostTape { shared: Arc::clone(&shared), host: number };
            Entered { tape: Box::new(tape), ledger: shared, number }
        })
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, entry: &Entry<'_>) {
        if self.output.is_none() {
            return;
        }
        let entries = std::mem::take(&mut self.entries);
        match postcard::to_extend(entry, entries) {
            Ok(entries) => self.entries = entries,
            Err(error) => self.fail(io::Error::other(error)),
        }
        if self.entries.len() >= BLOCK || self.written.elapsed() >= FLUSH {
            self.write_block();
        }
    }

    fn write_block(&mut self) {
        self.written = time::Instant::now();
        let Some(output) = &mut self.output else { return };
        if !self.entries.is_empty() {
            let written = output.write_all(&blocks::pack(&self.entries));
            self.entries.clear();
            if let Err(error) = written {
                self.fail(error);
            }
        }
    }

    fn end(&mut self) {
        self.write(&Entry::End { inputs: self.inputs });
        self.write_block();
        if let Some(mut output) = self.output.take()
            && let Err(error) = output.flush()
        {
            self.fail(error);
        }
    }

    fn fail(&mut self, error: io::Error) {
        self.output = None;
        self.failure.get_or_insert(error);
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.end();
    }
}

impl Ledger for Shared {
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, host: u32, socket: Option<SocketId>) {
        self.lock().write(&Entry::Call { host, socket });
    }

    fn lookup(&self, host: u32, now: Instant, event: &LookupEvent<'_>) {
        let answer = event.answer.map(<[_]>::to_vec).map_err(str::to_owned);
        let name = event.name.to_owned();
        let lookup = Lookup { name, server: event.server, over_tcp: event.over_tcp, answer };
        self.lock().write(&Entry::Lookup { host, now, lookup });
    }
}

/// One host's tape.
struct HostTape {
    shared: Arc<Shared>,
    host: u32,
}

impl Tape for HostTape {
    fn input(&mut self, now: Instant, input: &Input) {
        let mut state = self.shared.lock();
        state.inputs += u64::from(state.output.is_some());
        state.write(&Entry::Input { host: self.host, now, input: Cow::Borrowed(input) });
    }

    fn output(&mut self, output: &Output) {
        self.shared.lock().write(&Entry::Output { host: self.host, output: *output });
    }
}

impl std::fmt::Debug for Recording {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.shared.lock();
        write!(f, "Recording({} hosts, {} inputs)", state.hosts, state.inputs)
    }
}
