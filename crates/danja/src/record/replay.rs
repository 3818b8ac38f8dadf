//! A recording that is read: everything happens again, and what comes of it is held against what
//! came of it then. Trusts nothing in the file.

use super::blocks::{self, Wrong};
use super::entry::Entry;
use super::player::Player;
use crate::host::observe::{LookupEvent, Observer};
use danja_lan::Medium;
use danja_stack::record::{Input, Output};
use danja_stack::{Frame, Instant};
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Hosts in one recording; a file with more lies.
const HOSTS: usize = 1 << 20;

/// A recording to be replayed.
#[must_use]
pub struct Replay {
    input: Box<dyn Read>,
    version: String,
    observer: Option<Arc<dyn Observer>>,
    only: Option<String>,
}

/// Why a recording cannot be replayed, or not to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReplayError {
    /// It cannot be read.
    Io(io::Error),
    /// The file is something else.
    NotARecording,
    /// Its format is another one than ours.
    Format {
        /// The format's number.
        format: u32,
        /// Danja's version that made it.
        version: String,
    },
    /// What stands there was not written so.
    Damaged {
        /// Bytes of the file before the block with the fault.
        at: u64,
    },
}

/// What a replay tells while it runs.
#[non_exhaustive]
#[derive(Debug)]
pub enum Heard<'a> {
    /// A host begins.
    Host(&'a str),
    /// What carries the frames of a host's interface, in words.
    Carrier {
        /// The host's name.
        host: &'a str,
        /// The interface's name.
        interface: &'a str,
        /// Such as `cable`.
        text: &'a str,
    },
    /// A frame goes in or comes out.
    Frame(ReplayedFrame<'a>),
    /// This many bytes of the file are done.
    Progress(u64),
}

/// A frame of a replay.
#[non_exhaustive]
#[derive(Debug)]
pub struct ReplayedFrame<'a> {
    /// The host's name.
    pub host: &'a str,
    /// The interface's name.
    pub interface: &'a str,
    /// What its link carries.
    pub medium: Medium,
    /// Time since the UNIX epoch at the zero of the host's clock.
    pub zero: Duration,
    /// When, by the host's clock.
    pub now: Instant,
    /// The host sends it; else it received it.
    pub outbound: bool,
    /// The frame.
    pub frame: &'a Frame,
}

/// What a replay has shown.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Danja's version that made the recording.
    pub version: String,
    /// The hosts in the order in which they began.
    pub hosts: Vec<HostReport>,
    /// The recording was ended in an orderly way; else it was cut off, and its whole blocks were
    /// replayed.
    pub complete: bool,
    /// Where the replay first came to something else, and ended.
    pub difference: Option<Difference>,
}

/// What happened to a host.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct HostReport {
    /// Its name.
    pub name: String,
    /// Calls, frames, moments: all that its stack was told and asked.
    pub inputs: u64,
    /// Frames and packets that came out.
    pub frames: u64,
    /// Bytes that came out: of frames, and of what was received by sockets.
    pub bytes: u64,
}

/// An input that led to something else than when it was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Difference {
    /// The host's name.
    pub host: String,
    /// The number of the input among all of the recording, from 1.
    pub input: u64,
    /// When, by the host's clock.
    pub now: Instant,
    /// The input, for people.
    pub what: String,
    /// What came of it then, for people.
    pub expected: String,
    /// What came of it now.
    pub found: String,
}

impl Replay {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be read, or is no recording of our format.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ReplayError> {
        Self::new(BufReader::new(File::open(path).map_err(ReplayError::Io)?))
    }

    /// Reads from whatever gives bytes.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn new(mut input: impl Read + 'static) -> Result<Self, ReplayError> {
        let head = blocks::read_head(&mut input).map_err(|wrong| match wrong {
            Wrong::Io(error) => ReplayError::Io(error),
            Wrong::CutOff | Wrong::Damaged => ReplayError::NotARecording,
        })?;
        let (format, version) = head.ok_or(ReplayError::NotARecording)?;
        if format != blocks::FORMAT {
            return Err(ReplayError::Format { format, version });
        }
        Ok(Self { input: Box::new(input), version, observer: None, only: None })
    }

    /// Who hears of every call and frame, as if the hosts ran now.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Only hosts of this name are replayed.
    pub fn only(mut self, host: impl Into<String>) -> Self {
        self.only = Some(host.into());
        self
    }

    /// Does everything again, up to the end or the first difference.
    ///
    /// # Errors
    /// The file is damaged, or cannot be read on. What stood before was replayed.
    pub fn run(self, mut hear: impl FnMut(Heard<'_>)) -> Result<Report, ReplayError> {
        let Self { mut input, version, observer, only } = self;
        let mut at = blocks::head_len(&version);
        let report = Report { version, ..Report::default() };
        let mut stage = Stage { observer, only, hosts: Vec::new(), inputs: 0, report };
        loop {
            let block = match blocks::read(&mut input) {
                Ok(Some(block)) => block,
                Ok(None) | Err(Wrong::CutOff) => break,
                Err(Wrong::Damaged) => return Err(ReplayError::Damaged { at }),
                Err(Wrong::Io(error)) => return Err(ReplayError::Io(error)),
            };
            let (bytes, taken) = block;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let damaged = || ReplayError::Damaged { at };
                // What stands after the end was not written by us.
                if stage.report.complete {
                    return Err(damaged());
                }
                let (entry, after) = postcard::take_from_bytes(rest).map_err(|_| damaged())?;
                rest = after;
                stage.entry(entry, &mut hear).ok_or_else(damaged)?;
                if stage.report.difference.is_some() {
                    return Ok(stage.report);
                }
            }
            at += taken;
            hear(Heard::Progress(at));
        }
        Ok(stage.report)
    }
}

