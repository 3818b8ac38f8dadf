//! What happens to a script's text before it is parsed: `#ifdef` blocks are taken or blanked,
//! defined words are replaced. Line numbers stay true.

use super::error::ParseError;
use std::collections::{BTreeMap, BTreeSet};

/// Words of the language itself; a definition never replaces them.
const KEYWORDS: &[&str] = &[
    "ack",
    "win",
    "urg",
    "mss",
    "nop",
    "eol",
    "wscale",
    "sackOK",
    "sack",
    "TS",
    "val",
    "ecr",
    "md5",
    "FO",
    "FOEXP",
    "ECN",
    "e0b",
    "e1b",
    "ceb",
    "icmp",
    "udp",
    "raw",
    "mtu",
    "id",
    "noecn",
    "ect0",
    "ect1",
    "ect01",
    "ce",
    "tos",
    "ttl",
    "class",
    "hlim",
    "flowlabel",
    "ipv4",
    "ipv6",
    "gre",
    "mpls",
    "encap",
];

/// The names a script may ask about with `#ifdef`, and the words that stand for a value.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    names: BTreeSet<String>,
    values: BTreeMap<String, String>,
}

impl Definitions {
    /// Nothing defined.
    pub fn new() -> Self {
        Self::default()
    }

    /// `#ifdef NAME` is taken.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.names.insert(name.to_owned());
        self
    }

    /// The bare word `name` stands for `value`: a number, a word, a `"string"` or a
    /// back-quoted command. `#ifdef name` is taken too.
    pub fn define(&mut self, name: &str, value: &str) {
        self.names.insert(name.to_owned());
        self.values.insert(name.to_owned(), value.to_owned());
    }
}

/// The text with untaken blocks and directives blanked and defined words replaced.
pub(super) fn prepare(file: &str, text: &str, defined: &Definitions) -> Result<String, ParseError> {
    let text = conditionals(file, text, defined)?;
    Ok(if defined.values.is_empty() { text } else { substitute(&text, defined) })
}

fn conditionals(file: &str, text: &str, defined: &Definitions) -> Result<String, ParseError> {
    let mut out = String::with_capacity(text.len());
    // For each open block: its line and whether its lines are taken.
    let mut blocks: Vec<(usize, bool)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let error = |message: &str| ParseError {
            file: file.to_owned(),
            line: index + 1,
            column: 1,
            message: message.to_owned(),
            text: line.to_owned(),
        };
        let mut words = line.split_whitespace();
        match words.next() {
            Some(directive @ ("#ifdef" | "#ifndef")) => {
                let name = words.next().ok_or_else(|| error("a name is expected after #ifdef"))?;
                blocks.push((index, defined.names.contains(name) == (directive == "#ifdef")));
            }
            Some("#else") => {
                let block = blocks.last_mut().ok_or_else(|| error("#else without #ifdef"))?;
                block.1 = !block.1;
            }
            Some("#endif") => {
                blocks.pop().ok_or_else(|| error("#endif without #ifdef"))?;
            }
            _ if blocks.iter().all(|block| block.1) => out.push_str(line),
            _ => {}
        }
        out.push('\n');
    }
    if let Some((line, _)) = blocks.pop() {
        return Err(ParseError {
            file: file.to_owned(),
            line: line + 1,
            column: 1,
            message: "#ifdef without #endif".to_owned(),
            text: text.lines().nth(line).unwrap_or_default().to_owned(),
        });
    }
    Ok(out)
}

/// What encloses a run of text that is copied as it stands.
const ENCLOSED: &[(&str, &str)] = &[("//", "\n"), ("/*", "*/"), ("`", "`"), ("%{", "}%")];

fn substitute(text: &str, defined: &Definitions) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length =
            if let Some((open, close)) = ENCLOSED.iter().find(|(open, _)| rest.starts_with(open)) {
                let body = rest.get(open.len()..).unwrap_or_default();
                body.find(close).map_or(rest.len(), |at| open.len() + at + close.len())
            } else if first == '"' {
                string_length(rest)
            } else if first.is_ascii_alphabetic() || first == '_' {
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len())
            } else if first.is_ascii_digit() {
                // A number with letters in it (0x1f) is no word.
                rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
        let (piece, after) = rest.split_at(length);
        match defined.values.get(piece) {
            Some(value) if !KEYWORDS.contains(&piece) => out.push_str(value),
            _ => out.push_str(piece),
        }
        rest = after;
    }
    out
}

/// Bytes of the string literal that `text` begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
