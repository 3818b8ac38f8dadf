//! Calls of the application: `connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)`.

use super::super::ast::{Call, Expression, Field};
use super::super::cursor::{Cursor, Read};

/// Structures and lists this deep are enough for any call; more would overflow the parser.
const DEEPEST: usize = 32;

/// The call that comes next, with its result.
pub(super) fn call(cursor: &mut Cursor<'_>) -> Read<Call> {
    let Some(name) = cursor.word()? else { return cursor.expected("a function's name") };
    let arguments = arguments(cursor, 0)?;
    cursor.need("=")?;
    let result = expression(cursor, 0)?;
    // A word after the result is the error's name: events begin with a time, never with a word.
    let errno = cursor.word()?.map(str::to_owned);
    let note = if cursor.take("(")? {
        Some(cursor.until(")", "this note")?.trim().to_owned())
    } else {
        None
    };
    Ok(Call { name: name.to_owned(), arguments, result, errno, note })
}

fn arguments(cursor: &mut Cursor<'_>, depth: usize) -> Read<Vec<Expression>> {
    cursor.need("(")?;
    separated(cursor, ")", |cursor| expression(cursor, depth + 1))
}

/// What `one` reads, separated by commas, up to `close`.
fn separated<T>(
    cursor: &mut Cursor<'_>,
    close: &str,
    mut one: impl FnMut(&mut Cursor<'_>) -> Read<T>,
) -> Read<Vec<T>> {
    let mut all = Vec::new();
    if cursor.take(close)? {
        return Ok(all);
    }
    loop {
        all.push(one(cursor)?);
        if !cursor.take(",")? {
            cursor.need(close)?;
            return Ok(all);
        }
    }
}

fn expression(cursor: &mut Cursor<'_>, depth: usize) -> Read<Expression> {
    if depth > DEEPEST {
        return Err(cursor.error("this is nested too deep"));
    }
    let first = single(cursor, depth)?;
    if !cursor.sees("|")? {
        return Ok(first);
    }
    let mut all = vec![first];
    while cursor.take("|")? {
        all.push(single(cursor, depth)?);
    }
    Ok(Expression::Or(all))
}

fn single(cursor: &mut Cursor<'_>, depth: usize) -> Read<Expression> {
    if cursor.take("...")? {
        return Ok(Expression::Supplied);
    }
    if cursor.take("[")? {
        return Ok(Expression::List(separated(cursor, "]", |cursor| {
            expression(cursor, depth + 1)
        })?));
    }
    if cursor.take("{")? {
        return Ok(Expression::Structure(separated(cursor, "}", |cursor| {
            field(cursor, depth + 1)
        })?));
    }
    if cursor.sees("\"")? {
        return Ok(Expression::Text(cursor.string()?));
    }
    if let Some(number) = cursor.number()? {
        return Ok(Expression::Number(number));
    }
    match cursor.word()? {
        Some(name) if cursor.peek() == Some('(') => {
            Ok(Expression::Apply(name.to_owned(), arguments(cursor, depth)?))
        }
        Some(name) => Ok(Expression::Name(name.to_owned())),
        None => cursor.expected("an argument"),
    }
}

/// `name=value`, `name(size)=value` or a value alone.
fn field(cursor: &mut Cursor<'_>, depth: usize) -> Read<Field> {
    let mut ahead = *cursor;
    if let Some(name) = ahead.word()? {
        let size = if ahead.take("(")? {
            let size = expression(&mut ahead, depth).ok();
            size.filter(|_| ahead.take(")").unwrap_or(false))
        } else {
            None
        };
        if ahead.take("=")? {
            *cursor = ahead;
            return Ok(Field {
                name: Some(name.to_owned()),
                size,
                value: expression(cursor, depth)?,
            });
        }
    }
    Ok(Field { name: None, size: None, value: expression(cursor, depth)? })
}
