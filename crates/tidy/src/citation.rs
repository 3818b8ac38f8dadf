//! Citations of RFCs in comments: `RFC 9293 §3.10.7.4 (fifth): …`, in one form.

use crate::Source;

/// A place in the code that names an RFC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// The file, from the root.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The RFC's number.
    pub rfc: u32,
    /// The section after `§`, such as `3.10.7.4`; empty when none is named.
    pub section: String,
    /// What stands in brackets after it, such as `fifth`; for a label, the label.
    pub detail: String,
}

impl Citation {
    /// Whether this names `label` (`MUST-23`) as a whole word.
    #[must_use]
    pub fn names(&self, label: &str) -> bool {
        self.detail.split([',', ' ', ';']).any(|word| word == label)
    }

    /// Whether the cited section is `section` or lies within it.
    #[must_use]
    pub fn within(&self, section: &str) -> bool {
        self.section
            .strip_prefix(section)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// All citations of a file, in order.
#[must_use]
pub fn citations(source: &Source) -> Vec<Citation> {
    let mut found = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        for (start, _) in line.match_indices("RFC ") {
            let rest = &line[start + 4..];
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let Ok(rfc) = rest[..digits].parse() else { continue };
            let (section, rest) = section(&rest[digits..]);
            found.push(Citation {
                path: source.path.clone(),
                line: index + 1,
                rfc,
                section: section.to_owned(),
                detail: detail(rest).to_owned(),
            });
        }
        found.extend(labels(line).map(|label| Citation {
            path: source.path.clone(),
            line: index + 1,
            rfc: 9293,
            section: String::new(),
            detail: label.to_owned(),
        }));
    }
    found
}

/// The labels of RFC 9293 that a line names, wherever they stand: no other RFC has such.
fn labels(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).filter(|word| {
        let number = KINDS.iter().find_map(|kind| word.strip_prefix(kind));
        number.is_some_and(is_number)
    })
}

/// What the labels of RFC 9293 begin with.
const KINDS: [&str; 4] = ["MUST-", "SHLD-", "MAY-", "REC-"];

/// The section after ` §`, and what follows it.
fn section(text: &str) -> (&str, &str) {
    let Some(rest) = text.strip_prefix(" §") else { return ("", text) };
    let end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'))
        .unwrap_or(rest.len());
    let (section, tail) = rest.split_at(end);
    (section.trim_end_matches(['.', '-']), tail)
}

/// What stands in brackets.
fn detail(text: &str) -> &str {
    let inside = text.strip_prefix(" (").and_then(|inside| inside.split(')').next());
    inside.unwrap_or("")
}

/// What is wrong with the way `line` cites, if anything.
#[must_use]
pub fn fault(line: &str) -> Option<&'static str> {
    let comment = line.trim_start().strip_prefix("//").map(|c| c.trim_start_matches(['/', '!']))?;
    let lower = comment.to_ascii_lowercase();
    for (start, _) in lower.match_indices("rfc") {
        let before = lower[..start].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '/') {
            continue;
        }
        let after = &comment[start + 3..];
        let joined = after.trim_start_matches('-');
        if joined.starts_with(|c: char| c.is_ascii_digit()) {
            return Some("write `RFC 9293`, with a space");
        }
        let Some(number) = after.strip_prefix(' ') else { continue };
        let rest = number.trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() == number.len() {
            continue;
        }
        let tail = rest.trim_start_matches([',', ' ']).to_ascii_lowercase();
        if tail.starts_with("section ") || tail.starts_with("sec.") || rest.starts_with("§") {
            return Some("write the section as ` §3.8.4`");
        }
        let bare = rest.strip_prefix(' ').unwrap_or("");
        if bare.contains('.') && bare.split('.').next().is_some_and(is_number) {
            return Some("write the section with its mark, ` §3.8.4`");
        }
    }
    leading(comment.trim_start())
}

/// A comment that begins with a citation goes on with a colon.
fn leading(comment: &str) -> Option<&'static str> {
    let rest = comment.strip_prefix("RFC ")?;
    let number = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let (section, tail) = section(number);
    let tail = match tail.strip_prefix(" (").and_then(|inside| inside.split_once(')')) {
        Some((_, after)) => after,
        None => tail,
    };
    let clause = tail.starts_with(": ") || tail == ":";
    (clause && section.is_empty() && rest.starts_with("9293"))
        .then_some("name the section of RFC 9293 that this clause is from")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
