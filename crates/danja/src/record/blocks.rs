//! The file: a head, and blocks of entries, each packed (LZ4) and summed, so that a file that
//! was cut off ends with a whole block, and a damaged one is not taken for another. Knows no
//! entry.

use siphasher::sip::SipHasher13;
use std::hash::Hasher;
use std::io::{self, Read};

/// What the file begins with; then the format's number (4 bytes), and Danja's version as text
/// with its length before it (1 byte).
const MAGIC: &[u8; 16] = b"danja recording\n";
/// The number of the format that is described here and in `entry`.
pub(super) const FORMAT: u32 = 2;
/// Bytes of entries after which a block ends.
pub(super) const BLOCK: usize = 256 << 10;
/// No block is longer: one entry with the largest batch of frames, or with one large write.
const LONGEST: u32 = 1 << 30;

/// Why a block cannot be read.
pub(super) enum Wrong {
    /// The file ends within a block.
    CutOff,
    /// Lengths or sum are not what they were when it was written.
    Damaged,
    Io(io::Error),
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::CutOff } else { Self::Io(error) }
    }
}

pub(super) fn head() -> Vec<u8> {
    let version = env!("CARGO_PKG_VERSION");
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&FORMAT.to_le_bytes());
    head.push(version.len() as u8);
    head.extend_from_slice(version.as_bytes());
    head
}

/// Bytes of the head with this version.
pub(super) const fn head_len(version: &str) -> u64 {
    (MAGIC.len() + 5 + version.len()) as u64
}

/// Format and version; `None` if it is no recording.
pub(super) fn read_head(from: &mut impl Read) -> Result<Option<(u32, String)>, Wrong> {
    let mut fixed = [0; MAGIC.len() + 5];
    match from.read_exact(&mut fixed) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let Some(rest) = fixed.strip_prefix(MAGIC) else { return Ok(None) };
    let [a, b, c, d, length] = *rest else { return Ok(None) };
    let mut version = vec![0; usize::from(length)];
    from.read_exact(&mut version)?;
    let version = String::from_utf8(version).map_err(|_| Wrong::Damaged)?;
    Ok(Some((u32::from_le_bytes([a, b, c, d]), version)))
}

fn sum(length: u32, packed: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write_u32(length);
    hasher.write(packed);
    hasher.finish()
}

/// The entries' bytes as a block.
pub(super) fn pack(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u32;
    let mut packed = lz4_flex::block::compress(bytes);
    if packed.len() >= bytes.len() {
        packed = bytes.to_vec();
    }
    let mut block = Vec::with_capacity(packed.len() + 16);
    block.extend_from_slice(&length.to_le_bytes());
    block.extend_from_slice(&(packed.len() as u32).to_le_bytes());
    block.extend_from_slice(&sum(length, &packed).to_le_bytes());
    block.append(&mut packed);
    block
}

/// The next block's bytes, and how many it took in the file; `None` at the end.
pub(super) fn read(from: &mut impl Read) -> Result<Option<(Vec<u8>, u64)>, Wrong> {
    let mut head = Vec::with_capacity(16);
    from.take(16).read_to_end(&mut head)?;
    if head.is_empty() {
        return Ok(None);
    }
    let number = |at: usize| {
        let four = head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        four.map(u32::from_le_bytes).ok_or(Wrong::CutOff)
    };
    let (length, packed_length) = (number(0)?, number(4)?);
    let expected = u64::from(number(8)?) | u64::from(number(12)?) << 32;
    // LZ4 makes of a byte 255 at the most.
    let possible = packed_length <= length && u64::from(length) <= 255 * u64::from(packed_length);
    if length > LONGEST || !possible {
        return Err(Wrong::Damaged);
    }
    // Not more memory than the file has bytes.
    let mut packed = Vec::new();
    from.take(packed_length.into()).read_to_end(&mut packed)?;
    if packed.len() < packed_length as usize {
        return Err(Wrong::CutOff);
    }
    if sum(length, &packed) != expected {
        return Err(Wrong::Damaged);
    }
    let taken = 16 + packed.len() as u64;
    if packed_length == length {
        return Ok(Some((packed, taken)));
    }
    let bytes = lz4_flex::block::decompress(&packed, length as usize);
    let bytes = bytes.map_err(|_| Wrong::Damaged)?;
    if bytes.len() == length as usize { Ok(Some((bytes, taken))) } else { Err(Wrong::Damaged) }
}
