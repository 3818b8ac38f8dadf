//! What `get -v` shows on standard error: addresses, times, and the heads of requests and answers
//! as they pass. Changes nothing.

use crate::output::{plain, talk};
use crate::quantity::human_time;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Where to show; clones are the same. The default shows nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace(Option<Arc<Mutex<Instant>>>);

impl Trace {
    pub(super) fn new(shows: bool) -> Self {
        Self(shows.then(|| Arc::new(Mutex::new(Instant::now()))))
    }

    /// A step begins, whose time will be shown.
    pub(super) fn begin(&self) {
        if let Some(since) = &self.0 {
            *since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
    }

    /// Shows a step and how long it took; the next begins.
    pub(super) fn step(&self, words: impl FnOnce() -> String) {
        let Some(since) = &self.0 else { return };
        let took = since.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        talk(&format!("* {} ({})", words(), human_time(took)));
        self.begin();
    }

    /// Shows each line of a head.
    fn head(&self, mark: char, bytes: &[u8]) {
        for line in String::from_utf8_lossy(bytes).lines() {
            talk(format!("{mark} {}", plain(line)).trim_end());
        }
    }
}

/// Puts a [`Watched`] around each connection, above TLS.
#[derive(Debug)]
pub(super) struct Watcher(pub(super) Trace);

impl<T: Transport> Connector<T> for Watcher {
    type Out = Watched<T>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<T>,
    ) -> Result<Option<Watched<T>>, Error> {
        let Some(inner) = chained else { return Ok(None) };
        if inner.is_tls() {
            let host = details.uri.host().unwrap_or_default();
            self.0.step(|| format!("TLS with {host}, whose certificate is trusted"));
        }
        Ok(Some(Watched { inner, trace: self.0.clone(), asked: false }))
    }
}

/// A connection whose heads are shown.
#[derive(Debug)]
pub(super) struct Watched<T> {
    inner: T,
    trace: Trace,
    /// A request has gone out, its answer's head has not come yet.
    asked: bool,
}

impl<T: Transport> Transport for Watched<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.trace.0.is_some() {
            // All that a GET sends is its head.
            let output = self.inner.buffers().output().get(..amount).unwrap_or_default();
            self.trace.head('>', output);
            self.trace.begin();
            self.asked = true;
        }
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let more = self.inner.await_input(timeout)?;
        if self.asked {
            let input = self.inner.buffers().input();
            let end = input.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(head) = end.and_then(|end| input.get(..end)) {
                self.trace.step(|| "answered".to_owned());
                self.trace.head('<', head);
                self.asked = false;
            }
        }
        Ok(more)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}
