//! What is wrong with a script's text, and where. Knows nothing of running one.

use core::fmt;

/// A script that could not be read: what was wrong, at which line and column (both from 1),
/// with the line itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The script's name, as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What was expected or is not understood.
    pub message: String,
    /// The line as it stands in the script.
    pub text: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if self.text.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n  {}", self.text)?;
        // Tabs are kept so that the mark stands under the character it means.
        let before = self.text.chars().take(self.column.saturating_sub(1));
        let pad: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "  {pad}^")
    }
}

impl core::error::Error for ParseError {}
