//! Makes mutants of a script: each says the same but for one thing that the stack does not do. A
//! runner that lets one pass would prove nothing. Runs nothing.

use super::ast::{
    Action, Body, Call, Direction, Event, Expression, Moment, Packet, Script, Segment, Sequence,
    TcpOption, Time,
};
use super::run::Personality;
use core::time::Duration;

/// A script that says the same as another but for one thing.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The one thing: "a wrong ack".
    pub what: &'static str,
    /// The line that was changed, from 1.
    pub line: usize,
    /// The changed script, which must fail where the original passes.
    pub script: Script,
    /// It need only fail strictly, and where the original passes strictly.
    pub strict: bool,
}

/// All mutants of a script; only of what is compared for this personality.
pub fn mutants(original: &Script, personality: Personality) -> Vec<Mutant> {
    let mut all = Vec::new();
    let mut add = |what, strict, at: usize, script: Option<Script>| {
        if let (Some(script), Some(event)) = (script, original.events.get(at)) {
            all.push(Mutant { what, line: event.line, script, strict });
        }
    };
    for (at, event) in original.events.iter().enumerate() {
        match &event.action {
            Action::Packet(packet) if packet.direction == Direction::Out => {
                let windows = personality == Personality::Linux;
                let compared = |what: &str| windows || what != WINDOW;
                for (what, strict, change) in SEGMENT_CHANGES.iter().filter(|c| compared(c.0)) {
                    add(what, *strict, at, segment_changed(original, at, change));
                }
                add("a missing packet", false, at, doubled(original, at));
                add("an extra packet", true, at, removed(original, at));
                add("a late packet", false, at, later(original, at));
            }
            Action::Packet(_) => {}
            Action::Call(call) => {
                add("a wrong result", false, at, other_result(original, at, call))
            }
            Action::Code(_) => add("an assertion denied", false, at, denied(original, at)),
            Action::Command(_) => add("a wrong count", false, at, other_count(original, at)),
        }
    }
    all
}

/// Changes a segment; `false` if this one is not changed by it.
type Change = fn(&mut Segment) -> bool;

const WINDOW: &str = "a wrong window";

/// What is changed, whether it shows only strictly, and how.
const SEGMENT_CHANGES: &[(&str, bool, Change)] = &[
    ("a wrong ack", false, |segment| {
        segment.ack = segment.ack.map(|ack| ack.wrapping_add(1));
        segment.flags.ack && segment.ack.is_some()
    }),
    ("a wrong sequence number", false, |segment| match &mut segment.sequence {
        // The first SYN's number is the script's own name for it.
        Sequence::At(number) if !segment.flags.syn => {
            *number = number.wrapping_add(1);
            true
        }
        _ => false,
    }),
    ("a wrong flag", false, |segment| {
        segment.flags.psh = !segment.flags.psh;
        true
    }),
    ("a wrong length", false, |segment| {
        segment.length = segment.length.wrapping_add(1);
        true
    }),
    (WINDOW, false, |segment| {
        segment.window = segment.window.map(|window| window.wrapping_add(1));
        segment.window.is_some()
    }),
    ("a wrong option", false, |segment| match &mut segment.options {
        Some(options) => {
            options.push(TcpOption::Mss(1));
            true
        }
        None => false,
    }),
    ("a wrong echo", true, |segment| {
        segment.options.iter_mut().flatten().any(|option| match option {
            TcpOption::Timestamps { echo, .. } => {
                *echo = echo.wrapping_add(1);
                true
            }
            _ => false,
        })
    }),
];

fn event(script: &mut Script, at: usize) -> Option<&mut Event> {
    script.events.get_mut(at)
}

fn segment_changed(original: &Script, at: usize, change: &Change) -> Option<Script> {
    let mut script = original.clone();
    match &mut event(&mut script, at)?.action {
        Action::Packet(Packet { body: Body::Tcp(segment), .. }) => {
            change(segment).then_some(script)
        }
        _ => None,
    }
}

/// The script expects a packet twice, and it comes once. At an open time the next one of its kind
/// would do.
fn doubled(original: &Script, at: usize) -> Option<Script> {
    let mut again = original.events.get(at)?.clone();
    again.time = match again.time {
        Time::Any => return None,
        Time::At(Moment::Relative(_)) => Time::At(Moment::Relative(Duration::ZERO)),
        other => other,
    };
    let mut script = original.clone();
    script.events.insert(at + 1, again);
    Some(script)
}

