//! `danja neighbours`: whom the user's running hosts know on their links.

use crate::args::{NeighboursArgs, Talk};
use crate::failure::Failure;
use crate::look::{self, text};
use crate::output::{data, exit};
use crate::table::Table;
use std::process::ExitCode;

pub(crate) fn run(args: &NeighboursArgs, _: Talk) -> Result<ExitCode, Failure> {
    let told = look::ask("/api/neighbours", &args.whose)?;
    if args.whose.json {
        data(&look::json(&told))?;
        return Ok(exit(true));
    }
    let mut table = Table::new(&["Address", "Interface", "MAC", "State", ">Queued", "Host"]);
    for host in &told {
        for neighbour in host.list("neighbours") {
            let cell = |field| text(&neighbour, field);
            table.row(vec![
                cell("address"),
                cell("interface"),
                cell("mac"),
                cell("state"),
                cell("queued"),
                host.title(),
            ]);
        }
    }
    data(&table.text())?;
    Ok(exit(true))
}
