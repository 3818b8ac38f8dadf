//! What stands between the operators of a `%{ }%` expression: numbers, strings, names, parentheses,
//! signs, and the values that fill a text.

use super::expression::{Evaluated, Evaluation};
use super::{Refused, Value, from_truth};

/// Expressions this deep are enough; more would overflow the evaluator.
const DEEPEST: usize = 64;

impl Evaluation<'_> {
    /// The values for a text's `%d`: evaluated, and left to the message of a false assertion, which
    /// says all values anyway.
    pub(super) fn fill(&mut self) -> Result<(), Refused> {
        if !self.take("(") {
            return self.unary().map(|_| ());
        }
        self.or()?;
        while self.take(",") {
            self.or()?;
        }
        if self.take(")") { Ok(()) } else { self.unknown() }
    }

    pub(super) fn unary(&mut self) -> Evaluated {
        let mut negative = false;
        while self.take("-") {
            negative = !negative;
        }
        let value = self.atom()?;
        Ok(if negative { Value::Number(-self.number(&value)?) } else { value })
    }

    fn atom(&mut self) -> Evaluated {
        if self.take("(") {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err(Refused::Unknown("this expression is nested too deep".to_owned()));
            }
            let value = self.or()?;
            self.depth -= 1;
            return if self.take(")") { Ok(value) } else { self.unknown() };
        }
        for quote in ["\"", "'"] {
            if self.take(quote) {
                let Some((text, rest)) = self.rest.split_once(quote) else { return self.unknown() };
                self.rest = rest;
                return Ok(Value::Text(text.to_owned()));
            }
        }
        let text = self.rest.trim_start();
        let length = text
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
            .unwrap_or(text.len());
        let (word, rest) = text.split_at(length);
        if word.is_empty() {
            return self.unknown();
        }
        self.rest = rest;
        if let Some(hexadecimal) = word.strip_prefix("0x") {
            let number = u32::from_str_radix(hexadecimal, 16);
            return number
                .map(|n| Value::Number(n.into()))
                .map_err(|_| Refused::Unknown(word.to_owned()));
        }
        if word.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return word
                .parse()
                .map(Value::Number)
                .map_err(|_| Refused::Unknown(format!("{word} is no number")));
        }
        let value = match word {
            "True" => Some(from_truth(true)),
            "False" => Some(from_truth(false)),
            _ => (self.variable)(word),
        };
        let Some(value) = value else {
            return Err(Refused::Unknown(format!("{word} is not known")));
        };
        self.seen.push((word.to_owned(), value.clone()));
        Ok(value)
    }
}
