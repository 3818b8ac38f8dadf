//! The grammar: a script's text becomes an [`Script`]. Total: any text gives a script or
//! an error that names file, line and column. Checks form, not sense.

mod call;
mod packet;
mod tcp_option;

use super::ast::{Action, Command, Direction, Event, Moment, Script, ScriptOption, Time};
use super::cursor::{Cursor, Read};
use super::error::ParseError;
use super::source::{Definitions, prepare};

/// Reads a script. `name` is the name errors begin with.
///
/// # Errors
/// The first thing in the text that is not understood.
pub fn parse(name: &str, text: &str, defined: &Definitions) -> Result<Script, ParseError> {
    let prepared = prepare(name, text, defined)?;
    let mut cursor = Cursor::new(name, text, &prepared);
    let options = options(&mut cursor)?;
    let initial = command(&mut cursor)?;
    let mut events = Vec::new();
    let mut last = None;
    while !cursor.at_end()? {
        if let Some(command) = command(&mut cursor)? {
            last = Some(command);
            if !cursor.at_end()? {
                return Err(cursor.error("only the last command of a script stands without a time"));
            }
            break;
        }
        events.push(event(&mut cursor)?);
    }
    first_event_at_zero(&cursor, &events)?;
    Ok(Script { name: name.to_owned(), text: text.to_owned(), options, initial, events, last })
}

fn options(cursor: &mut Cursor<'_>) -> Read<Vec<ScriptOption>> {
    let mut options = Vec::new();
    while cursor.sees("--")? {
        let line = cursor.line();
        cursor.need("--")?;
        let name = cursor.run(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if name.is_empty() {
            return cursor.expected("an option's name");
        }
        let value = if cursor.peek() == Some('=') {
            cursor.need("=")?;
            Some(cursor.run(|c| !c.is_whitespace()).to_owned())
        } else {
            None
        };
        options.push(ScriptOption { name: name.to_owned(), value, line });
    }
    Ok(options)
}

/// Back-quoted commands that stand one after another count as one.
fn command(cursor: &mut Cursor<'_>) -> Read<Option<Command>> {
    let mut found: Option<Command> = None;
    while cursor.sees("`")? {
        let line = cursor.line();
        let text = enclosed(cursor, "`", "`", "this command")?;
        match &mut found {
            Some(command) => {
                command.text.push('\n');
                command.text.push_str(&text);
            }
            None => found = Some(Command { text, line }),
        }
    }
    Ok(found)
}

fn enclosed(cursor: &mut Cursor<'_>, open: &str, close: &str, what: &str) -> Read<String> {
    cursor.need(open)?;
    Ok(cursor.until(close, what)?.to_owned())
}

fn event(cursor: &mut Cursor<'_>) -> Read<Event> {
    cursor.skip_space()?;
    let start = *cursor;
    let time = time(cursor)?;
    cursor.skip_space()?;
    let line = cursor.line();
    let action = match cursor.peek() {
        Some('<') => {
            cursor.need("<")?;
            Action::Packet(packet::packet(cursor, Direction::In)?)
        }
        Some('>') => {
            cursor.need(">")?;
            Action::Packet(packet::packet(cursor, Direction::Out)?)
        }
        Some('`') => {
            Action::Command(Command { text: enclosed(cursor, "`", "`", "this command")?, line })
        }
        Some('%') => {
            Action::Code(Command { text: enclosed(cursor, "%{", "}%", "this code")?, line })
        }
        Some(c) if c.is_ascii_alphabetic() || c == '_' => Action::Call(call::call(cursor)?),
        _ => return cursor.expected("\"<\", \">\", a call, a `command` or %{ code }%"),
    };
    let outbound = matches!(&action, Action::Packet(packet) if packet.direction == Direction::Out);
    match time {
        Time::Any | Time::Between(..) if !outbound => {
            Err(start.error("only a packet from the stack (\">\") can have an open time"))
        }
        Time::Blocking(..) if !matches!(action, Action::Call(_)) => {
            Err(start.error("only a call can have an end time (\"...\")"))
        }
        _ => Ok(Event { line, time, action }),
    }
}

fn time(cursor: &mut Cursor<'_>) -> Read<Time> {
    if cursor.take("*")? {
        return Ok(Time::Any);
    }
    let first = moment(cursor)?;
    let range = cursor.take("~")?;
    if !range && !cursor.take("...")? {
        return Ok(Time::At(first));
    }
    // "+0...0.2": the end counts from where the beginning counts from.
    let second = match (first, moment(cursor)?) {
        (Moment::Relative(_), Moment::Absolute(end)) => Moment::Relative(end),
        (_, end) => end,
    };
    Ok(if range { Time::Between(first, second) } else { Time::Blocking(first, second) })
}

fn moment(cursor: &mut Cursor<'_>) -> Read<Moment> {
    let relative = cursor.take("+")?;
    match cursor.seconds()? {
        Some(time) if relative => Ok(Moment::Relative(time)),
        Some(time) => Ok(Moment::Absolute(time)),
        None => cursor.expected("a time (0.5, +.1, *)"),
    }
}

/// The first event starts the clock, so it happens at 0.
fn first_event_at_zero(cursor: &Cursor<'_>, events: &[Event]) -> Read<()> {
    let Some(first) = events.first() else { return Err(cursor.error("this script has no event")) };
    match first.time {
        Time::At(Moment::Absolute(time) | Moment::Relative(time))
        | Time::Blocking(Moment::Absolute(time) | Moment::Relative(time), _)
            if time.is_zero() =>
        {
            Ok(())
        }
        _ => Err(cursor.error_on_line(first.line, "the first event must be at time 0")),
    }
}
