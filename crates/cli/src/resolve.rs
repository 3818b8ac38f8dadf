//! `danja resolve`: a name's addresses.

use crate::args::ResolveArgs;
use crate::failure::Failure;
use crate::network::Network;
use crate::output::{data, exit};
use serde_json::json;
use std::process::ExitCode;

pub(crate) fn run(args: &ResolveArgs) -> Result<ExitCode, Failure> {
    let network = Network::new(&args.network, "resolve")?;
    if !network.is_built_in() && args.network.tap.dns.is_none() {
        return Err(Failure::new(
            "which server shall be asked? Add --dns SERVER, such as --dns 192.168.7.1",
        ));
    }
    let found = network.host.resolve(&args.name);
    network.finish();
    let addresses = found.map_err(|error| Failure::new(network.no_name(error)))?;
    let text = if args.json {
        format!("{:#}\n", json!({ "format": 1, "name": args.name, "addresses": addresses }))
    } else {
        addresses.iter().map(|address| format!("{address}\n")).collect()
    };
    data(&text)?;
    Ok(exit(!addresses.is_empty()))
}
