//! The stack and the formats are values: no clock, thread, lock, file or network in them or in
//! what they depend on; and `unsafe` only in the rooms for it.

use std::collections::BTreeSet;

use danja_tidy::Project;
use toml::Table;

use crate::none;

const PURE: [&str; 2] = ["danja-wire", "danja-stack"];

/// All that the pure packages may depend on, with its own dependencies: none of them performs I/O.
const PURE_DEPENDENCIES: [&str; 17] = [
    "allocator-api2",
    "bytes",
    "danja-stack",
    "danja-wire",
    "equivalent",
    "foldhash",
    "hashbrown",
    // Of the feature `serde`; the last five are the macro's, while building.
    "serde",
    "serde_core",
    "serde_derive",
    "proc-macro2",
    "quote",
    "syn",
    "unicode-ident",
    "siphasher",
    "zerocopy",
    "zerocopy-derive",
];

const IMPURE: [&str; 9] = [
    "std::time",
    "std::thread",
    "std::net",
    "std::sync",
    "std::fs",
    "std::io",
    "Instant::now",
    "SystemTime",
    "Mutex",
];

/// The only folders with `unsafe` code.
const UNSAFE: [&str; 4] = [
    "crates/lan/src/sys/",
    "crates/lan/src/sys.rs",
    "crates/run/src/sys/",
    "crates/run/src/sys.rs",
];

#[test]
fn the_pure_packages_are_no_std_and_name_nothing_impure() {
    let project = Project::read();
    let mut faults = Vec::new();
    for package in project.packages.iter().filter(|p| PURE.contains(&p.name.as_str())) {
        let root = format!("{}/src/lib.rs", package.folder);
        let inside = format!("{}/src/", package.folder);
        for source in project.sources_of(package).filter(|s| s.path.starts_with(&inside)) {
            if source.path == root {
                for attribute in ["#![no_std]", "#![forbid(unsafe_code)]"] {
                    if !source.code.contains(attribute) {
                        faults.push(format!("{root}: lacks {attribute}"));
                    }
                }
                for lint in ["unwrap_used", "expect_used", "indexing_slicing", "arithmetic_side"] {
                    if !source.code.contains(lint) {
                        faults.push(format!("{root}: does not deny clippy::{lint}…"));
                    }
                }
            }
            if source.is_test() {
                continue;
            }
            for name in IMPURE {
                faults.extend(
                    source.lines_with(name).map(|line| format!("{}:{line}: {name}", source.path)),
                );
            }
        }
    }
    none("the stack is a value", &faults);
}

#[test]
fn the_pure_packages_depend_on_nothing_impure() {
    let project = Project::read();
    let lock: Table = project.text("Cargo.lock").parse().expect("Cargo.lock is TOML");
    let locked = lock.get("package").and_then(|list| list.as_array()).expect("it lists packages");
    let mut open: Vec<String> = project
        .packages
        .iter()
        .filter(|package| PURE.contains(&package.name.as_str()))
        .flat_map(|package| package.dependencies.clone())
        .collect();
    assert!(!open.is_empty(), "the stack depends on the formats at least");
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !seen.insert(name.clone()) || name.starts_with("danja") {
            continue;
        }
        let of = locked.iter().filter_map(|package| package.as_table());
        for package in of.filter(|p| p.get("name").and_then(|n| n.as_str()) == Some(&name)) {
            let next = package.get("dependencies").and_then(|list| list.as_array());
            // An entry is a name, or a name and a version where there are several.
            let names = next.into_iter().flatten().filter_map(|entry| entry.as_str());
            open.extend(names.filter_map(|entry| entry.split(' ').next()).map(str::to_owned));
        }
    }
    let faults: Vec<String> = seen
        .into_iter()
        .filter(|name| !PURE_DEPENDENCIES.contains(&name.as_str()))
        .map(|name| format!("{name}: is it pure? then name it in PURE_DEPENDENCIES"))
        .collect();
    none("the pure packages depend on", &faults);
}

#[test]
fn unsafe_code_is_only_in_its_rooms() {
    let project = Project::read();
    let mut faults = Vec::new();
    for source in &project.sources {
        if UNSAFE.iter().any(|room| source.path.starts_with(room)) {
            continue;
        }
        let places = source.words().filter(|(_, word)| *word == "unsafe");
        faults.extend(places.map(|(line, _)| format!("{}:{line}: unsafe", source.path)));
    }
    none("unsafe outside its rooms", &faults);
}
