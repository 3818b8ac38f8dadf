//! Many scripts at once: which files, which of them are known not to apply and why, one line for
//! each, and the sum. Reads files; writes only to what it is given.

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

/// Scripts that are known not to apply to this stack, with the reason for each.
///
/// As text: a line is `PATTERN: reason`; in a pattern, which is compared with the end of a
/// script's path, `*` stands for anything. `#` begins a comment.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    lines: Vec<(String, String)>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// A line without a reason, quoted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = Vec::new();
        let is_line = |line: &&str| !line.is_empty() && !line.starts_with('#');
        for line in text.lines().map(str::trim).filter(is_line) {
            let (pattern, reason) =
                line.split_once(": ").ok_or_else(|| format!("\"{line}\": a reason is missing"))?;
            lines.push((pattern.trim().to_owned(), reason.trim().to_owned()));
        }
        Ok(Self { lines })
    }

    /// Why a script does not apply, if it is listed.
    pub fn reason(&self, path: &Path) -> Option<&str> {
        let path = path.to_string_lossy();
        let listed = self
            .lines
            .iter()
            .find(|(pattern, _)| matches(&format!("*/{pattern}"), &format!("/{path}")));
        listed.map(|(_, reason)| reason.as_str())
    }
}

/// Whether `text` fits `pattern`, in which `*` stands for anything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
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
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Runs scripts and writes a line about each (with `quiet`, only about those that fail). With a
/// manifest, what it lists must be what does not apply: a script that is skipped without being
/// listed fails, and so does one that is listed and passes.
///
/// # Errors
/// A file that cannot be read, or `out` cannot be written.
pub fn run_all(
    files: &[PathBuf],
    settings: &Settings,
    defined: &Definitions,
    manifest: Option<&Manifest>,
    quiet: bool,
    out: &mut dyn Write,
) -> io::Result<Summary> {
    let mut summary = Summary::default();
    for file in files {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file);
        let text =
            text.map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
        let listed = manifest.and_then(|manifest| manifest.reason(file));
        let verdict = parse(&name, &text, defined).map(|script| run(&script, settings));
        match (verdict, listed) {
            (Ok(Verdict::Pass), None) => {
                summary.passed += 1;
                if !quiet {
                    writeln!(out, "PASS {name}")?;
                }
            }
            (Ok(Verdict::Pass), Some(reason)) => {
                summary.failed += 1;
                writeln!(out, "FAIL {name}: listed as not applicable ({reason}), but it passes")?;
            }
            (Ok(Verdict::Skip { .. } | Verdict::Fail(_)), Some(reason)) => {
                summary.skipped += 1;
                if !quiet {
                    writeln!(out, "SKIP {name}: {reason}")?;
                }
            }
            (Ok(Verdict::Skip { line, reason }), None) if manifest.is_none() => {
                summary.skipped += 1;
                if !quiet {
                    writeln!(out, "SKIP {name}:{line}: {reason}")?;
                }
            }
            (Ok(Verdict::Skip { line, reason }), None) => {
                summary.failed += 1;
                writeln!(out, "FAIL {name}:{line}: not applicable, but not listed: {reason}")?;
            }
            (Ok(Verdict::Fail(difference)), None) => {
                summary.failed += 1;
                writeln!(out, "FAIL {name}:{}: {difference}", difference.line)?;
            }
            (Err(error), _) => {
                summary.failed += 1;
                writeln!(out, "FAIL {error}")?;
            }
        }
    }
    writeln!(out, "{summary}")?;
    Ok(summary)
}

/// What a personality defines for `#ifdef`.
pub fn definitions(personality: Personality) -> Definitions {
    match personality {
        Personality::Linux => Definitions::new().name("LINUX"),
        // The guide scripts' other branch is what FreeBSD does where the RFCs say otherwise.
        Personality::FreeBsd => Definitions::new().name("STANDARD"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Manifest, matches};
    use std::path::Path;

    #[test]
    fn patterns() {
        assert!(
            matches("a*c", "abc") && matches("a*c", "ac") && matches("*", "") && matches("a", "a")
        );
        assert!(
            matches("*b*d", "abcd")
                && !matches("a*c", "ab")
                && !matches("a", "ab")
                && !matches("ab*b", "ab")
        );
    }

    #[test]
    fn a_manifest_speaks_of_the_end_of_paths() {
        let manifest = Manifest::parse("# why\n\nx/*-6.pkt: IPv6\n a.pkt : other\n");
        let manifest = manifest.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(manifest.reason(Path::new("some/x/y-6.pkt")), Some("IPv6"));
        assert_eq!(manifest.reason(Path::new("x/y-6.pkt")), Some("IPv6"));
        assert_eq!(manifest.reason(Path::new("/x/a.pkt")), Some("other"));
        assert_eq!(manifest.reason(Path::new("/x/ba.pkt")), None);
        assert_eq!(manifest.reason(Path::new("yx/y-6.pkt")), None);
        assert!(Manifest::parse("x.pkt").is_err());
    }
}
