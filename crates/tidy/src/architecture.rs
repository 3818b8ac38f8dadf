//! What `ARCHITECTURE.md` promises: the paths of its map and the functions of its trip.

/// A function that the trip names, and the file that it says it is in.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// `Stack::send` or `output`.
    pub function: String,
    /// From the root.
    pub path: String,
}

/// The steps: the table rows that hold a function in code marks, then a Rust file in code marks.
#[must_use]
pub fn steps(text: &str) -> Vec<Step> {
    let rows = text.lines().filter(|line| line.starts_with('|'));
    rows.flat_map(|line| {
        let mut functions = Vec::new();
        let mut found = Vec::new();
        for code in line.split('`').skip(1).step_by(2) {
            if code.ends_with(".rs") {
                let path = code.to_owned();
                found.extend(functions.drain(..).map(|f| Step { function: f, path: path.clone() }));
            } else {
                functions.push(code.to_owned());
            }
        }
        found
    })
    .collect()
}

/// Every path in code marks that begins with a folder of this project.
#[must_use]
pub fn paths(text: &str) -> Vec<&str> {
    let roots = ["crates/", "bench/", "fuzz/", "docs/", "examples/", "tests/", ".ci/"];
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| roots.iter().any(|root| code.starts_with(root)))
        .collect()
}
