//! `danja counters`: what the stacks of the user's running hosts counted, as `nstat` shows it.

use crate::args::{CountersArgs, Talk};
use crate::failure::Failure;
use crate::look;
use crate::output::{data, exit};
use crate::table::Table;
use serde_json::Value;
use std::process::ExitCode;

pub(crate) fn run(args: &CountersArgs, _: Talk) -> Result<ExitCode, Failure> {
    let mut told = look::ask("/api/counters", &args.whose)?;
    let parts: Vec<String> = args.parts.iter().map(|part| part.to_ascii_lowercase()).collect();
    let is_wanted = |name: &str, value: &Value| {
        let name = name.to_ascii_lowercase();
        (args.all || value.as_u64() != Some(0))
            && (parts.is_empty() || parts.iter().any(|part| name.contains(part)))
    };
    for host in &mut told {
        if let Some(Value::Object(counters)) = host.value.get_mut("counters") {
            counters.retain(|name, value| is_wanted(name, value));
        }
    }
    if args.whose.json {
        data(&look::json(&told))?;
        return Ok(exit(true));
    }
    let mut table = Table::new(&["Counter", ">Value", "Host"]);
    for host in &told {
        let counters = host.value.get("counters").and_then(Value::as_object);
        for (name, value) in counters.into_iter().flatten() {
            table.row(vec![name.clone(), value.to_string(), host.title()]);
        }
    }
    data(&table.text())?;
    Ok(exit(true))
}
