//! Who may use whom (ARCHITECTURE.md, "The house").

use danja_tidy::{Manifest, Project};

use crate::none;

/// Package, and the packages of this workspace that its code may use.
const MAY_USE: &[(&str, &[&str])] = &[
    ("danja-wire", &[]),
    ("danja-stack", &["danja-wire"]),
    ("danja-lan", &["danja-wire"]),
    ("danja", &["danja-stack", "danja-lan", "danja-wire"]),
    ("danja-gateway", &["danja", "danja-lan"]),
    ("danja-run", &["danja", "danja-lan"]),
    (
        "danja-cli",
        &["danja", "danja-gateway", "danja-run", "danja-lan", "danja-stack", "danja-wire"],
    ),
    ("danja-sim", &["danja-stack", "danja-wire", "danja-lan"]),
    ("danja-integrations", &["danja", "danja-test"]),
    ("danja-test", &["danja", "danja-lan", "danja-test-macros"]),
    ("danja-test-macros", &[]),
    ("danja-tidy", &[]),
];

/// Benches and fuzz targets may use anything.
const FREE: [&str; 2] = ["danja-bench", "danja-fuzz"];

fn row(package: &Manifest) -> Option<&'static [&'static str]> {
    MAY_USE.iter().find(|(name, _)| *name == package.name).map(|(_, allowed)| *allowed)
}

#[test]
fn packages_use_only_what_stands_below_them() {
    let project = Project::read();
    assert!(project.packages.len() >= 4, "the packages were not found: {:?}", project.packages);
    let mut faults = Vec::new();
    for package in &project.packages {
        if FREE.contains(&package.name.as_str()) {
            continue;
        }
        let Some(allowed) = row(package) else {
            faults.push(format!("{}: say in MAY_USE what it may use", package.name));
            continue;
        };
        let used = package.dependencies.iter().chain(&package.dev_dependencies);
        for used in used.filter(|used| used.starts_with("danja") && **used != package.name) {
            if !allowed.contains(&used.as_str()) {
                faults.push(format!("{} may not use {used}", package.name));
            }
        }
    }
    none("a package uses what it may not", &faults);
}

/// What of `danja-lan` is pure: the model of a bad line, how a frame is cut as on a wire, and the
/// plain types of the trait.
const PURE: [&str; 3] = ["impair", "on_the_wire", "Medium"];

#[test]
fn the_simulation_uses_only_the_pure_part_of_the_drivers() {
    let project = Project::read();
    let mut faults = Vec::new();
    let sim = project.packages.iter().find(|package| package.name == "danja-sim");
    let sources = sim.into_iter().flat_map(|package| project.sources_of(package));
    for source in sources {
        for (start, name) in source.code.match_indices("danja_lan::") {
            let rest = &source.code[start + name.len()..];
            if !PURE.iter().any(|name| rest.starts_with(name)) {
                let line = source.code[..start].lines().count();
                faults.push(format!("{}:{line}: only danja_lan::{PURE:?}", source.path));
            }
        }
    }
    none("the simulation would perform I/O", &faults);
}
