//! Asks the user's running hosts for what several commands show. Shows nothing itself.

use crate::args::Whose;
use crate::failure::Failure;
use crate::output::talk;
use danja_gateway::inspect::{AskError, Running, running};
use serde_json::{Value, json};

/// A host of a running process, and what it told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) process: u32,
    pub(crate) host: String,
    /// The object of its own in the answer.
    pub(crate) value: Value,
}

impl Told {
    /// The list under this name.
    pub(crate) fn list(&self, key: &str) -> Vec<Value> {
        self.value.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// `NAME@PID`, by which it can be named.
    pub(crate) fn title(&self) -> String {
        format!("{}@{}", self.host, self.process)
    }
}

/// Everybody who can be asked.
pub(crate) fn everybody() -> Result<Vec<Running>, Failure> {
    running().map_err(Failure::new)
}

/// What the hosts that are asked for tell about `path`. Who does not answer is said on standard
/// error.
pub(crate) fn ask(path: &str, whose: &Whose) -> Result<Vec<Told>, Failure> {
    let mut told = Vec::new();
    for running in everybody()? {
        match running.ask(path) {
            Ok(answer) => told.extend(hosts(&answer, running.process)),
            // It ended between the two looks.
            Err(AskError::Gone) => {}
            Err(error) => {
                talk(&format!("danja: {} (process {}): {error}", running.name, running.process));
            }
        }
    }
    let Some(name) = &whose.host else {
        let is_router = |told: &Told| told.value.get("router").and_then(Value::as_bool);
        told.retain(|told| whose.routers || is_router(told) != Some(true));
        if told.is_empty() && !whose.json {
            talk("no host is running: `danja run`, `serve`, `get` and `ping` have one each");
        }
        return Ok(told);
    };
    let names: Vec<String> = told.iter().map(Told::title).collect();
    told.retain(|told| is_named(name, &told.host, told.process));
    if told.is_empty() {
        return Err(nobody(name, &names));
    }
    Ok(told)
}

/// Whether `name` is this host's: NAME or NAME@PID.
pub(crate) fn is_named(name: &str, host: &str, process: u32) -> bool {
    let (wanted, number) = match name.rsplit_once('@') {
        Some((wanted, number)) if number.parse::<u32>().is_ok() => (wanted, Some(number)),
        _ => (name, None),
    };
    wanted.eq_ignore_ascii_case(host) && number.is_none_or(|number| number == process.to_string())
}

/// No host has this name; these are there.
pub(crate) fn nobody(name: &str, names: &[String]) -> Failure {
    let there = if names.is_empty() {
        "no host is running".to_owned()
    } else {
        format!("there are {}", names.join(", "))
    };
    Failure::new(format_args!("no running host is called \u{2018}{name}\u{2019}: {there}"))
}

fn hosts(answer: &Value, process: u32) -> Vec<Told> {
    let hosts = answer.get("hosts").and_then(Value::as_array).cloned().unwrap_or_default();
    let told = |value: Value| {
        let host = text(&value, "host");
        Told { process, host, value }
    };
    hosts.into_iter().map(told).collect()
}

/// All that was told, as one JSON object for programs.
pub(crate) fn json(told: &[Told]) -> String {
    let each = |told: &Told| {
        let mut value = told.value.clone();
        if let Some(fields) = value.as_object_mut() {
            fields.insert("process".to_owned(), told.process.into());
        }
        value
    };
    format!("{:#}\n", json!({ "format": 1, "hosts": told.iter().map(each).collect::<Value>() }))
}

/// A field as text: nothing if it is not there.
pub(crate) fn text(value: &Value, field: &str) -> String {
    match value.get(field) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A field as a number; 0 if it is none.
pub(crate) fn number(value: &Value, field: &str) -> u64 {
    value.get(field).and_then(Value::as_u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_alone_or_with_its_process() {
        assert!(is_named("web", "web", 7) && is_named("WEB", "web", 7));
        assert!(is_named("web@7", "web", 7) && !is_named("web@8", "web", 7));
        assert!(is_named("a@b", "a@b", 7) && !is_named("we", "web", 7));
    }
}
