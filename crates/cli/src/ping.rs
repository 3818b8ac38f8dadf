//! `danja ping`: echo requests, their replies, and how long they took.

use crate::args::{PingArgs, Talk};
use crate::failure::{Failure, explain_io};
use crate::interrupt::on_interrupt;
use crate::network::Network;
use crate::output::{data, exit, talk};
use crate::quantity::human_time;
use danja::net::{EchoReply, PingSocket};
use danja_stack::socket::Cause;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The exit code of anything but "a reply" and "no reply", as other pings have it.
const ERROR: u8 = 2;
/// Requests remembered while their replies are waited for.
const REMEMBERED: usize = 4096;

/// What has been counted.
#[derive(Default)]
struct Tally {
    sent: u64,
    received: u64,
    duplicates: u64,
    damaged: u64,
    errors: u64,
    /// Of the first replies, in seconds: smallest, largest, sum, sum of squares.
    least: f64,
    most: f64,
    sum: f64,
    squares: f64,
    replies: Vec<Value>,
}

/// What runs a ping.
struct Pinger<'a> {
    args: &'a PingArgs,
    talk: Talk,
    target: IpAddr,
    socket: PingSocket,
    tally: Arc<Mutex<Tally>>,
    /// When each request went out, and whether it was answered.
    waiting: HashMap<u16, (Instant, bool)>,
    payload: Vec<u8>,
}

