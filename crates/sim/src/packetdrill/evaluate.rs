//! Evaluates the `%{ … }%` blocks: `assert` and `print` over comparisons, logic and arithmetic.
//! Not a Python: what it does not know is an error that says so, never ignored.

use core::fmt;

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

/// Expressions this deep are enough; more would overflow the evaluator.
const DEEPEST: usize = 64;

struct Evaluation<'a> {
    rest: &'a str,
    variable: &'a dyn Fn(&str) -> Option<Value>,
    /// Names met and their values, for the message of a false assertion.
    seen: Vec<(String, Value)>,
    depth: usize,
}

type Evaluated = Result<Value, Refused>;

impl<'a> Evaluation<'a> {
    fn new(text: &'a str, variable: &'a dyn Fn(&str) -> Option<Value>) -> Self {
        Self { rest: text, variable, seen: Vec::new(), depth: 0 }
    }

    /// Expressions separated by commas, to the end.
    fn list(&mut self) -> Result<Vec<Value>, Refused> {
        let mut values = vec![self.or()?];
        while self.take(",") {
            values.push(self.or()?);
        }
        if self.rest.trim().is_empty() { Ok(values) } else { self.unknown() }
    }

    fn unknown<T>(&self) -> Result<T, Refused> {
        Err(Refused::Unknown(format!("not understood here: \"{}\"", self.rest.trim())))
    }

    fn take(&mut self, mark: &str) -> bool {
        let trimmed = self.rest.trim_start();
        trimmed.strip_prefix(mark).is_some_and(|rest| {
            self.rest = rest;
            true
        })
    }

    fn take_word(&mut self, word: &str) -> bool {
        let trimmed = self.rest.trim_start();
        keyword(trimmed, word).is_some_and(|rest| {
            self.rest = rest;
            true
        })
    }

    fn or(&mut self) -> Evaluated {
        let mut left = self.and()?;
        while self.take_word("or") {
            let right = self.and()?;
            left = if truth(&left) { left } else { right };
        }
        Ok(left)
    }

    fn and(&mut self) -> Evaluated {
        let mut left = self.not()?;
        while self.take_word("and") {
            let right = self.not()?;
            left = if truth(&left) { right } else { left };
        }
        Ok(left)
    }

    fn not(&mut self) -> Evaluated {
        let mut odd = false;
        let mut any = false;
        while self.take_word("not") {
            odd = !odd;
            any = true;
        }
        let value = self.comparison()?;
        Ok(if any { from_truth(truth(&value) != odd) } else { value })
    }

