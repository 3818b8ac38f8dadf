//! A link's state as JSON, and changes of it: only what is named changes. Moves no frame.
//!
//! A change is an object: `host` (which), `reset` (first forget all), `connected`, and for each
//! way (`transmit`, `receive`) an object of `delay`, `jitter`, `hold` (seconds), `loss`,
//! `reorder`, `duplicate`, `corrupt` (0 to 1), `burst_loss` (`[share, frames]`), `rate` (bits a
//! second; null for none), `queue` (frames), `trace` (a file of this machine; null for none).

use crate::lan::{Lan, Member};
use danja_lan::impair::{Bursts, ImpairCounters, LinkControl, LinkState, Loss, Trace, Way};
use serde_json::{Map, Value, json};
use std::fs;
use std::sync::Arc;
use std::time::Duration;

/// The links of all hosts that can be changed.
pub(super) fn all(lan: &Lan) -> Value {
    let links: Vec<Value> = lan
        .members()
        .iter()
        .filter_map(|member| Some(shown(member, member.link.as_ref()?)))
        .collect();
    json!({ "format": 1, "links": links })
}

/// Changes the link of the host that `asked` names; its state after it, or why not.
pub(super) fn change(lan: &Lan, asked: &Value) -> Result<Value, String> {
    let name = asked.get("host").and_then(Value::as_str).ok_or("which host?")?;
    let members = lan.members();
    let member = members.iter().find(|member| member.host.name().eq_ignore_ascii_case(name));
    let member = member.ok_or_else(|| format!("there is no host \u{2018}{name}\u{2019}"))?;
    let link = member.link.as_ref();
    let link = link.ok_or_else(|| format!("the link of {name} cannot be changed"))?;
    // Looked through before anything changes.
    let mut next = link.state();
    apply(&mut next, asked)?;
    link.change(|state| {
        // Between the two looks nobody else's change is lost but what is asked for here.
        if apply(state, asked).is_err() {
            *state = next;
        }
    });
    Ok(json!({ "format": 1, "links": [shown(member, link)] }))
}

/// Applies a change to a state.
///
/// # Errors
/// What is wrong with it, in words; then the state may be half changed.
pub fn apply(state: &mut LinkState, asked: &Value) -> Result<(), String> {
    if asked.get("reset").and_then(Value::as_bool) == Some(true) {
        *state = LinkState::default();
    }
    if let Some(connected) = asked.get("connected").and_then(Value::as_bool) {
        state.connected = connected;
    }
    for (name, way) in [("transmit", &mut state.transmit), ("receive", &mut state.receive)] {
        if let Some(fields) = asked.get(name).and_then(Value::as_object) {
            for (field, value) in fields {
                set(way, field, value).ok_or_else(|| format!("{field} cannot be {value}"))??;
            }
        }
    }
    Ok(())
}

/// Sets one thing of a way; `None` if the value is none for it.
fn set(way: &mut Way, field: &str, value: &Value) -> Option<Result<(), String>> {
    let share = || value.as_f64().filter(|share| (0.0..=1.0).contains(share));
    let time = || value.as_f64().and_then(|time| Duration::try_from_secs_f64(time).ok());
    let impairment = &mut way.impairment;
    match field {
        "delay" => impairment.delay = time()?,
        "jitter" => impairment.jitter = time()?,
        "hold" => impairment.hold = time()?,
        "loss" => impairment.loss = share().map(random_loss)?,
        "burst_loss" => {
            let [loss, length] = value.as_array()?.as_slice() else { return None };
            let (loss, length) = (loss.as_f64()?, length.as_f64()?);
            let ok = (0.0..1.0).contains(&loss) && (1.0..=1e9).contains(&length);
            ok.then_some(())?;
            impairment.loss = Loss::Bursts(Bursts::with_mean(loss, length));
        }
        "reorder" => impairment.reorder = share()?,
        "duplicate" => impairment.duplicate = share()?,
        "corrupt" => impairment.corrupt = share()?,
        "queue" => impairment.limit = usize::try_from(value.as_u64()?).ok()?.max(1),
        "rate" => {
            let rate = if value.is_null() { None } else { Some(value.as_u64()?) };
            impairment.rate = rate.filter(|rate| *rate > 0);
            way.trace = None;
        }
        "trace" if value.is_null() => way.trace = None,
        "trace" => match read_trace(value.as_str()?) {
            Ok(trace) => {
                way.trace = Some(trace);
                way.impairment.rate = None;
            }
            Err(words) => return Some(Err(words)),
        },
        _ => return Some(Err(format!("nothing is called {field}"))),
    }
    Some(Ok(()))
}

fn random_loss(share: f64) -> Loss {
    if share > 0.0 { Loss::Random(share) } else { Loss::None }
}

/// Reads a trace from a file.
///
/// # Errors
/// It cannot be read or is no trace: in words, with the file's name.
pub fn read_trace(path: &str) -> Result<Arc<Trace>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    text.parse().map(Arc::new).map_err(|error| format!("{path}: {error}"))
}

fn shown(member: &Member, link: &LinkControl) -> Value {
    let state = link.state();
    let (sent, received) = link.counters();
    json!({
        "host": member.host.name(),
        "connected": state.connected,
        "transmit": way(&state.transmit, sent),
        "receive": way(&state.receive, received),
    })
}

fn way(way: &Way, counted: ImpairCounters) -> Value {
    let impairment = &way.impairment;
    let mut all = Map::new();
    let mut put = |name: &str, value: Value| all.insert(name.to_owned(), value);
    put("delay", impairment.delay.as_secs_f64().into());
    put("jitter", impairment.jitter.as_secs_f64().into());
    match impairment.loss {
        Loss::Random(share) => put("loss", share.into()),
        Loss::Bursts(bursts) => {
            let share = bursts.enter / (bursts.enter + bursts.leave);
            put("burst_loss", json!([share, 1.0 / bursts.leave]))
        }
        _ => put("loss", 0.0.into()),
    };
    put("reorder", impairment.reorder.into());
    put("duplicate", impairment.duplicate.into());
    put("corrupt", impairment.corrupt.into());
    put("rate", impairment.rate.into());
    put("queue", impairment.limit.into());
    let trace = way.trace.as_ref().map(|trace| {
        json!({
            "opportunities": trace.opportunities(),
            "seconds": trace.period().as_secs_f64(),
            "rate": trace.bits_per_second(),
        })
    });
    put("trace", trace.into());
    put(
        "frames",
        json!({
            "offered": counted.offered, "overflowed": counted.overflowed, "lost": counted.lost,
            "corrupted": counted.corrupted, "duplicated": counted.duplicated,
            "reordered": counted.reordered, "delivered": counted.delivered,
        }),
    );
    Value::Object(all)
}

#[cfg(test)]
mod tests;
