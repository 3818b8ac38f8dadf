//! Compares what two runs of a script said, and words what is not allowed. Runs nothing.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use crate::differences::Differences;
use crate::place::Mode;

/// Where one of two runs said nothing.
const NOTHING: &str = "(no line)";

/// The values of each step, in the order in which they were said.
struct Said<'a> {
    steps: Vec<&'a str>,
    values: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Said<'a> {
    fn parse(text: &'a str) -> Self {
        let mut said = Self { steps: Vec::new(), values: HashMap::new() };
        for line in text.lines() {
            let (step, value) = line.split_once(": ").unwrap_or((line, ""));
            let values = said.values.entry(step).or_default();
            if values.is_empty() {
                said.steps.push(step);
            }
            values.push(value);
        }
        said
    }

    fn value(&self, step: &str, index: usize) -> &'a str {
        self.values.get(step).and_then(|values| values.get(index)).copied().unwrap_or(NOTHING)
    }

    fn count(&self, step: &str) -> usize {
        self.values.get(step).map_or(0, Vec::len)
    }
}

/// What differs and is not on the list, and what is on the list and does not differ: empty if all
/// is well.
pub(crate) fn compare(
    kernel: &str,
    ours: &str,
    list: &Differences,
    script: &str,
    mode: Mode,
) -> String {
    let (kernel, ours) = (Said::parse(kernel), Said::parse(ours));
    let mut report = String::new();
    let mut seen = BTreeSet::new();
    let known: Vec<_> = list.entries.iter().filter(|entry| entry.modes.contains(&mode)).collect();
    let more = ours.steps.iter().filter(|step| kernel.count(step) == 0);
    for step in kernel.steps.iter().chain(more) {
        for index in 0..kernel.count(step).max(ours.count(step)) {
            let (theirs, our) = (kernel.value(step, index), ours.value(step, index));
            if theirs == our {
                continue;
            }
            let mut allowed = false;
            for (at, entry) in known.iter().enumerate() {
                for (number, pattern) in entry.steps.iter().enumerate() {
                    if pattern.covers(step, theirs, our) {
                        allowed = true;
                        seen.insert((at, number));
                    }
                }
            }
            if !allowed {
                let _ = writeln!(report, "{mode}: {step}\n    kernel  {theirs}\n    danja   {our}");
            }
        }
    }
    for (at, entry) in known.iter().enumerate() {
        for (number, pattern) in entry.steps.iter().enumerate() {
            let ours = pattern.pattern.split('.').next() == Some(script);
            if ours && !seen.contains(&(at, number)) {
                let (id, step) = (&entry.id, &pattern.pattern);
                let _ = writeln!(report, "{mode}: the list is stale: {id}: {step} does not occur");
            }
        }
    }
    report
}

#[test]
fn what_differs_is_told_and_what_is_listed_is_not() {
    let kernel = "s.a.poll: IN|OUT\ns.a.recv: EAGAIN\ns.b.gone: 1\n";
    let ours = "s.a.poll: IN|OUT\ns.a.recv: EINVAL\ns.c.more: 2\n";
    let none = compare(kernel, ours, &Differences::default(), "s", Mode::Notify);
    assert_eq!(none.matches("kernel").count(), 3, "{none}");
    assert!(none.contains("(no line)"), "{none}");
    let text = "### x\nModes: notify.\nWhy.\n- `s.a.recv`: `EAGAIN`, `EINVAL`\n\
                - `s.*.gone`: `1`, `(no line)`\n- `s.c.more`: `*`, `2`\n";
    let list = Differences::parse(text);
    assert_eq!(compare(kernel, ours, &list, "s", Mode::Notify), "");
    assert_eq!(compare(kernel, ours, &list, "s", Mode::Tun).lines().count(), 9);
    let stale = compare(kernel, kernel, &list, "s", Mode::Notify);
    assert_eq!(stale.matches("stale").count(), 3, "{stale}");
    assert_eq!(compare(kernel, kernel, &list, "another", Mode::Notify), "");
}