pub(crate) fn run(args: &PingArgs, verbosity: Talk) -> Result<ExitCode, Failure> {
    let failed = |failure: Failure| failure.with_code(ERROR);
    let network = Network::new(&args.network, "ping").map_err(failed)?;
    let built_in = network.is_built_in();
    let wrong = |error: io::Error| Failure::new(explain_io(&error, built_in)).with_code(ERROR);
    let target = network.look_up(&args.host).map_err(|error| {
        network.finish();
        wrong(error)
    })?;
    let socket = network.host.ping_socket().map_err(wrong)?;
    let tally = Arc::new(Mutex::new(Tally::default()));
    let began = Instant::now();
    if verbosity.verbose > 0 {
        talk(&format!("* {} is {target}; from {}", args.host, network.address()));
    }
    if !args.json && !verbosity.quiet {
        data(&format!("PING {} ({target}) {} bytes of data\n", args.host, args.size))?;
    }
    let (shown, ended) = (Arc::clone(&tally), network.clone());
    let summary =
        Summary { host: args.host.clone(), target, json: args.json, quiet: verbosity.quiet, began };
    let at_end = summary.clone();
    on_interrupt(move || {
        let _ = data(&at_end.text(&lock(&shown)));
        ended.finish();
    });
    let payload = (0..args.size).map(|index| index as u8).collect();
    let pinger = Pinger {
        args,
        talk: verbosity,
        target,
        socket,
        tally: Arc::clone(&tally),
        waiting: HashMap::new(),
        payload,
    };
    let outcome = pinger.run(built_in);
    network.finish();
    outcome?;
    let tally = lock(&tally);
    data(&summary.text(&tally))?;
    Ok(exit(tally.received > 0))
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pinger<'_> {
    fn run(mut self, built_in: bool) -> Result<(), Failure> {
        let count = self.args.count.unwrap_or(u64::MAX);
        let mut next = Instant::now();
        for number in 1..=count {
            let sequence = number as u16;
            self.payload_time();
            lock(&self.tally).sent = number;
            self.remember(sequence);
            if let Err(error) = self.socket.send(self.target, sequence, &self.payload) {
                // What came back for an earlier request is told at the next call; what keeps
                // requests from leaving at all ends it, as in other pings.
                if !came_back(&error) {
                    return Err(Failure::new(explain_io(&error, built_in)).with_code(ERROR));
                }
                self.on_error(&error, built_in);
            }
            next += self.args.interval;
            let last = number == count;
            let until = if last { Instant::now() + self.args.wait } else { next };
            self.listen(until, last, built_in)?;
        }
        Ok(())
    }

    /// The first bytes of the data say when it was sent, where there is room, as in other pings:
    /// no two requests are the same.
    fn payload_time(&mut self) {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let stamp = since.unwrap_or_default().as_nanos() as u64;
        if let Some(front) = self.payload.first_chunk_mut::<8>() {
            *front = stamp.to_le_bytes();
        }
    }

    fn remember(&mut self, sequence: u16) {
        if self.waiting.len() >= REMEMBERED {
            let old = Instant::now().checked_sub(Duration::from_secs(60));
            self.waiting.retain(|_, (sent, _)| old.is_none_or(|old| *sent > old));
        }
        self.waiting.insert(sequence, (Instant::now(), false));
    }

    /// Takes replies until a moment; with `last`, only until none is missing.
    fn listen(&mut self, until: Instant, last: bool, built_in: bool) -> Result<(), Failure> {
        loop {
            let all_told = {
                let tally = lock(&self.tally);
                tally.received + tally.errors >= tally.sent
            };
            if last && all_told {
                return Ok(());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let set = self.socket.set_read_timeout(Some(left));
            set.map_err(|error| Failure::new(error).with_code(ERROR))?;
            match self.socket.recv() {
                Ok(reply) => self.on_reply(&reply)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if came_back(&error) => self.on_error(&error, built_in),
                Err(error) => return Err(Failure::new(error).with_code(ERROR)),
            }
        }
    }

    fn on_error(&self, error: &io::Error, built_in: bool) {
        lock(&self.tally).errors += 1;
        if !self.talk.quiet {
            talk(&format!("{}: {}", self.target, explain_io(error, built_in)));
        }
    }

    fn on_reply(&mut self, reply: &EchoReply) -> Result<(), Failure> {
        let Some((sent, answered)) = self.waiting.get_mut(&reply.sequence) else { return Ok(()) };
        let took = sent.elapsed();
        let repeated = std::mem::replace(answered, true);
        // The stamp differs from request to request; the rest must come back as it went.
        let same = reply.payload.len() == self.payload.len()
            && reply.payload.get(8..) == self.payload.get(8..);
        let mut tally = lock(&self.tally);
        if repeated {
            tally.duplicates += 1;
        } else {
            tally.count(took);
        }
        tally.damaged += u64::from(!same);
        let remark = match (repeated, same) {
            (_, false) => " (damaged!)",
            (true, _) => " (duplicate)",
            _ => "",
        };
        if self.args.json {
            let milliseconds = took.as_secs_f64() * 1e3;
            tally.replies.push(json!({
                "from": reply.from, "sequence": reply.sequence, "ttl": reply.ttl,
                "bytes": reply.payload.len(), "ms": milliseconds,
                "duplicate": repeated, "damaged": !same,
            }));
            return Ok(());
        }
        drop(tally);
        if self.talk.quiet {
            return Ok(());
        }
        // The ICMP header counts, as in other pings.
        let bytes = reply.payload.len() + 8;
        data(&format!(
            "{bytes} bytes from {}: seq={} ttl={} time={}{remark}\n",
            reply.from,
            reply.sequence,
            reply.ttl,
            human_time(took)
        ))
    }
}

/// Whether an error is the network's answer to a request.
fn came_back(error: &io::Error) -> bool {
    let cause = danja::cause(error).and_then(|fault| fault.cause);
    matches!(cause, Some(Cause::NeighbourSilent(_) | Cause::Icmp { .. }))
}

impl Tally {
    fn count(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        self.least = if self.received == 0 { seconds } else { self.least.min(seconds) };
        self.most = self.most.max(seconds);
        self.sum += seconds;
        self.squares += seconds * seconds;
        self.received += 1;
    }

    fn mean(&self) -> f64 {
        self.sum / self.received.max(1) as f64
    }

    fn deviation(&self) -> f64 {
        let mean = self.mean();
        (self.squares / self.received.max(1) as f64 - mean * mean).max(0.0).sqrt()
    }
}

/// The last words.
#[derive(Clone)]
struct Summary {
    host: String,
    target: IpAddr,
    json: bool,
    quiet: bool,
    began: Instant,
}

impl Summary {
    fn text(&self, tally: &Tally) -> String {
        let lost = tally.sent.saturating_sub(tally.received);
        let percent = 100.0 * lost as f64 / tally.sent.max(1) as f64;
        if self.json {
            let rtt = (tally.received > 0).then(|| {
                json!({
                    "min": tally.least * 1e3, "avg": tally.mean() * 1e3,
                    "max": tally.most * 1e3, "mdev": tally.deviation() * 1e3,
                })
            });
            let all = json!({
                "format": 1, "host": self.host, "address": self.target,
                "sent": tally.sent, "received": tally.received,
                "duplicates": tally.duplicates, "damaged": tally.damaged,
                "errors": tally.errors, "loss_percent": percent, "rtt_ms": rtt,
                "replies": tally.replies,
            });
            return format!("{all:#}\n");
        }
        // Nothing stands before it.
        let gap = if self.quiet { "" } else { "\n" };
        let mut text = format!("{gap}--- {} ping statistics ---\n", self.host);
        text.push_str(&format!("{} packets transmitted, {} received", tally.sent, tally.received));
        if tally.duplicates > 0 {
            text.push_str(&format!(", {} duplicates", tally.duplicates));
        }
        if tally.damaged > 0 {
            text.push_str(&format!(", {} damaged", tally.damaged));
        }
        if tally.errors > 0 {
            text.push_str(&format!(", {} errors", tally.errors));
        }
        let percent = (percent * 10.0).round() / 10.0;
        text.push_str(&format!(", {percent}% lost, {}\n", human_time(self.began.elapsed())));
        if tally.received > 0 {
            text.push_str(&format!(
                "rtt min/avg/max/mdev = {:.3}/{:.3}/{:.3}/{:.3} ms\n",
                tally.least * 1e3,
                tally.mean() * 1e3,
                tally.most * 1e3,
                tally.deviation() * 1e3
            ));
        }
        text
    }
}
