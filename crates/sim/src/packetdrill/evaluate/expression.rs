//! The precedence of a `%{ }%` expression, loosest first: logic, comparison, bits, arithmetic. What
//! stands between operators is `operand`'s.

use super::{Refused, Value, from_truth, keyword, truth};

pub(super) struct Evaluation<'a> {
    pub(super) rest: &'a str,
    pub(super) variable: &'a dyn Fn(&str) -> Option<Value>,
    /// Names met and their values, for the message of a false assertion.
    pub(super) seen: Vec<(String, Value)>,
    /// Parentheses that are open.
    pub(super) depth: usize,
}

pub(super) type Evaluated = Result<Value, Refused>;

impl<'a> Evaluation<'a> {
    pub(super) fn new(text: &'a str, variable: &'a dyn Fn(&str) -> Option<Value>) -> Self {
        Self { rest: text, variable, seen: Vec::new(), depth: 0 }
    }

    /// Expressions separated by commas, to the end.
    pub(super) fn list(&mut self) -> Result<Vec<Value>, Refused> {
        let mut values = vec![self.or()?];
        while self.take(",") {
            values.push(self.or()?);
        }
        if self.rest.trim().is_empty() { Ok(values) } else { self.unknown() }
    }

    pub(super) fn unknown<T>(&self) -> Result<T, Refused> {
        Err(Refused::Unknown(format!("not understood here: \"{}\"", self.rest.trim())))
    }

    pub(super) fn take(&mut self, mark: &str) -> bool {
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

    pub(super) fn or(&mut self) -> Evaluated {
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

    pub(super) fn number(&self, value: &Value) -> Result<f64, Refused> {
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
}
