//! What a package's `Cargo.toml` says about itself and about its dependencies.

use toml::Table;

/// One package of the workspace.
#[derive(Debug)]
pub struct Manifest {
    /// `danja-wire` and its kin.
    pub name: String,
    /// Its folder, from the root.
    pub folder: String,
    /// Names of its ordinary dependencies, as in the table's keys.
    pub dependencies: Vec<String>,
    /// Names of its development dependencies.
    pub dev_dependencies: Vec<String>,
    /// Its `[package]` table.
    pub package: Table,
    /// Its `[lints]` table.
    pub lints: Table,
}

impl Manifest {
    /// Reads a manifest; `None` for one without a package (the workspace's root).
    ///
    /// # Panics
    /// When the text is not TOML.
    #[must_use]
    pub fn parse(path: &str, text: &str) -> Option<Self> {
        let table: Table = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        let package = table.get("package")?.as_table()?.clone();
        let name = package.get("name")?.as_str()?.to_owned();
        Some(Self {
            name,
            folder: path.trim_end_matches("Cargo.toml").trim_end_matches('/').to_owned(),
            dependencies: keys(&table, &["dependencies", "build-dependencies"]),
            dev_dependencies: keys(&table, &["dev-dependencies"]),
            package,
            lints: table.get("lints").and_then(|l| l.as_table()).cloned().unwrap_or_default(),
        })
    }
}

/// The keys of these tables, at the top and under every `[target.….]`.
fn keys(table: &Table, kinds: &[&str]) -> Vec<String> {
    let targets = table.get("target").and_then(|target| target.as_table());
    let nested = targets.into_iter().flat_map(|t| t.values()).filter_map(|t| t.as_table());
    let mut found: Vec<String> = std::iter::once(table)
        .chain(nested)
        .flat_map(|t| kinds.iter().filter_map(|kind| t.get(*kind)?.as_table()))
        .flat_map(|dependencies| dependencies.keys().cloned())
        .collect();
    found.sort();
    found.dedup();
    found
}
