//! `danja link`: shows the links of running hosts, and changes one. The change itself happens in
//! the host's own process.

use crate::args::{LinkCommandArgs, Talk};
use crate::failure::Failure;
use crate::look::{self, is_named, nobody, number, text};
use crate::output::{data, exit, talk};
use danja_gateway::inspect::{AskError, Running};
use serde_json::{Value, json};
use std::fmt::Write;
use std::process::ExitCode;

/// A link of a running process.
struct Link {
    running: Running,
    host: String,
    state: Value,
}

pub(crate) fn run(args: &LinkCommandArgs, _: Talk) -> Result<ExitCode, Failure> {
    let mut asked = args.set.change().map_err(Failure::new)?;
    if args.reset {
        asked.insert("reset".to_owned(), true.into());
    }
    if args.up || args.down {
        asked.insert("connected".to_owned(), args.up.into());
    }
    let mut links = links()?;
    if let Some(name) = &args.name {
        let names: Vec<String> = links.iter().map(title).collect();
        links.retain(|link| is_named(name, &link.host, link.running.process));
        if links.is_empty() {
            return Err(nobody(name, &names));
        }
    }
    if !asked.is_empty() {
        links = vec![change(args, links, asked.into())?];
    }
    if args.json {
        let each = |link: &Link| {
            let mut state = link.state.clone();
            if let Some(fields) = state.as_object_mut() {
                fields.insert("process".to_owned(), link.running.process.into());
            }
            state
        };
        let all: Value = links.iter().map(each).collect();
        data(&format!("{:#}\n", json!({ "format": 1, "links": all })))?;
    } else {
        if links.is_empty() {
            talk("no host is running: `danja run`, `serve`, `get` and `ping` have one each");
        }
        data(&links.iter().map(describe).collect::<String>())?;
    }
    Ok(exit(true))
}

fn title(link: &Link) -> String {
    format!("{}@{}", link.host, link.running.process)
}

/// The links of all running hosts that can be changed.
fn links() -> Result<Vec<Link>, Failure> {
    let mut found = Vec::new();
    for running in look::everybody()? {
        match running.ask("/api/link") {
            Ok(answer) => {
                let links = answer.get("links").and_then(Value::as_array).cloned();
                found.extend(links.unwrap_or_default().into_iter().map(|state| Link {
                    running: running.clone(),
                    host: text(&state, "host"),
                    state,
                }));
            }
            Err(AskError::Gone) => {}
            Err(error) => {
                talk(&format!("danja: {} (process {}): {error}", running.name, running.process));
            }
        }
    }
    Ok(found)
}

/// Changes the one that is meant; it, with its state after that.
fn change(args: &LinkCommandArgs, links: Vec<Link>, mut asked: Value) -> Result<Link, Failure> {
    let names: Vec<String> = links.iter().map(title).collect();
    let several = |what: &str| {
        Failure::new(format_args!("{what}: write danja link {} \u{2026}", names.join(" or ")))
    };
    if args.name.is_none() {
        return Err(match names.as_slice() {
            [] => Failure::new("no host is running whose link could be changed"),
            _ => several("whose link?"),
        });
    }
    let [link] =
        <[Link; 1]>::try_from(links).map_err(|_| several("that name is several hosts'"))?;
    if let Some(fields) = asked.as_object_mut() {
        fields.insert("host".to_owned(), link.host.clone().into());
    }
    let told = link.running.tell("/api/link", &asked).map_err(|error| {
        Failure::new(format_args!("{} (process {}): {error}", link.host, link.running.process))
    })?;
    let state = told.get("links").and_then(|links| links.get(0)).cloned();
    Ok(Link { state: state.unwrap_or_default(), ..link })
}

fn describe(link: &Link) -> String {
    let connected = link.state.get("connected").and_then(Value::as_bool) != Some(false);
    let mut lines = format!("{}: {}\n", title(link), if connected { "up" } else { "down" });
    for (name, way) in [("from it", "transmit"), ("to it", "receive")] {
        let empty = Value::Null;
        let way = link.state.get(way).unwrap_or(&empty);
        let _ = writeln!(lines, "  {:<8} {}", format!("{name}:"), troubles(way));
        if let Some(frames) = way.get("frames").filter(|frames| number(frames, "offered") > 0) {
            let _ = writeln!(lines, "           {}", counted(frames));
        }
    }
    lines
}

/// What is wrong with one way, in words.
fn troubles(way: &Value) -> String {
    let value = |field| way.get(field).and_then(Value::as_f64).unwrap_or(0.0);
    let percent = |share: f64| format!("{}%", (share * 1e6).round() / 1e4);
    let mut words = Vec::new();
    if value("delay") > 0.0 || value("jitter") > 0.0 {
        let mut word = format!("delay {} ms", value("delay") * 1e3);
        if value("jitter") > 0.0 {
            let _ = write!(word, " \u{b1} {} ms", value("jitter") * 1e3);
        }
        words.push(word);
    }
    if let Some([share, length]) =
        way.get("burst_loss").and_then(Value::as_array).map(Vec::as_slice)
    {
        let (share, length) = (share.as_f64().unwrap_or(0.0), length.as_f64().unwrap_or(1.0));
        words.push(format!("loss {} in bursts of {length:.1}", percent(share)));
    }
    for field in ["loss", "reorder", "duplicate", "corrupt"] {
        if value(field) > 0.0 {
            words.push(format!("{field} {}", percent(value(field))));
        }
    }
    let trace = way.get("trace").filter(|trace| !trace.is_null());
    let rate = trace.map_or_else(|| number(way, "rate"), |trace| number(trace, "rate"));
    if rate > 0 {
        let word = if trace.is_some() { "trace of" } else { "rate" };
        words.push(format!("{word} {} mbit, queue {}", rate as f64 / 1e6, number(way, "queue")));
    }
    if words.is_empty() { "nothing is wrong".to_owned() } else { words.join(", ") }
}

fn counted(frames: &Value) -> String {
    let names =
        ["offered", "delivered", "lost", "overflowed", "corrupted", "duplicated", "reordered"];
    let counts = names.iter().map(|name| (name, number(frames, name)));
    let words: Vec<String> = counts
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    format!("frames: {}", words.join(", "))
}
