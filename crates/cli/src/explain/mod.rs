//! `--explain`: tells on standard error, as it happens, what the hosts of this process do. Changes
//! nothing of what it tells.

mod changes;
mod dns;
mod fact;
mod language;
mod made;
mod memory;
mod packet;
mod story;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use language::Language;

use crate::args::{ExplainForm, StoryArgs};
use danja::observe::{Observed, Observer};
use danja_wire::Instant;
use fact::Fact;
use language::Catalog;
use std::collections::HashMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use story::Story;
use text::Paragraph;

/// Hears all hosts of the process and tells their common story.
pub(crate) struct Narrator {
    form: ExplainForm,
    catalog: Catalog,
    page: Page,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    story: Story,
    /// Chapters whose heading has been printed, in order.
    chapters: Vec<&'static str>,
    /// What carries the frames of a host's interface.
    drivers: HashMap<(String, String), String>,
    /// Nothing more is told.
    ended: bool,
}

/// How the text is laid out.
#[derive(Clone, Copy)]
struct Page {
    width: usize,
    colour: bool,
}

/// The widest column of host names.
const NAMES: usize = 8;

impl Narrator {
    /// Who tells the story, if it is to be told; in the locale's language if none is named.
    pub(crate) fn wanted(story: &StoryArgs) -> Option<Arc<Self>> {
        let form = story.explain?;
        let by_locale = || Language::from_environment(|name| std::env::var(name).ok());
        Some(Arc::new(Self::new(form, story.lang.unwrap_or_else(by_locale))))
    }

    /// A narrator to standard error.
    pub(crate) fn new(form: ExplainForm, language: Language) -> Self {
        let width = terminal_size::terminal_size_of(io::stderr()).map_or(100, |(width, _)| width.0);
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            form,
            catalog: Catalog::new(language),
            page: Page {
                width: usize::from(width).clamp(60, 160),
                colour: io::stderr().is_terminal() && !no_colour,
            },
            told: Mutex::default(),
        }
    }

    /// Says what carries the frames of a host's interface, such as `cable` or `tap tap0`.
    pub(crate) fn introduce(&self, host: &str, interface: &str, driver: &str) {
        let key = (host.to_owned(), interface.to_owned());
        self.lock().drivers.insert(key, driver.to_owned());
    }

    /// The story is over: what is left is told in sum, and nothing more after it.
    pub(crate) fn end(&self) {
        let mut told = self.lock();
        let Told { story, chapters, ended, .. } = &mut *told;
        if !*ended {
            story.end(&mut |fact| self.print(&fact, chapters));
        }
        *ended = true;
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn print(&self, fact: &Fact, chapters: &mut Vec<&'static str>) {
        let text = match self.form {
            ExplainForm::Json => serde_json::to_string(fact).unwrap_or_default() + "\n",
            ExplainForm::Text => self.text(fact, chapters),
        };
        // A closed standard error silences the story, and nothing else.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    fn text(&self, fact: &Fact, chapters: &mut Vec<&'static str>) -> String {
        let mut out = String::new();
        if let Some(chapter) = text::chapter(fact)
            && !chapters.contains(&chapter)
        {
            chapters.push(chapter);
            let title = self.catalog.say(chapter, &[]);
            out.push_str(&self.page.heading(chapters.len(), &title));
        }
        for paragraph in text::paragraphs(fact, &self.catalog) {
            out.push_str(&self.page.paragraph(&fact.host, &paragraph));
        }
        out
    }
}

impl Observer for Narrator {
    fn observe(&self, host: &str, now: Instant, event: &Observed<'_>) {
        let mut told = self.lock();
        let Told { story, chapters, drivers, ended } = &mut *told;
        if *ended {
            return;
        }
        let driver = |interface: &str| {
            let key = (host.to_owned(), interface.to_owned());
            drivers.get(&key).cloned().unwrap_or_else(|| interface.to_owned())
        };
        story.on(host, now, event, &driver, &mut |fact| self.print(&fact, chapters));
    }
}

impl Page {
    fn heading(self, number: usize, title: &str) -> String {
        let (bold, plain) = if self.colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        format!("\n{bold}{number}. {title}{plain}\n")
    }

    /// A paragraph behind the name of its host, broken at spaces where the page ends.
    fn paragraph(self, host: &str, (indent, text): &Paragraph) -> String {
        let (colour, dim, plain) =
            if self.colour { ("\x1b[36m", "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
        let dim = if *indent > 0 { dim } else { "" };
        let mut out = String::new();
        let room = self.width.saturating_sub(NAMES + 2 + indent).max(30);
        for (number, line) in wrap(text, room).into_iter().enumerate() {
            let hanging = indent + if number > 0 { 2 } else { 0 };
            let line = line.replace('\u{a0}', " ");
            out.push_str(&format!("{colour}{host:<NAMES$}{plain} {dim}{:hanging$}{line}", ""));
            out.push_str(if dim.is_empty() { "\n" } else { "\x1b[0m\n" });
        }
        out
    }
}

/// Columns that a character takes on a terminal.
const fn columns(c: char) -> usize {
    match c {
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff00}'..='\u{ff60}' => 2,
        _ => 1,
    }
}

/// Breaks a text at spaces into lines of at most `room` columns (a longer word stays whole).
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        let width: usize = word.trim_end_matches(' ').chars().map(columns).sum();
        if used > 0 && used + width > room {
            lines.push(line.trim_end_matches(' ').to_owned());
            line.clear();
            used = 2;
        }
        line.push_str(word);
        used += word.chars().map(columns).sum::<usize>();
    }
    lines.push(line.trim_end_matches(' ').to_owned());
    lines
}
