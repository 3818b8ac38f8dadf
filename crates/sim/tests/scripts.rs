//! The project's own scripts pass, and every mutant of them fails: a runner that cannot fail
//! would prove nothing.

use danja_sim::packetdrill::ast::{
    Action, Body, Direction, Moment, Packet, Script, Segment, Sequence, TcpOption, Time,
};
use danja_sim::packetdrill::{Personality, Settings, Verdict, parse, run, suite};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn settings(strict: bool) -> Settings {
    Settings { strict, seed: 1, ..Settings::default() }
}

fn scripts() -> Vec<(PathBuf, Script)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let files = suite::scripts(&[folder]).expect("the scripts are there");
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).expect("a script can be read");
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let script = parse(&name, &text, &suite::definitions(Personality::Linux));
        (file, script.unwrap_or_else(|error| panic!("{error}")))
    };
    files.into_iter().map(read).collect()
}

#[test]
fn our_scripts_pass_strictly() {
    let scripts = scripts();
    assert!(scripts.len() > 40, "only {} scripts were found", scripts.len());
    let mut failed = Vec::new();
    for (file, script) in &scripts {
        match run(script, &settings(true)) {
            Verdict::Pass => {}
            other => failed.push(format!("{}: {other:?}", file.display())),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_seed_does_not_matter() {
    for (file, script) in &scripts() {
        for seed in 2..6 {
            let settings = Settings { seed, ..settings(true) };
            assert_eq!(
                run(script, &settings),
                Verdict::Pass,
                "{} with seed {seed}",
                file.display()
            );
        }
    }
}

/// A script that says the same but for one thing, and what that is.
struct Mutant {
    what: &'static str,
    line: usize,
    script: Script,
    strict: bool,
}

fn outbound(script: &Script) -> Vec<(usize, &Packet)> {
    script
        .events
        .iter()
        .enumerate()
        .filter_map(|(at, event)| match &event.action {
            Action::Packet(packet) if packet.direction == Direction::Out => Some((at, packet)),
            _ => None,
        })
        .collect()
}

fn mutants(original: &Script) -> Vec<Mutant> {
    let mut all = Vec::new();
    for (at, packet) in outbound(original) {
        let mut mutant = |what, strict, change: &mut dyn FnMut(&mut Script)| {
            let mut script = original.clone();
            change(&mut script);
            all.push(Mutant { what, line: original.events[at].line, script, strict });
        };
        let change_segment = |script: &mut Script, change: &dyn Fn(&mut Segment)| {
            if let Action::Packet(Packet { body: Body::Tcp(segment), .. }) =
                &mut script.events[at].action
            {
                change(segment);
            }
        };
        if let Body::Tcp(segment) = &packet.body {
            if segment.flags.ack {
                mutant("a wrong ack", false, &mut |script| {
                    change_segment(script, &|segment| {
                        segment.ack = segment.ack.map(|ack| ack.wrapping_add(1))
                    });
                });
            }
            if let (Sequence::At(_), false) = (segment.sequence, segment.flags.syn) {
                mutant("a wrong sequence number", false, &mut |script| {
                    change_segment(script, &|segment| {
                        if let Sequence::At(number) = &mut segment.sequence {
                            *number = number.wrapping_add(1);
                        }
                    });
                });
            }
            mutant("a wrong flag", false, &mut |script| {
                change_segment(script, &|segment| segment.flags.psh = !segment.flags.psh);
            });
            mutant("a wrong length", false, &mut |script| {
                change_segment(script, &|segment| segment.length += 1);
            });
            if segment.options.is_some() {
                mutant("a wrong option", false, &mut |script| {
                    change_segment(script, &|segment| {
                        segment.options.get_or_insert_default().push(TcpOption::Nop);
                    });
                });
            }
        }
        mutant("a missing packet", false, &mut |script| {
            // The script expects it twice, and it comes once.
            let again = script.events[at].clone();
            script.events.insert(at + 1, again);
        });
        mutant("an extra packet", true, &mut |script| {
            // The stack sends it, and the script does not expect it; what follows keeps its time.
            let removed = script.events.remove(at).time;
            if let Some(next) = script.events.get_mut(at) {
                next.time = delayed(next.time, removed);
            }
        });
        if let Time::At(moment) = original.events[at].time {
            mutant("a late packet", false, &mut |script| {
                let later = |time: Duration| time + Duration::from_millis(1);
                script.events[at].time = Time::At(match moment {
                    Moment::Absolute(time) => Moment::Absolute(later(time)),
                    Moment::Relative(time) => Moment::Relative(later(time)),
                });
            });
        }
    }
    all
}

/// `time`, when it counts from where `before` counts from.
fn delayed(time: Time, before: Time) -> Time {
    let (Time::At(Moment::Relative(delay)) | Time::Between(_, Moment::Relative(delay))) = before
    else {
        return time;
    };
    let later = |moment| match moment {
        Moment::Relative(time) => Moment::Relative(time + delay),
        absolute => absolute,
    };
    match time {
        Time::At(at) => Time::At(later(at)),
        Time::Between(first, last) => Time::Between(later(first), later(last)),
        Time::Blocking(first, last) => Time::Blocking(later(first), later(last)),
        Time::Any => Time::Any,
    }
}

#[test]
fn every_mutant_fails() {
    let (mut count, mut survivors) = (0, Vec::new());
    for (file, script) in &scripts() {
        for mutant in mutants(script) {
            count += 1;
            if run(&mutant.script, &settings(mutant.strict)) == Verdict::Pass {
                survivors.push(format!("{}:{}: {}", file.display(), mutant.line, mutant.what));
            }
        }
    }
    assert!(count > 500, "only {count} mutants were made");
    assert!(
        survivors.is_empty(),
        "{} of {count} survive:\n{}",
        survivors.len(),
        survivors.join("\n")
    );
}
