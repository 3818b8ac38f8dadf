//! A random workload for a world, and the oracle that judges it: everything follows from one
//! seed. TCP transfers of all sizes and habits, datagrams, pings, links that go down and come
//! back; every delivered byte is compared with what it must be, and every error with what the
//! plan allows.
//!
//! ```
//! use danja_sim::world::workload::{Options, run_seed};
//!
//! let report = run_seed(1, Options::default()).unwrap();
//! let mut other_key = Options::default();
//! other_key.hash_key = Some([9; 16]);
//! assert_eq!(run_seed(1, other_key).unwrap().digest, report.digest);
//! ```

mod content;
mod exchange;
mod grounds;
mod judge;
mod plan;
mod run;
mod side;
mod streams;
mod verdicts;
mod witness;

use crate::world::Observer;
use plan::{Plan, Wrap};
use run::Run;
use std::fmt;
use std::time::Duration;

/// How a seed is run. Nothing here changes what passes on the wire.
#[derive(Default)]
#[non_exhaustive]
pub struct Options {
    /// The key of every stack's hash tables; `None`: each has its own, from its seed.
    pub hash_key: Option<[u8; 16]>,
    /// Told of every frame.
    pub observer: Option<Observer>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("hash_key", &self.hash_key).finish_non_exhaustive()
    }
}

/// What a world was like.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Report {
    /// See [`World::digest`](crate::world::World::digest).
    pub digest: u64,
    /// Hosts.
    pub hosts: usize,
    /// TCP connections that were tried.
    pub streams: usize,
    /// Bytes that were read from them.
    pub bytes: u64,
    /// Frames that were sent.
    pub frames: u64,
    /// Steps of the world.
    pub steps: u64,
    /// How long it lasted.
    pub virtual_time: Duration,
    /// A stream's sequence numbers wrapped.
    pub wrapped: bool,
}

/// What was wrong in a world.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// Whose world.
    pub seed: u64,
    /// What was wrong, in words.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}", self.seed, self.what)
    }
}

impl std::error::Error for Failure {}

/// Runs the world of a seed to its end.
///
/// # Errors
/// A stack did something wrong.
pub fn run_seed(seed: u64, options: Options) -> Result<Report, Failure> {
    let plan = Plan::new(seed);
    let fail = |what| Failure { seed, what };
    let shift = match plan.wrap {
        // What goes wrong before the number is known goes wrong again, and is observed.
        Some(wrap) => find_shift(&plan, wrap, options.hash_key).unwrap_or_default(),
        None => Duration::ZERO,
    };
    let mut run = Run::new(&plan, options.hash_key, shift).map_err(fail)?;
    if let Some(observer) = options.observer {
        run.observe(observer);
    }
    run.finish().map_err(fail)
}

/// The plan in words, for people.
pub fn describe(seed: u64) -> String {
    format!("{:#?}", Plan::new(seed))
}

/// How far to move the clock on so that a stream's first sequence number is where it is wanted.
///
/// RFC 6528 §3: ISN = M + F(…), where M counts 4 µs, and F does not depend on the time. So the
/// world is begun once to see a number, and again at another time to have the one it wants.
fn find_shift(plan: &Plan, wrap: Wrap, hash_key: Option<[u8; 16]>) -> Result<Duration, String> {
    let mut run = Run::new(plan, hash_key, Duration::ZERO)?;
    let half = streams::HalfId { stream: wrap.stream, side: wrap.side };
    let host = run.streams.host(half).ok_or("a wrap without a host")?;
    loop {
        let tcp = run.streams.socket(half).and_then(|socket| {
            run.world.stack(host).control_info(socket).and_then(|info| info.tcp)
        });
        if let Some(tcp) = tcp {
            let missing = wrap.before.wrapping_neg().wrapping_sub(tcp.iss.0);
            return Ok(Duration::from_micros(u64::from(missing) * 4));
        }
        if !run.step()? || run.is_over() {
            return Ok(Duration::ZERO);
        }
    }
}
