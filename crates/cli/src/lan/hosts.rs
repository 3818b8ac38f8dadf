//! `danja hosts`: the LANs of the user and who is on them.

use super::KIND;
use super::client::ask;
use super::hello::{Answer, HostView, Question};
use crate::args::HostsArgs;
use crate::failure::Failure;
use crate::output::{data, talk};
use danja_gateway::inspect::RuntimeDir;
use serde::Serialize;
use std::process::ExitCode;

/// The number of the form of the JSON object.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Shown {
    format: u32,
    lans: Vec<LanView>,
}

#[derive(Serialize)]
struct LanView {
    name: String,
    mtu: usize,
    hosts: Vec<HostView>,
}

/// Lists them. A LAN that cannot be asked is told of on standard error.
///
/// # Errors
/// The runtime directory cannot be read, or a LAN could not be asked (code 1, after the others).
pub(crate) fn run(args: &HostsArgs) -> Result<ExitCode, Failure> {
    let mut code = ExitCode::SUCCESS;
    let mut shown = Shown { format: FORMAT, lans: Vec::new() };
    let found = match RuntimeDir::find().map_err(Failure::new)? {
        Some(directory) => directory.sockets(KIND).map_err(Failure::new)?,
        None => Vec::new(),
    };
    let wanted = |name: &str| args.lan.as_ref().is_none_or(|lan| lan == name);
    for (name, _) in found.into_iter().filter(|(name, _)| wanted(name)) {
        match ask(&name, &Question::List, None) {
            Ok(Some((_, Answer::Hosts { mtu, hosts }))) => {
                shown.lans.push(LanView { name, mtu, hosts });
            }
            // It ends, or has ended.
            Ok(_) => {}
            Err(failure) => code = failure.report(),
        }
    }
    if args.json {
        let text = serde_json::to_string(&shown).map_err(Failure::new)?;
        data(&(text + "\n"))?;
        return Ok(code);
    }
    let hosts = shown.lans.iter().flat_map(|lan| lan.hosts.iter().map(move |host| (lan, host)));
    let rows: Vec<[String; 7]> = hosts.map(|(lan, host)| row(lan, host)).collect();
    if rows.is_empty() {
        talk(&match &args.lan {
            None => "no LAN has a host now; danja run --lan NAME -- PROGRAM makes one".to_owned(),
            Some(lan) => format!(
                "the LAN \u{2018}{lan}\u{2019} has no host now; danja run --lan {lan} -- PROGRAM makes \
                 it, and danja hosts lists all that there are"
            ),
        });
        return Ok(code);
    }
    data(&table(rows))?;
    Ok(code)
}

const TITLES: [&str; 7] = ["LAN", "HOST", "ADDRESS", "PROCESS", "RECEIVED", "SENT", "DROPPED"];

fn row(lan: &LanView, host: &HostView) -> [String; 7] {
    [
        lan.name.clone(),
        host.name.clone(),
        host.address.to_string(),
        host.process.to_string(),
        host.received_frames.to_string(),
        host.transmitted_frames.to_string(),
        host.dropped_frames.to_string(),
    ]
}

/// Columns as wide as what stands in them.
fn table(rows: Vec<[String; 7]>) -> String {
    let mut all = vec![TITLES.map(str::to_owned)];
    all.extend(rows);
    let widths: [usize; 7] = std::array::from_fn(|column| {
        all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    all.iter().map(line).collect()
}
