//! `danja resolve`: a name's addresses.

use crate::args::{ResolveArgs, Talk};
use crate::failure::Failure;
use crate::network::Network;
use crate::output::{data, exit, talk};
use crate::quantity::human_time;
use serde_json::json;
use std::process::ExitCode;
use std::time::Instant;

pub(crate) fn run(args: &ResolveArgs, verbosity: Talk) -> Result<ExitCode, Failure> {
    let network = Network::new(&args.network, "resolve")?;
    if network.name_server(&args.network).is_none() {
        return Err(Failure::new(
            "which server shall be asked? Add --dns SERVER, such as --dns 192.168.7.1",
        ));
    }
    let began = Instant::now();
    let found = network.host.resolve(&args.name);
    let took = began.elapsed();
    network.finish();
    if verbosity.verbose > 0 {
        let server = network.name_server(&args.network).map(|server| server.to_string());
        let server = server.unwrap_or_default();
        talk(&format!("* asked {server} for {} ({})", args.name, human_time(took)));
    }
    let addresses = found.map_err(|error| Failure::new(network.no_name(error)))?;
    let text = if args.json {
        format!("{:#}\n", json!({ "format": 1, "name": args.name, "addresses": addresses }))
    } else {
        addresses.iter().map(|address| format!("{address}\n")).collect()
    };
    data(&text)?;
    Ok(exit(!addresses.is_empty()))
}
