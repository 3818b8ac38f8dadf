//! The requirement tables in `docs/requirements/`, and which rows the code cites.

use crate::Project;
use crate::citation::Citation;

/// Where the tables lie.
pub const FOLDER: &str = "docs/requirements/";

/// The packages that implement the protocols.
const CODE: [&str; 4] = ["crates/wire/", "crates/stack/", "crates/lan/", "crates/danja/"];

/// One row of a table.
#[derive(Debug)]
pub struct Requirement {
    /// The file that has the row.
    pub path: String,
    /// `MUST-23` in RFC 9293's table; a number in the others.
    pub id: String,
    /// What is asked, in our words.
    pub words: String,
    /// RFC and section, as `(9293, "3.8.3")`; several where a row names several.
    pub places: Vec<(u32, String)>,
    /// Whether the table says that this is done.
    pub state: State,
}

/// What the last column of a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The code does it, and cites it.
    Done,
    /// Some of it; the row says what is missing.
    Part,
    /// Not yet.
    Open,
    /// It will not be done; the row says why.
    No,
}

impl State {
    fn parse(cell: &str) -> Option<Self> {
        match cell.split([':', ' ']).next()? {
            "done" => Some(Self::Done),
            "part" => Some(Self::Part),
            "open" => Some(Self::Open),
            "no" => Some(Self::No),
            _ => None,
        }
    }
}

impl Requirement {
    /// The citations that speak of this row: those that name its label, or, where none does,
    /// those of its section. The simulation's and this crate's own do not count.
    #[must_use]
    pub fn cited<'a>(&self, all: &'a [Citation]) -> Vec<&'a Citation> {
        let code =
            || all.iter().filter(|citation| CODE.iter().any(|c| citation.path.starts_with(c)));
        let of = |rfc: u32| self.places.iter().filter(move |(number, _)| *number == rfc);
        let label = |citation: &&Citation| {
            self.id.contains('-') && of(citation.rfc).count() > 0 && citation.names(&self.id)
        };
        let named: Vec<_> = code().filter(label).collect();
        if !named.is_empty() {
            return named;
        }
        let place = |citation: &&Citation| {
            of(citation.rfc).any(|(_, section)| section.is_empty() || citation.within(section))
        };
        code().filter(place).collect()
    }
}

/// All rows of all tables, and the lines that look like rows and could not be read.
#[must_use]
pub fn requirements(project: &Project) -> (Vec<Requirement>, Vec<String>) {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    for (path, text) in tables(project) {
        let rfc = path.strip_prefix(FOLDER).and_then(|name| name.strip_prefix("rfc"));
        let rfc = rfc.and_then(|name| name.strip_suffix(".md")).and_then(|n| n.parse().ok());
        for line in text.lines().filter(|line| is_row(line)) {
            match row(path, rfc, line) {
                Some(found) => rows.push(found),
                None => faults.push(format!("{path}: cannot read the row {line}")),
            }
        }
    }
    (rows, faults)
}

fn tables(project: &Project) -> impl Iterator<Item = &(String, String)> {
    let all = project.texts.iter().filter(|(path, _)| path.starts_with(FOLDER));
    all.filter(|(path, _)| !path.ends_with("README.md"))
}

/// A row begins with an id that holds a digit; headings and rules do not.
fn is_row(line: &str) -> bool {
    line.strip_prefix("| ")
        .and_then(|rest| rest.split(' ').next())
        .is_some_and(|id| id.ends_with(|c: char| c.is_ascii_digit()) && !id.starts_with("RFC"))
}

fn row(path: &str, rfc: Option<u32>, line: &str) -> Option<Requirement> {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let (id, words, place) = match (rfc, cells.as_slice()) {
        (Some(_), [id, words, place, ..]) => (*id, *words, *place),
        (None, [id, place, _, words, ..]) => (*id, *words, *place),
        _ => return None,
    };
    let Some(rfc) = rfc else { return other(path, id, words, place, cells.last()?) };
    let sections = place.split(['/', ' ']).filter(|part| is_section(part));
    let places = sections.map(|section| (rfc, section.to_owned())).collect();
    let state = State::parse(cells.last()?)?;
    Some(Requirement { path: path.into(), id: id.into(), words: words.into(), places, state })
}

/// A row of a table about several RFCs: its place is `1122 3.2.1.1; 791 3.1`.
fn other(path: &str, id: &str, words: &str, place: &str, state: &str) -> Option<Requirement> {
    let mut places = Vec::new();
    for part in place.split(';') {
        let mut words = part.split_whitespace();
        let rfc = words.next()?.parse().ok()?;
        places.push((rfc, words.next().unwrap_or("").to_owned()));
    }
    let state = State::parse(state)?;
    Some(Requirement { path: path.into(), id: id.into(), words: words.into(), places, state })
}

fn is_section(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// The RFCs that `docs/requirements/README.md` lists: number and title.
#[must_use]
pub fn index(project: &Project) -> Vec<(u32, String)> {
    let text = project.text("docs/requirements/README.md");
    text.lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split('|').map(str::trim);
            let number = cells.next()?.parse().ok()?;
            Some((number, cells.next()?.to_owned()))
        })
        .collect()
}
