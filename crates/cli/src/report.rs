//! `--report`: what became of the program's connections, told when the command ends. Hears its
//! host as an observer, and changes nothing.

use crate::args::ReportForm;
use crate::failure::Failure;
use crate::output::talk;
use crate::quantity::human_bytes;
use crate::table::Table;
use danja::observe::{Observed, Observer};
use danja_stack::views::{TcpInfo, TcpState};
use danja_stack::{ControlInfo, Instant};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Connections that are remembered; of more, the first are.
const MANY: usize = 100_000;

/// Remembers what its host's connections come to.
pub(crate) struct Reporter {
    form: ReportForm,
    /// Opened at the start: what cannot be had is told before the program has run for an hour.
    file: Option<File>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    connections: Vec<Connection>,
    /// Where in `connections` those between two endpoints are, the latest last: of thousands of
    /// connections each frame concerns one.
    between: HashMap<(SocketAddr, SocketAddr), Vec<usize>>,
    /// Not remembered, because they were too many.
    left_out: bool,
    told: bool,
}

/// One connection, as far as it has been seen.
#[derive(Clone, Debug)]
struct Connection {
    local: SocketAddr,
    remote: SocketAddr,
    /// Tells it from an earlier one with the same endpoints.
    iss: u32,
    state: &'static str,
    began: Instant,
    ended: Instant,
    sent: u64,
    received: u64,
    retransmissions: u64,
    least: Option<Duration>,
    /// Of the smoothed round-trip time, each time it changed: the last, the sum, how many.
    smoothed: Option<Duration>,
    sum: Duration,
    samples: u32,
}

impl Reporter {
    /// Who reports in this form.
    ///
    /// # Errors
    /// The file cannot be written: says which.
    pub(crate) fn new(form: ReportForm) -> Result<Self, Failure> {
        let file = match &form {
            ReportForm::File(path) => {
                let opened = File::options().create(true).truncate(true).write(true).open(path);
                Some(opened.map_err(|error| Failure::new(complaint(path, &error)))?)
            }
            _ => None,
        };
        Ok(Self { form, file, seen: Mutex::default() })
    }

    /// Tells, once.
    pub(crate) fn tell(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut seen.told, true) {
            return;
        }
        match &self.form {
            ReportForm::Table => talk(seen.table().trim_end()),
            ReportForm::Json => talk(&format!("{:#}", seen.json())),
            ReportForm::File(path) => {
                let Some(mut file) = self.file.as_ref() else { return };
                if let Err(error) = file.write_all(format!("{:#}\n", seen.json()).as_bytes()) {
                    talk(&format!("danja: {}", complaint(path, &error)));
                }
            }
        }
    }
}

fn complaint(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be written: {error}", path.display())
}

impl Observer for Reporter {
    fn observe(&self, _: &str, now: Instant, event: &Observed<'_>) {
        let infos = match event {
            Observed::Call(call) => [call.before, call.after, call.accepted],
            Observed::Received(frame) | Observed::Transmitted(frame) => {
                [frame.before, frame.after, None]
            }
            Observed::TimedOut(change) | Observed::Held(change) | Observed::Changed(change) => {
                [change.before, change.after, None]
            }
            _ => return,
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        infos.into_iter().flatten().for_each(|info| seen.note(info, now));
    }
}

/// Two observers of one host.
pub(crate) struct Both(pub(crate) Arc<dyn Observer>, pub(crate) Arc<dyn Observer>);

impl Observer for Both {
    fn observe(&self, host: &str, now: Instant, event: &Observed<'_>) {
        self.0.observe(host, now, event);
        self.1.observe(host, now, event);
    }
}

impl Seen {
    fn note(&mut self, info: &ControlInfo, now: Instant) {
        let (Some(local), Some(remote), Some(tcp)) = (info.local, info.remote, &info.tcp) else {
            return;
        };
        let Some(state) = info.state else { return };
        let ours = self.between.entry((local, remote)).or_default();
        let latest_first = || ours.iter().rev().copied();
        let same = latest_first().find(|&one| self.connections[one].iss == tcp.iss.0);
        if let Some(known) = same {
            self.connections[known].note(tcp, state, now);
        } else if state == TcpState::TimeWait {
            // What waits in TIME-WAIT has forgotten its counts, and how it began.
            if let Some(known) = latest_first().next() {
                self.connections[known].state = state.name();
            }
        } else if self.connections.len() < MANY {
            let mut new = Connection {
                local,
                remote,
                iss: tcp.iss.0,
                state: state.name(),
                began: now,
                ended: now,
                sent: 0,
                received: 0,
                retransmissions: 0,
                least: None,
                smoothed: None,
                sum: Duration::ZERO,
                samples: 0,
            };
            new.note(tcp, state, now);
            ours.push(self.connections.len());
            self.connections.push(new);
        } else {
            self.left_out = true;
        }
    }

