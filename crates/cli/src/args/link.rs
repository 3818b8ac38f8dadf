//! What can be typed of a bad link: by the commands that make one, and by `danja link`, which
//! changes one. Changes nothing itself.

use crate::quantity::{self, BurstLoss};
use clap::Args;
use danja_gateway::inspect::link;
use danja_lan::impair::LinkState;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is wrong with the program's link.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "A bad link")]
pub(crate) struct LinkArgs {
    #[command(flatten)]
    pub(crate) set: LinkOptions,
    /// The same number draws the same losses, delays and ports (times and initial sequence numbers
    /// follow the clock as well, and differ)
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
}

/// Each applies to both directions; with `-up` from the program, with `-down` to it.
#[derive(Args, Clone, Debug, Default)]
#[command(
    next_help_heading = "A bad link (each in both directions; with -up, as in --delay-up, only for what the program sends; with -down only for what comes to it)"
)]
pub(crate) struct LinkOptions {
    /// Each frame arrives this much later, such as 50ms
    #[arg(long, value_name = "TIME", value_parser = quantity::duration)]
    delay: Option<Duration>,
    /// As --delay, for what the program sends only
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, hide_short_help = true)]
    delay_up: Option<Duration>,
    /// As --delay, for what comes to the program only
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, hide_short_help = true)]
    delay_down: Option<Duration>,
    /// … give or take up to this much, such as 5ms
    #[arg(long, value_name = "TIME", value_parser = quantity::duration)]
    jitter: Option<Duration>,
    /// As --jitter, for what the program sends only
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, hide_short_help = true)]
    jitter_up: Option<Duration>,
    /// As --jitter, for what comes to the program only
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, hide_short_help = true)]
    jitter_down: Option<Duration>,
    /// This share of frames is lost, such as 2%
    #[arg(long, value_name = "SHARE", value_parser = quantity::percentage, conflicts_with = "burst_loss")]
    loss: Option<f64>,
    /// As --loss, for what the program sends only
    #[arg(long, value_name = "SHARE", value_parser = quantity::percentage, hide_short_help = true)]
    loss_up: Option<f64>,
    /// As --loss, for what comes to the program only
    #[arg(long, value_name = "SHARE", value_parser = quantity::percentage, hide_short_help = true)]
    loss_down: Option<f64>,
    /// This share of frames is lost, in bursts of this mean length, such as 2%,5
    #[arg(long, value_name = "SHARE,FRAMES")]
    burst_loss: Option<BurstLoss>,
    /// This share of frames is overtaken by later ones, such as 1%
    #[arg(long, value_name = "SHARE", value_parser = quantity::percentage)]
    reorder: Option<f64>,
    /// This share of frames arrives twice, such as 1%
    #[arg(long, value_name = "SHARE", value_parser = quantity::percentage)]
    duplicate: Option<f64>,
    /// This share of frames arrives with one bit flipped, such as 0.1%
    #[arg(long, value_name = "SHARE", value_parser = quantity::percentage)]
    corrupt: Option<f64>,
    /// The link carries this many bits a second of frames, such as 10mbit (none: no limit)
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<Rate>,
    /// As --rate, for what the program sends only
    #[arg(long, value_name = "RATE", value_parser = rate, hide_short_help = true)]
    rate_up: Option<Rate>,
    /// As --rate, for what comes to the program only
    #[arg(long, value_name = "RATE", value_parser = rate, hide_short_help = true)]
    rate_down: Option<Rate>,
    /// The link delivers when this file says (mahimahi's format: a line for each 1500 bytes, with
    /// the time in ms; repeated); in the place of --rate (none: no trace)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rate", "rate_up", "rate_down"])]
    trace: Option<PathBuf>,
    /// As --trace, for what the program sends only
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rate", "rate_up"], hide_short_help = true)]
    trace_up: Option<PathBuf>,
    /// As --trace, for what comes to the program only
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rate", "rate_down"], hide_short_help = true)]
    trace_down: Option<PathBuf>,
    /// This many frames wait for a link with a rate or a trace, more are lost [default: 1000]
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u32).range(1..))]
    queue: Option<u32>,
}

