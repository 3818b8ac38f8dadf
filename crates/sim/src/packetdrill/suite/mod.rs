//! Many scripts at once: which files, which of them are known not to apply and why, one line for
//! each, and the sum. Reads files; writes only to what it is given.

mod manifest;

pub use manifest::Manifest;

use super::ast::Script;
use super::mutate::mutants;
use super::{Definitions, Personality, Settings, Verdict, parse, run};
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The scripts of `paths`: files as they are, directories with all `.pkt` files below them, in
/// the order of their names.
///
/// # Errors
/// A path that cannot be read, with its name.
pub fn scripts(paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        if path.metadata().map_err(named)?.is_dir() {
            let before = found.len();
            below(path, &mut found).map_err(named)?;
            if found.len() == before {
                return Err(named(io::Error::new(
                    io::ErrorKind::NotFound,
                    "no .pkt file is below this directory",
                )));
            }
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

fn below(directory: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries = directory.read_dir()?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            below(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            found.push(path);
        }
    }
    Ok(())
}

/// How many scripts ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Did what they say.
    pub passed: usize,
    /// Did not, or could not be read.
    pub failed: usize,
    /// Do not apply.
    pub skipped: usize,
    /// Mutants of those that passed, if they were asked for.
    pub mutants: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)?;
        if self.mutants > 0 {
            write!(f, "; {} mutants were tried", self.mutants)?;
        }
        Ok(())
    }
}

/// How to run many scripts.
#[derive(Clone, Copy, Debug)]
pub struct Suite<'a> {
    /// How to run each.
    pub settings: Settings,
    /// What is defined for each.
    pub defined: &'a Definitions,
    /// With a manifest, what it lists must be what does not apply: a script that is skipped without
    /// being listed fails, and so does one that is listed and passes.
    pub manifest: Option<&'a Manifest>,
    /// Write a line only about scripts that fail.
    pub quiet: bool,
    /// Run the mutants of each script that passes as well: one that passes too is a failure.
    pub mutants: bool,
}

/// How one script ended.
enum Outcome {
    Passed(String),
    Failed(String),
    Skipped(String),
}

impl Suite<'_> {
    /// Runs scripts, writes a line about each, and the sum.
    ///
    /// # Errors
    /// A file that cannot be read, or `out` cannot be written.
    pub fn run(&self, files: &[PathBuf], out: &mut dyn Write) -> io::Result<Summary> {
        let mut summary = Summary::default();
        for file in files {
            let name = file.display().to_string();
            let bytes = std::fs::read(file);
            let bytes =
                bytes.map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
            match self.outcome(file, &name, bytes, &mut summary) {
                Outcome::Passed(line) => {
                    summary.passed += 1;
                    if !self.quiet {
                        writeln!(out, "PASS {line}")?;
                    }
                }
                Outcome::Skipped(line) => {
                    summary.skipped += 1;
                    if !self.quiet {
                        writeln!(out, "SKIP {line}")?;
                    }
                }
                Outcome::Failed(line) => {
                    summary.failed += 1;
                    writeln!(out, "FAIL {line}")?;
                }
            }
        }
        writeln!(out, "{summary}")?;
        Ok(summary)
    }

    fn outcome(&self, file: &Path, name: &str, bytes: Vec<u8>, summary: &mut Summary) -> Outcome {
        let text = match text(bytes) {
            Ok(text) => text,
            Err(what) => return Outcome::Failed(format!("{name}: {what}")),
        };
        let script = match parse(name, &text, self.defined) {
            Ok(script) => script,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        let extra = self.manifest.and_then(|manifest| manifest.extra(file));
        let extra = extra.filter(|_| self.settings.strict);
        let listed = self.manifest.and_then(|manifest| manifest.reason(file));
        match (run(&script, &self.settings), listed) {
            (Verdict::Pass, Some(reason)) => Outcome::Failed(format!(
                "{name}: listed as not applicable ({reason}), but it passes"
            )),
            (Verdict::Pass, None) => match extra {
                Some(reason) => Outcome::Failed(format!(
                    "{name}: listed as quieter than the stack ({reason}), but it passes strictly"
                )),
                None => self.mutated(name.to_owned(), &script, self.settings.strict, summary),
            },
            (Verdict::Skip { .. } | Verdict::Fail(_), Some(reason)) => {
                Outcome::Skipped(format!("{name}: {reason}"))
            }
            (Verdict::Skip { line, reason }, None) if self.manifest.is_none() => {
                Outcome::Skipped(format!("{name}:{line}: {reason}"))
            }
            (Verdict::Skip { line, reason }, None) => {
                Outcome::Failed(format!("{name}:{line}: not applicable, but not listed: {reason}"))
            }
            (Verdict::Fail(difference), None) => {
                let lenient = Settings { strict: false, ..self.settings };
                match extra {
                    Some(reason) if run(&script, &lenient) == Verdict::Pass => {
                        let line = format!("{name} (not strictly: {reason})");
                        self.mutated(line, &script, false, summary)
                    }
                    _ => Outcome::Failed(format!("{name}:{}: {difference}", difference.line)),
                }
            }
        }
    }

    /// A script that passes, after a look at its mutants; those with an extra packet only where
    /// it passes strictly.
    fn mutated(
        &self,
        line: String,
        script: &Script,
        extra: bool,
        summary: &mut Summary,
    ) -> Outcome {
        if !self.mutants {
            return Outcome::Passed(line);
        }
        let mut survivors = Vec::new();
        let all = mutants(script, self.settings.personality);
        for mutant in all.into_iter().filter(|mutant| extra || !mutant.strict) {
            let settings = Settings { strict: mutant.strict, ..self.settings };
            summary.mutants += 1;
            if run(&mutant.script, &settings) == Verdict::Pass {
                survivors.push(format!("\n  line {}: {}", mutant.line, mutant.what));
            }
        }
        if survivors.is_empty() {
            return Outcome::Passed(line);
        }
        Outcome::Failed(format!("{line}: passes, and so do its mutants with{}", survivors.concat()))
    }
}

/// A script's text.
fn text(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("this is no script: line {line} is not text (UTF-8)")
    })?;
    // A mark of byte order, as some editors put before a text.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// What a personality defines for `#ifdef`.
pub fn definitions(personality: Personality) -> Definitions {
    match personality {
        Personality::Linux => Definitions::new().name("LINUX"),
        // The guide scripts' other branch is what FreeBSD does where the RFCs say otherwise.
        Personality::FreeBsd => Definitions::new().name("STANDARD"),
    }
}
