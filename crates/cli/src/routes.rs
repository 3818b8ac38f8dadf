//! `danja routes`: where the user's running hosts send what.

use crate::args::{RoutesArgs, Talk};
use crate::failure::Failure;
use crate::look::{self, text};
use crate::output::{data, exit};
use crate::table::Table;
use std::process::ExitCode;

pub(crate) fn run(args: &RoutesArgs, _: Talk) -> Result<ExitCode, Failure> {
    let told = look::ask("/api/routes", &args.whose)?;
    if args.whose.json {
        data(&look::json(&told))?;
        return Ok(exit(true));
    }
    let mut table = Table::new(&["Destination", "Via", "Interface", ">Metric", "Host"]);
    for host in &told {
        for route in host.list("routes") {
            let cell = |field| text(&route, field);
            table.row(vec![
                cell("destination"),
                cell("gateway"),
                cell("interface"),
                cell("metric"),
                host.title(),
            ]);
        }
    }
    data(&table.text())?;
    Ok(exit(true))
}
