//! One script of socket calls on the kernel and under `danja run`, compared line by line.
//!
//! A script prints one line a step (`script.case.step: value`), the same in each run. What may
//! differ is in docs/differences.md, which is read here: any other difference fails, and so does
//! one of the list that does not occur any more.

mod compare;
mod coverage;
mod days;
mod differences;
mod place;
#[path = "../../../../tests/skip.rs"]
mod skip;

use compare::compare;
use differences::Differences;
use place::{Language, Mode, Place};
use skip::skip;

/// The scripts by name, with the way they are run.
const SCRIPTS: [(&str, Language); 14] = [
    ("accept", Language::Python),
    ("connect", Language::Python),
    ("data", Language::Python),
    ("descriptors", Language::Python),
    ("dial", Language::Go),
    ("ends", Language::Python),
    ("far", Language::Python),
    ("options", Language::Python),
    ("outside", Language::Python),
    ("own", Language::C),
    ("raw", Language::C),
    ("signals", Language::C),
    ("six", Language::Python),
    ("udp", Language::Python),
];

/// Runs one script in all ways and compares.
fn differ(name: &str) {
    let test = format!("differential::{name}");
    let (_, language) = SCRIPTS.iter().find(|(script, _)| *script == name).unwrap();
    let place = match Place::new(name, *language) {
        Ok(place) => place,
        Err(why) => return skip(&test, &why),
    };
    let kernel = match place.run(Mode::Kernel) {
        Ok(text) => text,
        Err(why) => return skip(&test, &why),
    };
    assert!(kernel.lines().count() > 10, "the script {name} said little:\n{kernel}");
    for round in 1..place::rounds() {
        let again = place.run(Mode::Kernel).unwrap();
        let report = compare(&kernel, &again, &Differences::default(), name, Mode::Kernel);
        assert!(report.is_empty(), "round {round} on the kernel says something else:\n{report}");
    }
    let list = Differences::read();
    let mut faults = String::new();
    for mode in Mode::OURS {
        if let Err(why) = place::permits(mode) {
            skip(&format!("{test} ({mode})"), &why);
            continue;
        }
        let text = place.run(mode).unwrap();
        faults += &compare(&kernel, &text, &list, name, mode);
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn accept() {
    differ("accept");
}

#[test]
fn connect() {
    differ("connect");
}

#[test]
fn data() {
    differ("data");
}

#[test]
fn descriptors() {
    differ("descriptors");
}

#[test]
fn dial() {
    differ("dial");
}

#[test]
fn ends() {
    differ("ends");
}

#[test]
fn far() {
    differ("far");
}

#[test]
fn options() {
    differ("options");
}

#[test]
fn outside() {
    differ("outside");
}

#[test]
fn own() {
    differ("own");
}

#[test]
fn raw() {
    differ("raw");
}

#[test]
fn signals() {
    differ("signals");
}

#[test]
fn six() {
    differ("six");
}

#[test]
fn udp() {
    differ("udp");
}

/// Each entry of the list names a script that there is.
#[test]
fn the_list_is_about_scripts_that_there_are() {
    for entry in Differences::read().entries {
        assert!(!entry.why.is_empty(), "{}: no reason", entry.id);
        assert!(!entry.modes.is_empty(), "{}: no mode", entry.id);
        for step in &entry.steps {
            let script = step.pattern.split('.').next();
            let known = SCRIPTS.iter().any(|(name, _)| Some(*name) == script);
            assert!(known, "{}: {}: there is no such script", entry.id, step.pattern);
        }
    }
}
