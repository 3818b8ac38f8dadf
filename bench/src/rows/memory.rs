//! Row 7: memory of an idle connection. Another program counts, whose allocator does: here that
//! would cost time.

use std::env;
use std::error::Error;
use std::process::Command;

use super::{Results, Row, Samples, Sizes, Target, Unit};
use crate::peers::{Peer, Smoltcp};

pub(super) fn row(sizes: &Sizes, results: &mut Results) -> Result<(), Box<dyn Error>> {
    // Cargo, if it has started us, builds the other program first; else it lies beside us.
    let mut command = if let Some(cargo) = env::var_os("CARGO") {
        let mut command = Command::new(cargo);
        command.args(["run", "-q", "--release", "--bin", "idle", "--manifest-path"]);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).arg("--");
        command
    } else {
        Command::new(env::current_exe()?.with_file_name("idle"))
    };
    command.arg(sizes.counted.to_string());
    let output = command.output().map_err(|error| format!("row 7's program: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let output = String::from_utf8(output.stdout)?;
    let counts: Result<Vec<f64>, _> = output.split_whitespace().map(str::parse).collect();
    let &[ours, theirs] = counts?.as_slice() else {
        return Err(format!("two counts were expected: {output}").into());
    };
    results.rows.push(Row {
        number: 7,
        what: format!("an idle connection's end, of {}", sizes.counted),
        unit: Unit::Bytes,
        target: Target::AtMost(640.0),
        // The same at each run: nothing here depends on time.
        ours: Samples(vec![ours]),
        theirs: Samples(vec![theirs]),
        against: Smoltcp::NAME,
    });
    Ok(())
}
