//! Reads the pieces of a script from its text: words, numbers, strings, marks. It knows where it
//! is, for errors; it knows no grammar. What a piece is depends on where it stands (`.` is a flag,
//! a decimal point or a third of an ellipsis), so the grammar asks for what it wants.

use super::error::ParseError;
use core::time::Duration;

/// A place in a script's text.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    file: &'a str,
    /// The text as its author wrote it, for quoting.
    original: &'a str,
    text: &'a str,
    at: usize,
}

/// The result of reading something.
pub(super) type Read<T> = Result<T, ParseError>;

impl<'a> Cursor<'a> {
    /// At the beginning of `text`, which was made from `original` line by line.
    pub(super) const fn new(file: &'a str, original: &'a str, text: &'a str) -> Self {
        Self { file, original, text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character, spaces included.
    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The line of this place, from 1.
    pub(super) fn line(&self) -> usize {
        self.text.get(..self.at).map_or(0, |before| before.matches('\n').count()) + 1
    }

    /// An error at this place; behind the last line's end it is that end.
    pub(super) fn error(&self, message: impl Into<String>) -> ParseError {
        let before = self.text.get(..self.at).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(start..).map_or(0, |part| part.chars().count());
        let last = self.original.lines().enumerate().last();
        let (line, column, text) = match (self.line(), last) {
            (line, Some((at, text))) if line > at + 1 => (at + 1, text.chars().count(), text),
            (line, _) => (line, column, self.original.lines().nth(line - 1).unwrap_or_default()),
        };
        ParseError {
            file: self.file.to_owned(),
            line,
            column: column + 1,
            message: message.into(),
            text: text.to_owned(),
        }
    }

    /// An error that quotes the line with this number (from 1).
    pub(super) fn error_on_line(&self, line: usize, message: &str) -> ParseError {
        let text = self.original.lines().nth(line.saturating_sub(1)).unwrap_or_default().to_owned();
        ParseError {
            file: self.file.to_owned(),
            line,
            column: 1,
            message: message.to_owned(),
            text,
        }
    }

    /// "`wanted` is expected", with what stands there instead.
    pub(super) fn expected<T>(&self, wanted: &str) -> Read<T> {
        let found: String = self.rest().chars().take_while(|c| *c != '\n').take(16).collect();
        let found = found.trim_end();
        let instead = if found.is_empty() {
            "the line ends".to_owned()
        } else {
            format!("found \"{found}\"")
        };
        Err(self.error(format!("{wanted} is expected, but {instead}")))
    }

    fn advance(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.text.len());
    }

    /// Skips one character, whatever it is.
    pub(super) fn skip_character(&mut self) {
        self.advance(self.peek().map_or(0, char::len_utf8));
    }

    /// Skips spaces, line ends and comments.
    pub(super) fn skip_space(&mut self) -> Read<()> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.advance(rest.len() - trimmed.len());
            if trimmed.starts_with("//") {
                self.advance(trimmed.find('\n').unwrap_or(trimmed.len()));
            } else if trimmed.starts_with("/*") {
                let end =
                    trimmed.find("*/").ok_or_else(|| self.error("this comment has no end"))?;
                self.advance(end + 2);
            } else {
                return Ok(());
            }
        }
    }

    /// Whether the text ends here, but for spaces and comments.
    pub(super) fn at_end(&mut self) -> Read<bool> {
        self.skip_space()?;
        Ok(self.rest().is_empty())
    }

    /// Whether `mark` comes next, after spaces.
    pub(super) fn sees(&mut self, mark: &str) -> Read<bool> {
        self.skip_space()?;
        Ok(self.rest().starts_with(mark))
    }

    /// Skips spaces, and `mark` if it comes next.
    pub(super) fn take(&mut self, mark: &str) -> Read<bool> {
        let found = self.sees(mark)?;
        if found {
            self.advance(mark.len());
        }
        Ok(found)
    }

    /// Skips spaces and `mark`, which must come next.
    pub(super) fn need(&mut self, mark: &str) -> Read<()> {
        if self.take(mark)? { Ok(()) } else { self.expected(&format!("\"{mark}\"")) }
    }

    /// The longest run from here of characters that `belongs` accepts; no space is skipped.
    pub(super) fn run(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let found =
            rest.get(..rest.find(|c| !belongs(c)).unwrap_or(rest.len())).unwrap_or_default();
        self.advance(found.len());
        found
    }

    /// The text up to `end`, which is skipped too.
    pub(super) fn until(&mut self, end: &str, what: &str) -> Read<&'a str> {
        let rest = self.rest();
        let length = rest
            .find(end)
            .ok_or_else(|| self.error(format!("{what} has no end: \"{end}\" is missing")))?;
        self.advance(length + end.len());
        Ok(rest.get(..length).unwrap_or_default())
    }

    /// A word (letters, digits, `_`, not a digit first) if one comes next, after spaces.
    pub(super) fn word(&mut self) -> Read<Option<&'a str>> {
        self.skip_space()?;
        if self.peek().is_some_and(|c| c.is_ascii_alphabetic() || c == '_') {
            Ok(Some(self.run(|c| c.is_ascii_alphanumeric() || c == '_')))
        } else {
            Ok(None)
        }
    }

    /// Skips spaces, and the whole word `word` if it comes next.
    pub(super) fn take_word(&mut self, word: &str) -> Read<bool> {
        let mut ahead = *self;
        let found = ahead.word()? == Some(word);
        if found {
            *self = ahead;
        }
        Ok(found)
    }

    /// A number (decimal or `0x…`, a sign before it) if one comes next, after spaces.
    pub(super) fn number(&mut self) -> Read<Option<i64>> {
        self.skip_space()?;
        let start = *self;
        let negative = self.peek() == Some('-');
        if negative {
            self.advance(1);
        }
        let rest = self.rest();
        let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
        let value = if hexadecimal {
            self.advance(2);
            let digits = self.run(|c| c.is_ascii_hexdigit());
            u64::from_str_radix(digits, 16)
        } else {
            let digits = self.run(|c| c.is_ascii_digit());
            if digits.is_empty() {
                *self = start;
                return Ok(None);
            }
            digits.parse()
        };
        // Words above i64's range are the bits of a 64-bit flag set.
        let value =
            value.map_err(|_| start.error("this number does not fit in 64 bits"))?.cast_signed();
        Ok(Some(if negative { value.wrapping_neg() } else { value }))
    }

    /// A number that fits `T`; `what` names it in the error.
    pub(super) fn need_number<T: TryFrom<i64>>(&mut self, what: &str) -> Read<T> {
        self.skip_space()?;
        let start = *self;
        let Some(value) = self.number()? else { return self.expected(what) };
        T::try_from(value).map_err(|_| start.error(format!("{value} is out of range for {what}")))
    }

    /// A time in seconds (`1`, `.1`, `0.25`) if one comes next, after spaces.
    pub(super) fn seconds(&mut self) -> Read<Option<Duration>> {
        self.skip_space()?;
        let start = *self;
        let whole = self.run(|c| c.is_ascii_digit());
        let mut fraction = "";
        let rest = self.rest();
        // "0...0.2" is a 0, an ellipsis and 0.2.
        if rest.starts_with('.') && !rest.starts_with("..") {
            self.advance(1);
            fraction = self.run(|c| c.is_ascii_digit());
        }
        if whole.is_empty() && fraction.is_empty() {
            *self = start;
            return Ok(None);
        }
        let padded: String = fraction.chars().chain(core::iter::repeat('0')).take(9).collect();
        let seconds = if whole.is_empty() { Ok(0) } else { whole.parse::<u64>() };
        match (seconds, padded.parse::<u32>()) {
            (Ok(seconds), Ok(nanoseconds)) => Ok(Some(Duration::new(seconds, nanoseconds))),
            _ => Err(start.error("this time is too long")),
        }
    }

    /// The body of a string literal whose opening quote comes next, with C's escapes undone.
    pub(super) fn string(&mut self) -> Read<Vec<u8>> {
        let start = *self;
        self.need("\"")?;
        let mut bytes = Vec::new();
        loop {
            let Some(c) = self.peek() else { return Err(start.error("this string has no end")) };
            self.advance(c.len_utf8());
            match c {
                '"' => return Ok(bytes),
                '\n' => return Err(start.error("this string has no end")),
                '\\' => bytes.push(self.escape()?),
                _ => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }

    fn escape(&mut self) -> Read<u8> {
        let Some(c) = self.peek() else { return self.expected("a character after \\") };
        self.advance(c.len_utf8());
        Ok(match c {
            'n' => b'\n',
            't' => b'\t',
            'r' => b'\r',
            'x' => {
                let rest = self.rest();
                let digits = rest.get(
                    ..rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len()).min(2),
                );
                let digits = digits.unwrap_or_default();
                self.advance(digits.len());
                u8::from_str_radix(digits, 16)
                    .map_err(|_| self.error("hexadecimal digits are expected after \\x"))?
            }
            '0'..='7' => {
                let rest = self.rest();
                let more = rest.len() - rest.trim_start_matches(|c| matches!(c, '0'..='7')).len();
                let digits = rest.get(..more.min(2)).unwrap_or_default();
                self.advance(digits.len());
                let octal = format!("{c}{digits}");
                u8::from_str_radix(&octal, 8)
                    .map_err(|_| self.error("this octal escape is above 255"))?
            }
            '\\' | '"' | '\'' => u8::try_from(c).unwrap_or(b'?'),
            _ => return Err(self.error(format!("\\{c} is not an escape"))),
        })
    }
}
