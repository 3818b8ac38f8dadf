//! The list of a suite's scripts that are known not to apply to this stack, or to be quieter than
//! it, with the reasons. Reads no file.

use std::path::Path;

/// Scripts that are known not to apply to this stack, and those that do not expect all it sends,
/// with the reason for each.
///
/// As text: a line is `PATTERN: reason`, or `strict PATTERN: reason` for a script that passes, but
/// not strictly; in a pattern, which is compared with the end of a script's path, `*` stands for
/// anything. `#` begins a comment.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// Pattern and reason.
    absent: Vec<(String, String)>,
    quieter: Vec<(String, String)>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// A line without a reason, quoted.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut manifest = Self::default();
        let is_line = |line: &&str| !line.is_empty() && !line.starts_with('#');
        for line in text.lines().map(str::trim).filter(is_line) {
            let (pattern, reason) =
                line.split_once(": ").ok_or_else(|| format!("\"{line}\": a reason is missing"))?;
            let reason = reason.trim().to_owned();
            match pattern.strip_prefix("strict ") {
                Some(pattern) => manifest.quieter.push((pattern.trim().to_owned(), reason)),
                None => manifest.absent.push((pattern.trim().to_owned(), reason)),
            }
        }
        Ok(manifest)
    }

    /// Why a script does not apply, if it is listed.
    pub fn reason(&self, path: &Path) -> Option<&str> {
        find(&self.absent, path)
    }

    /// Why this stack sends more than a script expects, if it is listed.
    pub fn extra(&self, path: &Path) -> Option<&str> {
        find(&self.quieter, path)
    }
}

fn find<'a>(lines: &'a [(String, String)], path: &Path) -> Option<&'a str> {
    let path = format!("/{}", path.to_string_lossy());
    let listed = lines.iter().find(|(pattern, _)| matches(&format!("*/{pattern}"), &path));
    listed.map(|(_, reason)| reason.as_str())
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
        let text = "# why\n\nx/*-6.pkt: IPv6\n a.pkt : other\nstrict b.pkt: an answer\n";
        let manifest = Manifest::parse(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(manifest.reason(Path::new("some/x/y-6.pkt")), Some("IPv6"));
        assert_eq!(manifest.reason(Path::new("x/y-6.pkt")), Some("IPv6"));
        assert_eq!(manifest.reason(Path::new("/x/a.pkt")), Some("other"));
        assert_eq!(manifest.reason(Path::new("/x/ba.pkt")), None);
        assert_eq!(manifest.reason(Path::new("yx/y-6.pkt")), None);
        assert_eq!(manifest.extra(Path::new("x/b.pkt")), Some("an answer"));
        assert_eq!(manifest.reason(Path::new("x/b.pkt")), None);
        assert_eq!(manifest.extra(Path::new("x/a.pkt")), None);
        assert!(Manifest::parse("x.pkt").is_err());
    }
}