struct Stage {
    observer: Option<Arc<dyn Observer>>,
    only: Option<String>,
    /// `None` for those that are not replayed.
    hosts: Vec<Option<Playing>>,
    inputs: u64,
    report: Report,
}

/// A host, its place in the report, and its latest input with what came of it.
struct Playing {
    player: Player,
    place: usize,
    latest: Option<(u64, Instant, Input, Output)>,
}

impl Stage {
    /// `None` if no recording of ours has such an entry there.
    fn entry(&mut self, entry: Entry<'_>, hear: &mut dyn FnMut(Heard<'_>)) -> Option<()> {
        match entry {
            Entry::Host { name, zero } => {
                if self.hosts.len() >= HOSTS {
                    return None;
                }
                let wanted = self.only.as_ref().is_none_or(|only| *only == name);
                self.hosts.push(wanted.then(|| {
                    hear(Heard::Host(&name));
                    let place = self.report.hosts.len();
                    let report = HostReport { name: name.clone(), ..HostReport::default() };
                    self.report.hosts.push(report);
                    let player = Player::new(name, zero, self.observer.clone());
                    Playing { player, place, latest: None }
                }));
            }
            Entry::Carrier { host, interface, text } => {
                hear(Heard::Carrier { host: &host, interface: &interface, text: &text });
            }
            Entry::Lookup { host, now, lookup } => {
                if let Some(playing) = self.host(host)? {
                    let answer = lookup.answer.as_deref().map_err(String::as_str);
                    let (name, server) = (&*lookup.name, lookup.server);
                    let over_tcp = lookup.over_tcp;
                    playing.player.lookup(now, LookupEvent { name, server, over_tcp, answer });
                }
            }
            Entry::Call { host, socket } => {
                if let Some(playing) = self.host(host)? {
                    playing.player.caller = Some(socket);
                }
            }
            Entry::Input { host, now, input } => {
                self.inputs += 1;
                let number = self.inputs;
                if let Some(playing) = self.host(host)? {
                    let input = input.into_owned();
                    let output = playing.player.play(now, input.clone(), hear)?;
                    playing.latest = Some((number, now, input, output));
                }
            }
            Entry::Output { host, output } => self.compare(host, output)?,
            Entry::End { inputs } => {
                if inputs != self.inputs {
                    return None;
                }
                self.report.complete = true;
            }
        }
        Some(())
    }

    fn host(&mut self, number: u32) -> Option<Option<&mut Playing>> {
        Some(self.hosts.get_mut(usize::try_from(number).ok()?)?.as_mut())
    }

    fn compare(&mut self, host: u32, expected: Output) -> Option<()> {
        let Some(playing) = self.host(host)? else { return Some(()) };
        let (number, now, input, found) = playing.latest.take()?;
        let place = playing.place;
        let report = self.report.hosts.get_mut(place)?;
        report.inputs += 1;
        let sum = match &found {
            Output::Frame(Some(sum)) | Output::Unclaimed(Some(sum)) => {
                report.frames += 1;
                sum.bytes
            }
            Output::Received(Ok((_, sum))) => sum.bytes,
            _ => 0,
        };
        report.bytes += sum as u64;
        if found != expected {
            self.report.difference = Some(Difference {
                host: report.name.clone(),
                input: number,
                now,
                what: format!("{input:?}"),
                expected: format!("{expected:?}"),
                found: format!("{found:?}"),
            });
        }
        Some(())
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").field("version", &self.version).finish_non_exhaustive()
    }
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NotARecording => f.write_str("this is no recording of danja's"),
            Self::Format { format, version } => write!(
                f,
                "its format {format} is that of danja {version}; this danja reads format {}",
                blocks::FORMAT
            ),
            Self::Damaged { at } => {
                write!(f, "it is damaged: the block after its first {at} bytes is not as written")
            }
        }
    }
}

impl std::error::Error for ReplayError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}
