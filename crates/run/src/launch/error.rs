//! Why a program was not started.

use super::join;
use crate::program::ProgramError;
use rustix::io::Errno;
use std::fmt;
use std::io;

/// Why a program was not started.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LaunchError {
    /// The program cannot be executed.
    Program(ProgramError),
    /// Namespaces are not permitted here.
    NoNamespace {
        /// What was refused, after "cannot".
        step: &'static str,
        /// How.
        errno: Errno,
    },
    /// Neither way to a host is permitted here.
    Impossible {
        /// What stands in the way of each.
        reasons: Vec<String>,
    },
    /// The system refused something that it usually grants.
    System {
        /// What was to be done, after "cannot".
        doing: &'static str,
        /// What it said.
        what: String,
    },
}

impl LaunchError {
    pub(super) fn system(doing: &'static str, errno: Errno) -> Self {
        Self::System { doing, what: errno.to_string() }
    }

    pub(super) fn device(error: &io::Error) -> Self {
        Self::System { doing: "set up the program's network", what: error.to_string() }
    }

    /// As `env` and other launchers have it: 126 and 127 for the program, 125 for the launcher.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Program(error) => error.exit_code(),
            _ => 125,
        }
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(error) => error.fmt(f),
            // The limit, which is zero where namespaces are not wanted, has a strange error.
            Self::NoNamespace { step, errno: Errno::NOSPC } => {
                write!(f, "no namespace: this process cannot {step} (user.max_user_namespaces)")
            }
            Self::NoNamespace { step, errno } => {
                write!(f, "no namespace: this process cannot {step} ({errno})")
            }
            Self::Impossible { reasons } => {
                write!(f, "there is no way from a program's sockets to a host here:")?;
                f.write_str(&join(reasons))
            }
            Self::System { doing, what } => write!(f, "cannot {doing}: {what}"),
        }
    }
}

impl std::error::Error for LaunchError {}

impl From<ProgramError> for LaunchError {
    fn from(error: ProgramError) -> Self {
        Self::Program(error)
    }
}
