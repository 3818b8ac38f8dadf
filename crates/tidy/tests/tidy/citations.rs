//! RFCs are cited in one form, from the list in `docs/requirements/`, and what its tables call
//! done is cited.

use danja_tidy::Project;
use danja_tidy::citation::{Citation, citations, fault};
use danja_tidy::requirement::{Requirement, State, index, requirements};

use crate::none;

/// The sections of RFC 9293 that hold requirements, as its table of contents has them.
const SECTIONS: [&str; 4] = ["3.1", "3.2", "3.3", "3.4"];
const NESTED: [(&str, u32); 6] =
    [("3.5", 3), ("3.6", 1), ("3.7", 5), ("3.8", 6), ("3.9", 2), ("3.10", 8)];

fn all(project: &Project) -> Vec<Citation> {
    project.sources.iter().flat_map(citations).collect()
}

/// The requirement a row states is for code; a review, or an application's duty, has no line.
fn wants_code(row: &Requirement) -> bool {
    matches!(row.state, State::Done | State::Part)
}

#[test]
fn every_citation_has_the_one_form() {
    let project = Project::read();
    let mut faults = Vec::new();
    for source in &project.sources {
        // The tests of the reader hold the wrong forms.
        if source.path.starts_with("crates/tidy/src/citation") {
            continue;
        }
        for (index, line) in source.text.lines().enumerate() {
            if let Some(why) = fault(line) {
                faults.push(format!("{}:{}: {why}: {}", source.path, index + 1, line.trim()));
            }
        }
    }
    none("citations in another form", &faults);
}

#[test]
fn every_cited_rfc_is_on_the_list_and_its_section_exists() {
    let project = Project::read();
    let known = index(&project);
    assert!(known.len() > 20, "docs/requirements/README.md lists {} RFCs", known.len());
    let mut faults = Vec::new();
    for citation in all(&project) {
        if citation.path.starts_with("crates/tidy/") {
            continue;
        }
        let at = format!("{}:{}", citation.path, citation.line);
        if !known.iter().any(|(number, _)| *number == citation.rfc) {
            faults
                .push(format!("{at}: RFC {} is not in docs/requirements/README.md", citation.rfc));
        }
        if citation.rfc == 9293 && !section_of_9293(&citation.section) {
            faults.push(format!("{at}: RFC 9293 has no section {}", citation.section));
        }
    }
    none("citations of what is not there", &faults);
}

fn section_of_9293(section: &str) -> bool {
    let front = ["", "1", "2", "3", "4", "5", "6", "7"];
    let whole =
        |number: &str| SECTIONS.contains(&number) || NESTED.iter().any(|(n, _)| *n == number);
    if front.contains(&section) || whole(section) || section.starts_with(['A', 'B']) {
        return true;
    }
    let mut parts = section.splitn(3, '.');
    let (Some(a), Some(b), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let parent = format!("{a}.{b}");
    let leaf: u32 = rest.split('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    let children = NESTED.iter().find(|(number, _)| *number == parent).map(|(_, count)| *count);
    // §3.3.1, §3.3.2 and §3.4.1 to §3.4.3 are the children of the first four.
    let children = children.or(match parent.as_str() {
        "3.3" => Some(2),
        "3.4" => Some(3),
        _ => None,
    });
    children.is_some_and(|count| (1..=count).contains(&leaf))
}

#[test]
fn what_the_tables_call_done_is_cited() {
    let project = Project::read();
    let citations = all(&project);
    let (rows, unread) = requirements(&project);
    none("rows that cannot be read", &unread);
    for (kind, count) in [("MUST-", 69), ("SHLD-", 31)] {
        let found = rows.iter().filter(|row| row.id.starts_with(kind)).count();
        assert_eq!(found, count, "rows {kind}…: RFC 9293 has {count}");
    }
    let uncited = |row: &&Requirement| row.cited(&citations).is_empty();
    let name = |row: &Requirement| format!("{} {}: {}", row.path, row.id, row.words);
    let faults: Vec<String> =
        rows.iter().filter(|row| wants_code(row)).filter(uncited).map(name).collect();
    none("called done, and no code cites them", &faults);
}
