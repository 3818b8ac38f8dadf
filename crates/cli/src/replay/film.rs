//! The frames of a replay as a capture file, with their first times. Interprets none.

use crate::failure::Failure;
use danja::lan::capture::{Capture, CaptureOptions, Captured};
use danja::lan::{Adapter, Capabilities, Medium, Readiness, Room};
use danja::record::ReplayedFrame;
use danja_stack::{Frame, Instant};
use std::collections::HashMap;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A capture that is made when the first frame says when it was.
pub(super) struct Film {
    path: PathBuf,
    began: Option<(Capture, Duration)>,
    links: HashMap<String, Captured<Link>>,
}

impl Film {
    /// # Errors
    /// The file cannot be written.
    pub(super) fn new(path: &Path) -> Result<Self, Failure> {
        let film = Self { path: path.to_owned(), began: None, links: HashMap::new() };
        // A recording without a frame gives an empty capture, and not the one from before.
        film.create(Duration::ZERO)?;
        Ok(film)
    }

    fn create(&self, zero: Duration) -> Result<Capture, Failure> {
        let comment = concat!("danja ", env!("CARGO_PKG_VERSION"), ", a replay");
        let options = CaptureOptions::new(zero).with_comment(comment);
        Capture::create(&self.path, options).map_err(|error| self.cannot(&error))
    }

    fn cannot(&self, error: &dyn Display) -> Failure {
        Failure::new(format_args!("{} cannot be written: {error}", self.path.display()))
    }

    pub(super) fn frame(&mut self, seen: &ReplayedFrame<'_>) -> Result<(), Failure> {
        if self.began.is_none() {
            self.began = Some((self.create(seen.zero)?, seen.zero));
        }
        let Some((capture, zero)) = &self.began else { return Ok(()) };
        // Every host has a clock of its own.
        let now = seen.now + seen.zero.saturating_sub(*zero);
        let name = format!("{} {}", seen.host, seen.interface);
        let link = self.links.entry(name).or_insert_with_key(|name| {
            Captured::new(Link { medium: seen.medium, waits: None }, capture, name)
        });
        let mut frames = vec![seen.frame.clone()];
        let done = if seen.outbound {
            link.transmit(now, &mut frames)
        } else {
            link.inner_mut().waits = frames.pop();
            link.receive(now, &mut frames, 1).map(|_| ())
        };
        done.map_err(|error| self.cannot(&error))
    }

    /// # Errors
    /// Not all could be written.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let finished = self.began.as_ref().map_or(Ok(()), |(capture, _)| capture.finish());
        finished.map_err(|error| self.cannot(&error))
    }
}

/// Where a host's adapter was: what it sends is gone, and it receives what is put here.
struct Link {
    medium: Medium,
    waits: Option<Frame>,
}

impl Adapter for Link {
    fn capabilities(&self) -> Capabilities {
        Capabilities { medium: self.medium, mtu: usize::MAX, checksum: true, max_segmented: 0 }
    }

    fn receive(&mut self, _: Instant, frames: &mut Vec<Frame>, _: usize) -> io::Result<usize> {
        frames.extend(self.waits.take());
        Ok(frames.len())
    }

    fn room(&mut self, _: Instant) -> Room {
        Room::UNLIMITED
    }

    fn transmit(&mut self, _: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        frames.clear();
        Ok(())
    }

    fn readiness(&self) -> Readiness<'_> {
        Readiness::Waker
    }
}
