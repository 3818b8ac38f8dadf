//! How citations are read, and which forms are refused.

use super::{citations, fault};
use crate::Source;

fn read(line: &str) -> Vec<(u32, String, String)> {
    let source = Source::new("x.rs".into(), line.into());
    citations(&source).into_iter().map(|c| (c.rfc, c.section, c.detail)).collect()
}

#[test]
fn number_section_and_detail_are_read() {
    let cases = [
        ("// RFC 9293 §3.10.7.4 (fifth): …", 9293, "3.10.7.4", "fifth"),
        ("// RFC 768: a zero checksum", 768, "", ""),
        ("//! Uses RFC 1122 §3.2.2.", 1122, "3.2.2", ""),
    ];
    for (line, rfc, section, detail) in cases {
        assert_eq!(read(line), [(rfc, section.to_owned(), detail.to_owned())], "{line}");
    }
}

#[test]
fn labels_are_citations_of_their_own() {
    let labels = |line| -> Vec<String> {
        let found = read(line).into_iter().filter(|(_, section, _)| section.is_empty());
        found.map(|(_, _, detail)| detail).collect()
    };
    assert_eq!(labels("/// Bounded (RFC 9293 §3.8.4, MUST-25)."), ["MUST-25"]);
    assert_eq!(labels("// simultaneous open (MUST-10), SHLD-3"), ["MUST-10", "SHLD-3"]);
    assert!(labels("// MUST-NOT, MUSTARD-7").is_empty());
}

#[test]
fn labels_are_whole_words_and_sections_nest() {
    let source = Source::new("x.rs".into(), "// RFC 9293 §3.8.3 (MUST-20, MUST-23): x".into());
    let citation = &citations(&source)[0];
    assert!(citation.names("MUST-20") && citation.names("MUST-23"));
    assert!(!citation.names("MUST-2"));
    assert!(citation.within("3.8") && citation.within("3.8.3"));
    assert!(!citation.within("3") || citation.section.starts_with("3."));
    assert!(!citation.within("3.8.30") && !citation.within("3.7"));
}

#[test]
fn other_forms_are_refused() {
    for line in [
        "// RFC9293 §3.8",
        "// see rfc-9293",
        "// RFC 9293 section 3.8.4: keep-alive",
        "// RFC 9293, Section 3.8.4",
        "// RFC 9293 3.8.4: keep-alive",
        "// RFC 9293: keep-alive",
    ] {
        assert!(fault(line).is_some(), "{line}");
    }
    for line in [
        "// RFC 9293 §3.8.4 (MUST-25): off by default",
        "// The pointer counts from the sequence number (RFC 9293 §3.1).",
        "// RFC 826: merge first",
        "//! Implements RFC 791 and RFC 1122.",
        "let rfc9293 = 1;",
    ] {
        assert_eq!(fault(line), None, "{line}");
    }
}