    /// `a < b <= c` is true if each neighbouring pair is.
    fn comparison(&mut self) -> Evaluated {
        const OPERATORS: [&str; 6] = ["==", "!=", "<=", ">=", "<", ">"];
        let mut left = self.bit_or()?;
        let mut all = None;
        while let Some(operator) = OPERATORS.into_iter().find(|operator| self.take(operator)) {
            let right = self.bit_or()?;
            let order = match (&left, &right) {
                (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
                (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
                _ => None,
            };
            let holds = match operator {
                "==" => order.is_some_and(|order| order.is_eq()),
                "!=" => order.is_none_or(|order| order.is_ne()),
                "<=" => order.is_some_and(|order| order.is_le()),
                ">=" => order.is_some_and(|order| order.is_ge()),
                "<" => order.is_some_and(|order| order.is_lt()),
                _ => order.is_some_and(|order| order.is_gt()),
            };
            all = Some(all.unwrap_or(true) && holds);
            left = right;
        }
        Ok(all.map_or(left, from_truth))
    }

    fn bit_or(&mut self) -> Evaluated {
        let mut left = self.bit_and()?;
        while self.take("|") {
            left = self.bits(&left, Self::bit_and, |a, b| a | b)?;
        }
        Ok(left)
    }

    fn bit_and(&mut self) -> Evaluated {
        let mut left = self.shift()?;
        while self.take("&") {
            left = self.bits(&left, Self::shift, |a, b| a & b)?;
        }
        Ok(left)
    }

    fn shift(&mut self) -> Evaluated {
        let mut left = self.sum()?;
        loop {
            if self.take("<<") {
                left = self.bits(&left, Self::sum, |a, b| a.wrapping_shl(b as u32))?;
            } else if self.take(">>") {
                left = self.bits(&left, Self::sum, |a, b| a.wrapping_shr(b as u32))?;
            } else {
                return Ok(left);
            }
        }
    }

    fn bits(
        &mut self,
        left: &Value,
        next: fn(&mut Self) -> Evaluated,
        combine: fn(i64, i64) -> i64,
    ) -> Evaluated {
        let right = next(self)?;
        Ok(Value::Number(combine(self.number(left)? as i64, self.number(&right)? as i64) as f64))
    }

    fn number(&self, value: &Value) -> Result<f64, Refused> {
        match value {
            Value::Number(number) => Ok(*number),
            Value::Text(text) => Err(Refused::Unknown(format!("\"{text}\" is no number"))),
        }
    }

    fn sum(&mut self) -> Evaluated {
        let mut left = self.product()?;
        loop {
            let plus = self.take("+");
            if !plus && !self.take("-") {
                return Ok(left);
            }
            let right = self.product()?;
            let (a, b) = (self.number(&left)?, self.number(&right)?);
            left = Value::Number(if plus { a + b } else { a - b });
        }
    }

    fn product(&mut self) -> Evaluated {
        let mut left = self.unary()?;
        loop {
            let Some(operator) =
                ["*", "//", "/", "%"].into_iter().find(|operator| self.take(operator))
            else {
                return Ok(left);
            };
            if operator == "%" && matches!(left, Value::Text(_)) {
                self.fill()?;
                continue;
            }
            let right = self.unary()?;
            let (a, b) = (self.number(&left)?, self.number(&right)?);
            if operator != "*" && b == 0.0 {
                return Err(Refused::Unknown("division by zero".to_owned()));
            }
            left = Value::Number(match operator {
                "*" => a * b,
                "/" => a / b,
                "//" => (a / b).floor(),
                _ => a - (a / b).floor() * b,
            });
        }
    }

    /// The values for a text's `%d`: evaluated, and left to the message of a false assertion, which
    /// says all values anyway.
    fn fill(&mut self) -> Result<(), Refused> {
        if !self.take("(") {
            return self.unary().map(|_| ());
        }
        self.or()?;
        while self.take(",") {
            self.or()?;
        }
        if self.take(")") { Ok(()) } else { self.unknown() }
    }

    fn unary(&mut self) -> Evaluated {
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

#[cfg(test)]
mod tests {
    use super::{Refused, Value, run};

    fn check(code: &str) -> Result<(), Refused> {
        run(code, &|name| match name {
            "a" => Some(Value::Number(7.0)),
            "b" => Some(Value::Number(3.0)),
            "name" => Some(Value::Text("cubic".to_owned())),
            _ => None,
        })
    }

    #[test]
    fn true_assertions_pass() {
        let code = "assert a == 7\nassert b < a <= 7 and a != b, 'said'\nassert (a & 3) == 3 and (a | 8) == 15
            assert a + b * 2 - 1 == 12; assert a / 2 == 3.5; assert a // 2 == 3 and a % b == 1
            assert not a == b or False # a comment; assert False
            assert (a >
                b), a
            assert 1 << b == 8 and 16 >> 1 == 8 and -b == 0 - 3 and 0x1f == 31
            assert a == 7, 'a=%d' % a; assert a == 7, 'a=%d b=%d' % (a, b)
            assert name == 'cubic' and name != \"reno\" and not not True\nprint a, b\nprint (a)";
        assert_eq!(check(code), Ok(()));
    }

    #[test]
    fn false_assertions_say_the_values() {
        let Err(Refused::False(message)) = check("assert a == 7\nassert a == b, 'x'") else {
            panic!()
        };
        assert_eq!(message, "assert a == b, 'x' is false (a is 7, b is 3)");
        for code in [
            "assert a < b",
            "assert 1 < a < 2",
            "assert a == 8 and b == 3",
            "assert name == 7",
            "assert not a",
        ] {
            assert!(matches!(check(code), Err(Refused::False(_))), "{code}");
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for code in [
            "assert c",
            "x = 3",
            "assert a ==",
            "assert (a",
            "assert a b",
            "asserted",
            "assert a / 0",
            "if a:",
        ] {
            assert!(matches!(check(code), Err(Refused::Unknown(_))), "{code}");
        }
        let deep = format!("assert {}a", "(".repeat(10_000));
        assert!(matches!(check(&deep), Err(Refused::Unknown(_))));
    }
}
