//! Why bytes are not a value of a format, or a value does not fit into bytes.

/// Why `parse` or `emit` refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Error {
    /// Fewer bytes than the fixed header, or than the length that the header claims.
    Truncated,
    /// Another version of the protocol, or another address family, than this format's.
    Version,
    /// Length fields that contradict each other or the format.
    Length,
    /// The checksum is wrong.
    Checksum,
    /// A field or an option that the format does not allow.
    Malformed,
    /// `emit`: the destination is too small, or the value too large for the format.
    Room,
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Truncated => "truncated",
            Self::Version => "wrong version or address family",
            Self::Length => "contradictory length",
            Self::Checksum => "wrong checksum",
            Self::Malformed => "malformed",
            Self::Room => "no room",
        })
    }
}

impl core::error::Error for Error {}
