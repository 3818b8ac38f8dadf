//! Reads docs/differences.md, the one list of what may differ. Judges nothing.

use std::path::Path;

use crate::place::Mode;

/// The list.
#[derive(Default, Debug)]
pub(crate) struct Differences {
    pub(crate) entries: Vec<Entry>,
}

/// One difference, with its reason.
#[derive(Default, Debug)]
pub(crate) struct Entry {
    /// Its heading.
    pub(crate) id: String,
    pub(crate) modes: Vec<Mode>,
    pub(crate) steps: Vec<Step>,
    pub(crate) why: String,
}

/// Where it shows.
#[derive(Debug)]
pub(crate) struct Step {
    /// The step's name; `*` stands for any part of it.
    pub(crate) pattern: String,
    /// What the kernel says, and what is said under danja; `*` for anything.
    pub(crate) kernel: String,
    pub(crate) ours: String,
}

impl Differences {
    /// The list in docs/differences.md.
    pub(crate) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/differences.md");
        Self::parse(&std::fs::read_to_string(path).unwrap())
    }

    /// Entries are headings of the third level. In each, a line `Modes: …` names the modes, and
    /// each item of a list names a step, what the kernel says and what is said here, each as code.
    /// All else is the reason.
    pub(crate) fn parse(text: &str) -> Self {
        let mut list = Self::default();
        for line in text.lines() {
            if let Some(id) = line.strip_prefix("### ") {
                let id = id.trim().to_owned();
                list.entries.push(Entry { id, ..Entry::default() });
                continue;
            }
            if line.starts_with('#') {
                // A section ends the entry before it.
                list.entries.push(Entry::default());
            }
            let Some(entry) = list.entries.last_mut().filter(|entry| !entry.id.is_empty()) else {
                continue;
            };
            if let Some(modes) = line.strip_prefix("Modes: ") {
                let modes = modes.trim_end_matches('.').split(", ");
                entry.modes = modes.map(|mode| mode.parse().unwrap()).collect();
            } else if line.starts_with("- `") {
                entry.steps.push(Step::parse(line));
            } else {
                entry.why += line;
            }
        }
        list.entries.retain(|entry| !entry.id.is_empty());
        list
    }
}

impl Step {
    fn parse(line: &str) -> Self {
        let code: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        let [pattern, kernel, ours] = code[..] else {
            panic!("not a step, what the kernel says and what is said here: {line}");
        };
        Self { pattern: pattern.into(), kernel: kernel.into(), ours: ours.into() }
    }

    /// Whether this is about the step and these values.
    pub(crate) fn covers(&self, step: &str, kernel: &str, ours: &str) -> bool {
        let fits = |pattern: &str, value: &str| matches(pattern, value);
        fits(&self.pattern, step) && fits(&self.kernel, kernel) && fits(&self.ours, ours)
    }
}

/// Whether `pattern`, in which each `*` stands for any text, is `text`.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(rest) = text.strip_prefix(before) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches(after, &rest[at..]))
}

#[test]
fn a_list_is_read() {
    let list = Differences::parse(
        "# Title\n- `not.an.entry`\n### one\nModes: notify, tun.\nBecause.\n\
         - `a.b.*`: `X|Y` on the kernel, `*` here\n## More\nModes: none of an entry\n",
    );
    let [entry] = &list.entries[..] else { panic!("{list:?}") };
    assert_eq!((&*entry.id, &*entry.why), ("one", "Because."));
    assert_eq!(entry.modes, [Mode::Notify, Mode::Tun]);
    assert!(entry.steps[0].covers("a.b.c", "X|Y", "Z"));
    assert!(!entry.steps[0].covers("a.c", "X|Y", "Z"));
    assert!(!entry.steps[0].covers("a.b.c", "X", "Z"));
}
