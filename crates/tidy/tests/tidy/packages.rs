//! What is published is whole: each package has what its page shows, and no file reaches out of it.

use std::path::{Component, Path, PathBuf};

use danja_tidy::{Manifest, Project, Source};
use toml::Value;

use crate::none;

/// Those that are published, which is all but those that say otherwise.
fn published(project: &Project) -> impl Iterator<Item = &Manifest> {
    project
        .packages
        .iter()
        .filter(|package| package.package.get("publish").and_then(Value::as_bool).unwrap_or(true))
}

fn strings<'a>(package: &'a Manifest, key: &str) -> Vec<&'a str> {
    let list = package.package.get(key).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn every_published_package_has_its_page() {
    let project = Project::read();
    let mut faults = Vec::new();
    for package in published(&project) {
        let mut fault = |what: &str| faults.push(format!("{}: {what}", package.name));
        // The registry takes five of each at the most.
        for key in ["keywords", "categories"] {
            if !(1..=5).contains(&strings(package, key).len()) {
                fault(&format!("1 to 5 {key}"));
            }
        }
        if package.package.get("readme").and_then(Value::as_str) != Some("README.md") {
            fault("readme = \"README.md\"");
        }
        let readme = project.text(&format!("{}/README.md", package.folder));
        let has_library = project.root.join(&package.folder).join("src/lib.rs").is_file();
        if !readme.contains(if has_library { "```rust" } else { "```console" }) {
            fault("an example in README.md");
        }
        let crate_text = format!("{}/src/lib.rs", package.folder);
        let tested = project.sources.iter().any(|source| {
            source.path == crate_text && source.text.contains("include_str!(\"../README.md\")")
        });
        if has_library && !tested {
            fault("src/lib.rs has README.md's example compiled (`cfg(doctest)`)");
        }
        for license in ["LICENSE-MIT", "LICENSE-APACHE"] {
            if project.text(&format!("{}/{license}", package.folder)) != project.text(license) {
                fault(&format!("{license} as in the root"));
            }
        }
        for key in ["repository", "homepage", "documentation"] {
            if package.package.contains_key(key) {
                fault(&format!("{key}: there is none yet"));
            }
        }
    }
    none("packages without a page", &faults);
}

#[test]
fn no_published_file_reaches_out_of_its_package() {
    let project = Project::read();
    let mut faults = Vec::new();
    for package in published(&project) {
        let left_out = strings(package, "exclude");
        for source in project.sources_of(package) {
            if left_out.iter().any(|pattern| matches(pattern, within(package, source))) {
                continue;
            }
            for (line, path) in named_files(source) {
                let folder = Path::new(&source.path).parent().unwrap_or_else(|| Path::new(""));
                if !resolve(&folder.join(path)).starts_with(&package.folder) {
                    faults.push(format!("{}:{line}: {path}", source.path));
                }
            }
        }
    }
    none("files of other packages, which a published one would lack", &faults);
}

fn within<'a>(package: &Manifest, source: &'a Source) -> &'a str {
    source.path.strip_prefix(&package.folder).unwrap_or(&source.path).trim_start_matches('/')
}

/// Of `.gitignore`'s patterns those that we use: a path, a folder, the Rust files in a folder.
fn matches(pattern: &str, path: &str) -> bool {
    if let Some(folder) = pattern.strip_suffix("*.rs") {
        return path.strip_prefix(folder).is_some_and(|rest| !rest.contains('/'));
    }
    path == pattern || pattern.ends_with('/') && path.starts_with(pattern)
}

/// The files that a source takes in, with the line.
fn named_files(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    const TAKES: [&str; 3] = ["include_str!(\"", "include_bytes!(\"", "#[path = \""];
    source.text.lines().enumerate().flat_map(|(index, line)| {
        TAKES.iter().filter_map(move |take| {
            let rest = line.split_once(take)?.1;
            Some((index + 1, rest.split_once('"')?.0))
        })
    })
}

/// The path without `..`.
fn resolve(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        if component == Component::ParentDir {
            resolved.pop();
        } else {
            resolved.push(component);
        }
    }
    resolved
}

#[test]
fn what_reaches_out_is_found() {
    let text = "#[path = \"../../../../tests/skip.rs\"]\nmod skip;\n";
    let source = Source::new("crates/lan/tests/common/mod.rs".to_owned(), text.to_owned());
    let [(line, path)] = named_files(&source).collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!(line, 1);
    assert_eq!(
        resolve(&Path::new("crates/lan/tests/common").join(path)),
        Path::new("tests/skip.rs")
    );
    assert!(matches("tests/", "tests/kernel/main.rs") && !matches("tests/", "src/tests.rs"));
    assert!(matches("tests/*.rs", "tests/a.rs") && !matches("tests/*.rs", "tests/common/a.rs"));
}
