//! The lists, held against the bodies: each method is called by its type's name in a body, or,
//! where a host must come first, in both faces; or the list says why not.

use std::path::Path;

const STD: &str = include_str!("std.txt");
const TOKIO: &str = include_str!("tokio.txt");

const STD_BODIES: &str = concat!(include_str!("std_bodies.rs"), include_str!("std_signatures.rs"));
const STD_FACES: [&str; 2] = [include_str!("std_kernel.rs"), include_str!("std_danja.rs")];

const TOKIO_BODIES: &str = concat!(
    include_str!("tokio_tcp.rs"),
    include_str!("tokio_udp.rs"),
    include_str!("tokio_errors.rs"),
);
const TOKIO_FACES: [&str; 2] = [include_str!("tokio_kernel.rs"), include_str!("tokio_danja.rs")];

/// Methods that are neither called nor excused, and those that are both.
fn wrong(list: &str, bodies: &str, faces: [&str; 2]) -> Vec<String> {
    let mut wrong = Vec::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let (method, gap) = match line.split_once("  gap: ") {
            Some((method, reason)) => (method, Some(reason)),
            None => (line, None),
        };
        let ends = |after: &str| matches!(after.chars().next(), Some('(' | ')' | ';' | ',' | ':'));
        let called =
            |text: &str| text.match_indices(method).any(|(at, _)| ends(&text[at + method.len()..]));
        let called = called(bodies) || faces.into_iter().all(called);
        match gap {
            None if !called => wrong.push(format!("{method} is not called")),
            Some(_) if called => wrong.push(format!("{method} is no gap any more")),
            Some(reason) if reason.len() < 10 => wrong.push(format!("{method}: no reason")),
            _ => {}
        }
    }
    wrong
}

#[test]
fn every_method_of_std_is_called_or_excused() {
    assert_eq!(wrong(STD, STD_BODIES, STD_FACES), [""; 0]);
}

#[test]
fn every_method_of_tokio_is_called_or_excused() {
    assert_eq!(wrong(TOKIO, TOKIO_BODIES, TOKIO_FACES), [""; 0]);
}

/// Whoever takes a newer tokio reads its methods again.
#[test]
fn the_list_is_that_of_the_tokio_in_use() {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let lock = folders.map(|folder| folder.join("Cargo.lock")).find(|path| path.is_file());
    let lock = std::fs::read_to_string(lock.unwrap()).unwrap();
    let mut lines = lock.lines().skip_while(|line| *line != "name = \"tokio\"");
    let version = lines.nth(1).unwrap().trim_start_matches("version = ").trim_matches('"');
    let (minor, _patch) = version.rsplit_once('.').unwrap();
    assert!(TOKIO.starts_with(&format!("# Public, stable methods of tokio {minor} ")), "{version}");
}

#[test]
fn the_check_finds_what_is_missing() {
    let list = "A::one\nA::two\nA::three  gap: for a good reason\nA::four  gap: no";
    let found = wrong(list, "A::one(); A::twofold(); A::three(x)", ["", "A::two()"]);
    let expected = ["A::two is not called", "A::three is no gap any more", "A::four: no reason"];
    assert_eq!(found, expected);
}
