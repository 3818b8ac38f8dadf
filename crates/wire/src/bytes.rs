//! Big-endian fields at offsets: the only index arithmetic of the crate. Never panics; what
//! lies outside the slice is `None`.

/// The `N` bytes at `at`.
#[inline]
pub fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>().copied()
}

/// The byte at `at`.
#[inline]
pub fn byte(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// The 16-bit field at `at`.
#[inline]
pub fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_be_bytes)
}

/// The 32-bit field at `at`.
#[inline]
pub fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_be_bytes)
}

/// The `count` bytes at `at`.
#[inline]
pub fn range(bytes: &[u8], at: usize, count: usize) -> Option<&[u8]> {
    bytes.get(at..)?.get(..count)
}

/// The bytes from `at` on.
#[inline]
pub fn from(bytes: &[u8], at: usize) -> Option<&[u8]> {
    bytes.get(at..)
}

/// Writes `source` at `at`. `None`, and nothing written, if it does not fit.
#[inline]
pub fn put(bytes: &mut [u8], at: usize, source: &[u8]) -> Option<()> {
    bytes.get_mut(at..)?.get_mut(..source.len())?.copy_from_slice(source);
    Some(())
}

/// Writes the byte at `at`.
#[inline]
pub fn put8(bytes: &mut [u8], at: usize, value: u8) -> Option<()> {
    *bytes.get_mut(at)? = value;
    Some(())
}

/// Writes the 16-bit field at `at`.
#[inline]
pub fn put16(bytes: &mut [u8], at: usize, value: u16) -> Option<()> {
    put(bytes, at, &value.to_be_bytes())
}

/// Writes the 32-bit field at `at`.
#[inline]
pub fn put32(bytes: &mut [u8], at: usize, value: u32) -> Option<()> {
    put(bytes, at, &value.to_be_bytes())
}

/// Writes fields one after the other; remembers whether one did not fit.
#[derive(Debug)]
pub struct Writer<'a> {
    bytes: &'a mut [u8],
    at: usize,
    full: bool,
}

impl<'a> Writer<'a> {
    /// Writes from the front of `bytes`.
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, at: 0, full: false }
    }

    /// Appends `source`; if it does not fit, nothing more is written from here on.
    pub fn put(&mut self, source: &[u8]) {
        if self.full || put(self.bytes, self.at, source).is_none() {
            self.full = true;
        } else {
            self.at = self.at.saturating_add(source.len());
        }
    }

    /// The number of bytes written, or `None` if something did not fit.
    pub const fn finish(self) -> Option<usize> {
        if self.full { None } else { Some(self.at) }
    }
}

#[cfg(test)]
mod tests;
