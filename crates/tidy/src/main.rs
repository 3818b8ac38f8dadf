//! Prints every row of `docs/requirements/` with its state and the places that cite it.

use std::io::{self, BufWriter, Write};

use danja_tidy::{Project, citation, requirement};

/// Places that are shown of each row.
const SHOWN: usize = 6;

fn main() -> io::Result<()> {
    let project = Project::read();
    let citations: Vec<_> = project.sources.iter().flat_map(citation::citations).collect();
    let (rows, faults) = requirement::requirements(&project);
    let mut out = BufWriter::new(io::stdout().lock());
    for row in &rows {
        let cited = row.cited(&citations);
        let places: Vec<_> =
            cited.iter().take(SHOWN).map(|c| format!("{}:{}", c.path, c.line)).collect();
        writeln!(out, "{}\t{:?}\t{}\t{}", row.id, row.state, row.words, places.join(" "))?;
    }
    for fault in faults {
        writeln!(out, "{fault}")?;
    }
    out.flush()
}