    fn json(&self) -> Value {
        let connections: Vec<Value> = self.connections.iter().map(Connection::json).collect();
        json!({ "format": 1, "complete": !self.left_out, "connections": connections })
    }

    fn table(&self) -> String {
        let mut table = Table::new(&[
            "Local",
            "Peer",
            "State",
            ">Seconds",
            ">Sent",
            ">Received",
            ">Again",
            ">RTT min",
            ">mean",
            ">last",
        ]);
        let time = |time: Option<Duration>| {
            time.map_or_else(
                || "-".to_owned(),
                |time| format!("{:.3} ms", time.as_secs_f64() * 1e3),
            )
        };
        for one in &self.connections {
            table.row(vec![
                one.local.to_string(),
                one.remote.to_string(),
                one.state.to_owned(),
                format!("{:.3}", one.duration().as_secs_f64()),
                human_bytes(one.sent),
                human_bytes(one.received),
                one.retransmissions.to_string(),
                time(one.least),
                time(one.mean()),
                time(one.smoothed),
            ]);
        }
        let text = table.text();
        match text.as_str() {
            "" => "no connections".to_owned(),
            _ if self.left_out => text + "… and more\n",
            _ => text,
        }
    }
}

impl Connection {
    fn note(&mut self, tcp: &TcpInfo, state: TcpState, now: Instant) {
        if state == TcpState::TimeWait {
            self.state = state.name();
            return;
        }
        // A later event can be about an earlier moment of the same connection, never a later.
        if (tcp.bytes_acked, tcp.bytes_received) < (self.sent, self.received) {
            return;
        }
        let changed = (self.sent, self.received, self.retransmissions, self.state)
            != (
                tcp.bytes_acked,
                tcp.bytes_received,
                tcp.total_retransmissions.into(),
                state.name(),
            );
        if changed {
            self.ended = self.ended.max(now);
        }
        (self.sent, self.received) = (tcp.bytes_acked, tcp.bytes_received);
        self.retransmissions = self.retransmissions.max(tcp.total_retransmissions.into());
        self.state = state.name();
        self.least = tcp.min_rtt.or(self.least);
        if let Some(smoothed) = tcp.srtt.filter(|srtt| self.smoothed != Some(*srtt)) {
            self.smoothed = Some(smoothed);
            self.sum = self.sum.saturating_add(smoothed);
            self.samples = self.samples.saturating_add(1);
        }
    }

    fn duration(&self) -> Duration {
        self.ended.saturating_since(self.began)
    }

    fn mean(&self) -> Option<Duration> {
        self.sum.checked_div(self.samples)
    }

    fn json(&self) -> Value {
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        json!({
            "local": self.local, "remote": self.remote, "state": self.state,
            "seconds": self.duration().as_secs_f64(),
            "bytes_sent": self.sent, "bytes_received": self.received,
            "retransmissions": self.retransmissions,
            "rtt": {
                "min": seconds(self.least), "mean": seconds(self.mean()),
                "last": seconds(self.smoothed),
            },
        })
    }
}
