//! Data goes to standard output, talk to standard error. A reader of standard output that has
//! closed it has had enough, which is no failure.

use crate::failure::Failure;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// A line to standard error. A closed one is nobody's loss.
pub(crate) fn talk(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// What others said, without what would steer a terminal: only tabs and line ends stay of the
/// control characters.
pub(crate) fn plain(text: &str) -> String {
    let steers = |c: char| c.is_control() && !matches!(c, '\t' | '\n');
    text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Whether a person watches standard error, so that progress is of use.
pub(crate) fn watched() -> bool {
    io::stderr().is_terminal()
}

/// Writes to standard output, at once.
///
/// # Errors
/// As [`write_failed`] says.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| write_failed(&error))
}

/// What an error of writing to standard output means for the command: a closed pipe is success.
pub(crate) fn write_failed(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::new("").with_code(0);
    }
    Failure::new(format_args!("standard output: {error}"))
}

/// The exit code of success or of "no".
pub(crate) fn exit(success: bool) -> ExitCode {
    if success { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
