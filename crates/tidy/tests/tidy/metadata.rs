//! What every package says of itself, and the files that the front door needs.

use danja_tidy::Project;

use crate::none;

#[test]
fn every_package_has_its_metadata() {
    let project = Project::read();
    let mut faults = Vec::new();
    for package in &project.packages {
        for key in ["version", "edition", "rust-version", "license"] {
            let shared = package.package.get(key).and_then(|value| value.get("workspace"));
            if shared.and_then(|on| on.as_bool()) != Some(true) {
                faults.push(format!("{}: {key}.workspace = true is missing", package.name));
            }
        }
        let says = package.package.get("description").and_then(|text| text.as_str());
        if says.is_none_or(|text| text.len() < 20) {
            faults.push(format!("{}: a description is missing", package.name));
        }
    }
    none("metadata", &faults);
}

#[test]
fn the_front_door_is_there() {
    let project = Project::read();
    for path in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "deny.toml",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        ".ci/run",
        "Cargo.lock",
        "tests/allowed-skips.txt",
    ] {
        assert!(project.root.join(path).is_file(), "{path} is missing");
    }
    let toolchain = ["rust-toolchain", "rust-toolchain.toml"];
    assert!(toolchain.iter().all(|path| !project.root.join(path).exists()), "no toolchain file");
    let readme = project.text("README.md");
    for command in ["cargo run --release -- run -- curl http://danja/", "cargo test --workspace"] {
        assert!(readme.contains(command), "README.md lacks `{command}`");
    }
    assert!(project.text("CHANGELOG.md").contains("## [Unreleased]"), "CHANGELOG.md");
}

/// Every skip that CI forgives is named with its reason: `name: reason`.
#[test]
fn allowed_skips_have_reasons() {
    let project = Project::read();
    let lines = project.text("tests/allowed-skips.txt").lines();
    for line in lines.filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let reason = line.split_once(": ").map_or("", |(_, reason)| reason);
        assert!(reason.len() > 20, "tests/allowed-skips.txt: no reason in {line:?}");
    }
}
