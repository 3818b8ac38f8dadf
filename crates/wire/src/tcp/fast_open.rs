//! The fast open option (RFC 7413 §4.1.1) and its experimental form (RFC 6994). Makes and checks
//! no cookie.

use core::fmt;

/// The fast open option: a cookie of 4 to 16 bytes, or none as a request for one.
#[derive(Clone, Copy)]
pub struct FastOpen {
    cookie: [u8; 16],
    len: u8,
    experimental: bool,
}

impl FastOpen {
    /// A request for a cookie.
    pub const REQUEST: Self = Self { cookie: [0; 16], len: 0, experimental: false };

    /// A cookie. `None` if it is longer than 16 bytes, shorter than 4, or of odd length.
    // RFC 7413 §4.1.1: cookies are 4 to 16 bytes, and the option's length is even.
    pub fn cookie(cookie: &[u8]) -> Option<Self> {
        if cookie.is_empty() {
            return Some(Self::REQUEST);
        }
        if cookie.len() < 4 || !cookie.len().is_multiple_of(2) {
            return None;
        }
        let mut option = Self::REQUEST;
        option.cookie.get_mut(..cookie.len())?.copy_from_slice(cookie);
        option.len = u8::try_from(cookie.len()).ok()?;
        Some(option)
    }

    /// The same in the experimental option (kind 254).
    pub const fn experimental(self) -> Self {
        Self { experimental: true, ..self }
    }

    /// Whether it is in the experimental option.
    pub const fn is_experimental(&self) -> bool {
        self.experimental
    }

    /// The cookie; empty in a request.
    pub fn as_slice(&self) -> &[u8] {
        self.cookie.get(..usize::from(self.len)).unwrap_or(&self.cookie)
    }

    /// Bytes of the option with its kind and length octets.
    pub(super) const fn emitted_len(&self) -> usize {
        let head: usize = if self.experimental { 4 } else { 2 };
        head.saturating_add(self.len as usize)
    }
}

impl PartialEq for FastOpen {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice() && self.experimental == other.experimental
    }
}

impl Eq for FastOpen {}

impl fmt::Debug for FastOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FastOpen({:02x?})", self.as_slice())
    }
}