/// Bits a second; `None` is no limit.
type Rate = RateOrNone;

/// A rate, or `none`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RateOrNone(Option<u64>);

fn rate(text: &str) -> Result<RateOrNone, String> {
    if text == "none" {
        return Ok(RateOrNone(None));
    }
    quantity::rate(text).map(|rate| RateOrNone(Some(rate))).map_err(|error| error.to_string())
}

/// A file's path for another process, whose folder may be another.
fn trace(path: &Path) -> Result<Value, String> {
    if path == Path::new("none") {
        return Ok(Value::Null);
    }
    let shown = path.display();
    let absolute = path.canonicalize().map_err(|error| format!("{shown}: {error}"))?;
    let text = absolute.to_str().ok_or_else(|| format!("{shown}: a name in UTF-8 is needed"))?;
    // What is wrong with it is said before anything is asked of anybody.
    link::read_trace(text)?;
    Ok(text.into())
}

impl LinkOptions {
    /// What was asked for, as [`link`] takes it; empty if nothing was.
    ///
    /// # Errors
    /// A trace cannot be read: says why.
    pub(crate) fn change(&self) -> Result<Map<String, Value>, String> {
        let mut both = [Map::new(), Map::new()];
        let mut put = |field: &str, values: [Option<Value>; 2]| {
            for (way, value) in both.iter_mut().zip(values) {
                way.extend(value.map(|value| (field.to_owned(), value)));
            }
        };
        /// What one direction gets: its own, else that of both.
        fn each<T: Copy>(both: Option<T>, up: Option<T>, down: Option<T>) -> [Option<T>; 2] {
            [up.or(both), down.or(both)]
        }
        let time = |time: Duration| Value::from(time.as_secs_f64());
        let times = |both, up, down| each(both, up, down).map(|each| each.map(time));
        put("delay", times(self.delay, self.delay_up, self.delay_down));
        put("jitter", times(self.jitter, self.jitter_up, self.jitter_down));
        // Before the loss of one direction, which replaces it there.
        let bursts = self.burst_loss.map(|burst| json!([burst.share, burst.length]));
        let losses = each(self.loss, self.loss_up, self.loss_down);
        let bursty = losses.map(|loss| bursts.clone().filter(|_| loss.is_none()));
        put("burst_loss", bursty);
        put("loss", losses.map(|loss| loss.map(Value::from)));
        for (field, share) in
            [("reorder", self.reorder), ("duplicate", self.duplicate), ("corrupt", self.corrupt)]
        {
            put(field, [share, share].map(|share| share.map(Value::from)));
        }
        put("queue", [self.queue, self.queue].map(|queue| queue.map(Value::from)));
        let rates = each(self.rate, self.rate_up, self.rate_down);
        put("rate", rates.map(|rate| rate.map(|RateOrNone(rate)| Value::from(rate))));
        let traces =
            each(self.trace.as_deref(), self.trace_up.as_deref(), self.trace_down.as_deref());
        let [up, down] = traces.map(|path| path.map(trace).transpose());
        put("trace", [up?, down?]);
        let mut asked = Map::new();
        for (name, way) in ["transmit", "receive"].into_iter().zip(both) {
            if !way.is_empty() {
                asked.insert(name.to_owned(), Value::Object(way));
            }
        }
        Ok(asked)
    }
}

impl LinkArgs {
    /// How the link begins.
    ///
    /// # Errors
    /// A trace cannot be read: says why.
    pub(crate) fn state(&self) -> Result<LinkState, String> {
        let mut state = LinkState::default();
        link::apply(&mut state, &Value::Object(self.set.change()?))?;
        Ok(state)
    }
}

#[cfg(test)]
mod tests;
