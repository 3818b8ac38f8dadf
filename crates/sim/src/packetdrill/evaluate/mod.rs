//! Evaluates the `%{ … }%` blocks: `assert` and `print` over comparisons, logic and arithmetic.
//! Not a Python: what it does not know is an error that says so, never ignored.

mod expression;
mod operand;
#[cfg(test)]
mod tests;

use core::fmt;
use expression::Evaluation;

/// A value of an expression. Truth is 1 and 0, as in Python.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Any number; exact up to 2^53.
    Number(f64),
    /// A string.
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// Why a block did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// An assertion is false: its text, and the values of the names in it.
    False(String),
    /// Something here is not understood.
    Unknown(String),
}

/// Runs the statements of one block; `variable` knows the values of names.
///
/// # Errors
/// The first assertion that is false, or the first thing that is not understood.
pub fn run(code: &str, variable: &dyn Fn(&str) -> Option<Value>) -> Result<(), Refused> {
    for statement in statements(code) {
        let words = statement.trim();
        if let Some(condition) = keyword(words, "assert") {
            assertion(condition, variable)?;
        } else if let Some(shown) = keyword(words, "print") {
            Evaluation::new(shown, variable).list()?;
        } else {
            return Err(Refused::Unknown(format!("only assert and print are understood: {words}")));
        }
    }
    Ok(())
}

/// What follows `word` in a statement that begins with it.
fn keyword<'a>(statement: &'a str, word: &str) -> Option<&'a str> {
    let rest = statement.strip_prefix(word)?;
    (!rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')).then_some(rest)
}

fn assertion(condition: &str, variable: &dyn Fn(&str) -> Option<Value>) -> Result<(), Refused> {
    let mut evaluation = Evaluation::new(condition, variable);
    let values = evaluation.list()?;
    if values.first().is_some_and(truth) {
        return Ok(());
    }
    let named = evaluation.seen.iter().map(|(name, value)| format!("{name} is {value}"));
    let named: Vec<String> = named.collect();
    Err(Refused::False(format!("assert{} is false ({})", condition.trim_end(), named.join(", "))))
}

/// Statements end at a line's end or a `;`, outside of parentheses and strings; `#` begins a comment.
fn statements(code: &str) -> Vec<String> {
    let joined = code.replace("\\\n", " ");
    let mut found = vec![String::new()];
    let (mut depth, mut quote, mut comment) = (0_i32, None, false);
    for c in joined.chars() {
        match (quote, c) {
            _ if comment && c != '\n' => continue,
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') => {
                comment = true;
                continue;
            }
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, '\n' | ';') if depth <= 0 => {
                comment = false;
                found.push(String::new());
                continue;
            }
            (None, '\n') => comment = false,
            _ => {}
        }
        if let Some(last) = found.last_mut() {
            last.push(c);
        }
    }
    found.retain(|statement| !statement.trim().is_empty());
    found
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Number(number) => *number != 0.0,
        Value::Text(text) => !text.is_empty(),
    }
}

fn from_truth(truth: bool) -> Value {
    Value::Number(f64::from(u8::from(truth)))
}
