//! The rules of `CONTRIBUTING.md` that a program can check, one test a rule.
//! Every test gathers all faults before it fails, each with its file and line and what to do.

mod citations;
mod languages;
mod layers;
mod map;
mod measure;
mod metadata;
mod packages;
mod purity;
mod words;

/// Fails with every fault on a line of its own.
fn none(what: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{what}:\n{}", faults.join("\n"));
}