/// The stack sends a packet that the script does not expect; what follows keeps its time. What is
/// sent after the last event is not seen.
fn removed(original: &Script, at: usize) -> Option<Script> {
    let mut script = original.clone();
    let before = script.events.remove(at).time;
    let now = Time::At(Moment::Relative(Duration::ZERO));
    match event(&mut script, at) {
        _ if before == Time::Any => return None,
        Some(next) => next.time = delayed(next.time, before),
        None if before == now => {}
        None => return None,
    }
    Some(script)
}

/// The script expects a packet later than it comes, by more than it tolerates.
fn later(original: &Script, at: usize) -> Option<Script> {
    let mut script = original.clone();
    let beyond = beyond_tolerance(original, original.events.get(at)?.time);
    let event = event(&mut script, at)?;
    let Time::At(moment) = event.time else { return None };
    event.time = Time::At(match moment {
        Moment::Absolute(time) => Moment::Absolute(time + beyond),
        Moment::Relative(time) => Moment::Relative(time + beyond),
    });
    Some(script)
}

/// A delay that no tolerance of this script covers.
fn beyond_tolerance(script: &Script, time: Time) -> Duration {
    let option = |name: &str| {
        let found = script.options.iter().find(|option| option.name == name);
        found.and_then(|option| option.value.as_deref()?.parse::<u32>().ok())
    };
    let least = Duration::from_micros(option("tolerance_usecs").unwrap_or(4_000).into());
    let wait = match time {
        Time::At(Moment::Absolute(time) | Moment::Relative(time)) => time,
        _ => Duration::ZERO,
    };
    let share = if option("tolerance_percent") == Some(0) { Duration::ZERO } else { wait };
    Duration::from_millis(1) + least * 2 + share
}

/// `time`, when it counts from where `before` counts from.
fn delayed(time: Time, before: Time) -> Time {
    let (Time::At(before) | Time::Between(_, before)) = before else { return time };
    let later = |moment| match (moment, before) {
        (Moment::Relative(time), Moment::Relative(delay)) => Moment::Relative(time + delay),
        (Moment::Relative(time), Moment::Absolute(at)) => Moment::Absolute(time + at),
        (absolute, _) => absolute,
    };
    match time {
        Time::At(at) => Time::At(later(at)),
        Time::Between(first, last) => Time::Between(later(first), later(last)),
        Time::Blocking(first, last) => Time::Blocking(later(first), later(last)),
        Time::Any => Time::Any,
    }
}

/// Another number, or another error. What a call that makes a descriptor returns is the script's
/// own name for it.
fn other_result(original: &Script, at: usize, call: &Call) -> Option<Script> {
    let mut changed = call.clone();
    match (&call.result, &call.errno) {
        (_, Some(_)) => changed.errno = Some("EDOM".to_owned()),
        _ if matches!(call.name.as_str(), "socket" | "accept" | "accept4") => return None,
        (Expression::Number(number), None) => {
            changed.result = Expression::Number(number.saturating_add(1));
        }
        _ => return None,
    }
    let mut script = original.clone();
    event(&mut script, at)?.action = Action::Call(changed);
    Some(script)
}

/// `assert a == b` becomes `assert a != b`, where that is all the block says.
fn denied(original: &Script, at: usize) -> Option<Script> {
    let mut script = original.clone();
    let Action::Code(code) = &mut event(&mut script, at)?.action else { return None };
    let one = code.text.matches("==").count() == 1 && code.text.matches("assert").count() == 1;
    if !one || code.text.contains(" or ") {
        return None;
    }
    code.text = code.text.replace("==", "!=");
    Some(script)
}

/// `grep -c STATE | grep NUMBER`: one more.
fn other_count(original: &Script, at: usize) -> Option<Script> {
    let mut script = original.clone();
    let Action::Command(command) = &mut event(&mut script, at)?.action else { return None };
    if !command.text.contains("grep -c") {
        return None;
    }
    let (rest, number) = command.text.trim_end().rsplit_once(' ')?;
    command.text = format!("{rest} {}", number.parse::<u32>().ok()? + 1);
    Some(script)
}
