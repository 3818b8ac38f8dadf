//! Congestion controls by their names. What they do is in `tcp/congestion`.

use core::fmt;
use core::str::FromStr;

/// Congestion controls: [`TcpConfig::congestion`](crate::config::TcpConfig::congestion) for all
/// connections, [`SocketOption::Congestion`](super::SocketOption::Congestion) for one socket.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Congestion {
    /// RFC 5681.
    #[default]
    Reno,
    /// RFC 9438, with RFC 5681's slow start.
    Cubic,
}

impl Congestion {
    /// All there are.
    pub const ALL: &'static [Self] = &[Self::Reno, Self::Cubic];

    /// Its name, as Linux has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reno => "reno",
            Self::Cubic => "cubic",
        }
    }
}

impl fmt::Display for Congestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A congestion control by a name that none has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownCongestion;

impl fmt::Display for UnknownCongestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such congestion control; there are:")?;
        Congestion::ALL.iter().try_for_each(|one| write!(f, " {one}"))
    }
}

impl core::error::Error for UnknownCongestion {}

impl FromStr for Congestion {
    type Err = UnknownCongestion;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|one| one.name() == name).ok_or(UnknownCongestion)
    }
}
