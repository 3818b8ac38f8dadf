//! Why a command ends badly: what was wrong, what to do, and the exit code.

use crate::output::talk;
use std::fmt::Display;
use std::io;
use std::process::ExitCode;

/// A command's bad end.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// A failure with exit code 1.
    pub(crate) fn new(message: impl Display) -> Self {
        Self { code: 1, message: message.to_string() }
    }

    /// The same with another exit code.
    pub(crate) fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// Says why on standard error; the exit code. Nothing to say is no failure.
    pub(crate) fn report(self) -> ExitCode {
        if !self.message.is_empty() {
            talk(&format!("danja: {}", self.message));
        }
        ExitCode::from(self.code)
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// What a socket's error means, in words: its cause on the network is in its text already; what
/// the user can do about it is added.
pub(crate) fn explain_io(error: &io::Error, on_built_in_lan: bool) -> String {
    let hint = match error.kind() {
        io::ErrorKind::NetworkUnreachable if on_built_in_lan => {
            "\nThe way out of the built-in LAN is this machine's, and it has none there."
        }
        io::ErrorKind::NetworkUnreachable => "\n--via GATEWAY names the router to other networks.",
        _ => "",
    };
    format!("{error}{hint}")
}
