//! TCP options (RFC 9293 §3.2; RFC 7323 window scale and timestamps, RFC 2018 SACK, RFC 5482
//! user timeout, RFC 7413 fast open, RFC 2385 MD5). Says what stands there; whether an option
//! is allowed on a segment is the connection's.

use super::{FastOpen, SackBlocks};
use crate::bytes::Writer;
use crate::error::Error;
use core::fmt;

/// Bytes that options can have at most.
pub const MAX_LEN: usize = 40;

const END: u8 = 0;
const NOP: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;
const MD5: u8 = 19;
const USER_TIMEOUT: u8 = 28;
const FAST_OPEN: u8 = 34;
const EXPERIMENT: u8 = 254;
/// The experiment identifier (RFC 6994) under which fast open was tried before it had a kind.
const FAST_OPEN_EXPERIMENT: [u8; 2] = [0xf9, 0x89];

/// The timestamps option.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Timestamps {
    /// TSval: the sender's clock.
    pub value: u32,
    /// TSecr: the other side's clock, echoed.
    pub echo: u32,
}

/// The options of one segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Maximum segment size, in bytes.
    pub mss: Option<u16>,
    /// Window scale, as it stands there: the shift may be more than the 14 allowed.
    pub window_scale: Option<u8>,
    /// SACK permitted.
    pub sack_permitted: bool,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// Selective acknowledgements.
    pub sack: SackBlocks,
    /// User timeout: the upper bit says minutes instead of seconds.
    pub user_timeout: Option<u16>,
    /// Fast open.
    pub fast_open: Option<FastOpen>,
    /// The MD5 signature.
    pub md5: Option<[u8; 16]>,
}

impl Options {
    /// None.
    pub const NONE: Self = Self {
        mss: None,
        window_scale: None,
        sack_permitted: false,
        timestamps: None,
        sack: SackBlocks::NONE,
        user_timeout: None,
        fast_open: None,
        md5: None,
    };

    /// Reads options in any order and at any alignment. Those of unknown kind are skipped by
    /// their length; of several of one kind the last counts.
    ///
    /// [`Error::Malformed`] if a length is less than 2, past the end, or not the kind's.
    // RFC 9293 §3.1 (MUST-7): prepared to handle an illegal option length.
    #[inline]
    pub fn parse(options: &[u8]) -> Result<Self, Error> {
        // Nearly every segment of a connection: NOP, NOP, timestamps.
        if let [NOP, NOP, TIMESTAMPS, 10, a, b, c, d, e, f, g, h] = *options {
            let value = u32::from_be_bytes([a, b, c, d]);
            let echo = u32::from_be_bytes([e, f, g, h]);
            return Ok(Self { timestamps: Some(Timestamps { value, echo }), ..Self::NONE });
        }
        Self::parse_any(options)
    }

    fn parse_any(options: &[u8]) -> Result<Self, Error> {
        let mut parsed = Self::NONE;
        for option in iter(options) {
            let (kind, data) = option?;
            parsed.take(kind, data)?;
        }
        Ok(parsed)
    }

    fn take(&mut self, kind: u8, data: &[u8]) -> Result<(), Error> {
        match (kind, data) {
            (MSS, &[a, b]) => self.mss = Some(u16::from_be_bytes([a, b])),
            (WINDOW_SCALE, &[shift]) => self.window_scale = Some(shift),
            (SACK_PERMITTED, []) => self.sack_permitted = true,
            (TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => {
                let value = u32::from_be_bytes([a, b, c, d]);
                let echo = u32::from_be_bytes([e, f, g, h]);
                self.timestamps = Some(Timestamps { value, echo });
            }
            (SACK, data) => self.sack = SackBlocks::parse(data).ok_or(Error::Malformed)?,
            (USER_TIMEOUT, &[a, b]) => self.user_timeout = Some(u16::from_be_bytes([a, b])),
            // RFC 7413 §4.1.1: options with invalid lengths are ignored.
            (FAST_OPEN, cookie) => self.fast_open = FastOpen::cookie(cookie).or(self.fast_open),
            (MD5, digest) => self.md5 = Some(digest.try_into().map_err(|_| Error::Malformed)?),
            (EXPERIMENT, data) => {
                if let Some(cookie) = data.strip_prefix(&FAST_OPEN_EXPERIMENT) {
                    let option = FastOpen::cookie(cookie).map(FastOpen::experimental);
                    self.fast_open = option.or(self.fast_open);
                }
            }
            (MSS | WINDOW_SCALE | SACK_PERMITTED | TIMESTAMPS | USER_TIMEOUT, _) => {
                return Err(Error::Malformed);
            }
            _ => {}
        }
        Ok(())
    }

    /// Bytes that [`Self::emit`] writes: a multiple of 4. More than 40 cannot be emitted.
    pub const fn emitted_len(&self) -> usize {
        let mut len: usize = 0;
        if self.md5.is_some() {
            len = len.saturating_add(20);
        }
        if self.mss.is_some() {
            len = len.saturating_add(4);
        }
        if self.timestamps.is_some() {
            len = len.saturating_add(12);
        } else if self.sack_permitted {
            len = len.saturating_add(4);
        }
        if self.window_scale.is_some() {
            len = len.saturating_add(4);
        }
        if !self.sack.is_empty() {
            len = len.saturating_add(4).saturating_add(self.sack.len().saturating_mul(8));
        }
        if self.user_timeout.is_some() {
            len = len.saturating_add(4);
        }
        if let Some(fast_open) = &self.fast_open {
            len = len.saturating_add(fast_open.emitted_len().saturating_add(3) & !3);
        }
        len
    }

    /// How many SACK blocks still fit beside the other options.
    pub const fn sack_room(&self) -> usize {
        let without = Self { sack: SackBlocks::NONE, ..*self }.emitted_len();
        let room = MAX_LEN.saturating_sub(without).saturating_sub(4) / 8;
        if room < SackBlocks::MAX { room } else { SackBlocks::MAX }
    }

    /// Writes the options in Linux's order, each padded in front with NOPs to a multiple of 4
    /// bytes; returns their length. [`Error::Room`] if they are more than 40 bytes or more than
    /// `room`.
    ///
    /// The order is MD5, MSS, SACK permitted, timestamps, window scale, SACK, user timeout,
    /// fast open.
    #[inline]
    pub fn emit(&self, room: &mut [u8]) -> Result<usize, Error> {
        if self.emitted_len() > MAX_LEN {
            return Err(Error::Room);
        }
        let mut writer = Writer::new(room);
        if let Some(digest) = self.md5 {
            writer.put(&[NOP, NOP, MD5, 18]);
            writer.put(&digest);
        }
        if let Some(mss) = self.mss {
            let [a, b] = mss.to_be_bytes();
            writer.put(&[MSS, 4, a, b]);
        }
        match (self.timestamps, self.sack_permitted) {
            (Some(timestamps), sack_permitted) => {
                let [a, b] = if sack_permitted { [SACK_PERMITTED, 2] } else { [NOP, NOP] };
                writer.put(&[a, b, TIMESTAMPS, 10]);
                writer.put(&timestamps.value.to_be_bytes());
                writer.put(&timestamps.echo.to_be_bytes());
            }
            (None, true) => writer.put(&[NOP, NOP, SACK_PERMITTED, 2]),
            (None, false) => {}
        }
        if let Some(shift) = self.window_scale {
            writer.put(&[NOP, WINDOW_SCALE, 3, shift]);
        }
        self.emit_rare(&mut writer);
        writer.finish().ok_or(Error::Room)
    }

    fn emit_rare(&self, writer: &mut Writer<'_>) {
        if !self.sack.is_empty() {
            // At most 34: four blocks.
            let length = (self.sack.len() as u8).saturating_mul(8).saturating_add(2);
            writer.put(&[NOP, NOP, SACK, length]);
            for (left, right) in self.sack.as_slice() {
                writer.put(&left.0.to_be_bytes());
                writer.put(&right.0.to_be_bytes());
            }
        }
        if let Some(timeout) = self.user_timeout {
            let [a, b] = timeout.to_be_bytes();
            writer.put(&[USER_TIMEOUT, 4, a, b]);
        }
        if let Some(fast_open) = &self.fast_open {
            let length = fast_open.emitted_len();
            // At most 20.
            let octet = length as u8;
            if fast_open.is_experimental() {
                let [a, b] = FAST_OPEN_EXPERIMENT;
                writer.put(&[EXPERIMENT, octet, a, b]);
            } else {
                writer.put(&[FAST_OPEN, octet]);
            }
            writer.put(fast_open.as_slice());
            if length % 4 == 2 {
                writer.put(&[NOP, NOP]);
            }
        }
    }
}

/// The options one by one, as they lie: kind, and what follows the length octet. NOPs are
/// skipped; after End or an error nothing more comes.
pub const fn iter(options: &[u8]) -> Iter<'_> {
    Iter { rest: options }
}

/// Iterates over options; made by [`iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<(u8, &'a [u8]), Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = core::mem::take(&mut self.rest);
            match *rest {
                [] | [END, ..] => return None,
                [NOP, ref after @ ..] => self.rest = after,
                [kind, length, ref after @ ..] => {
                    let Some((data, after)) = usize::from(length)
                        .checked_sub(2)
                        .and_then(|length| after.split_at_checked(length))
                    else {
                        return Some(Err(Error::Malformed));
                    };
                    self.rest = after;
                    return Some(Ok((kind, data)));
                }
                [_] => return Some(Err(Error::Malformed)),
            }
        }
    }
}

impl fmt::Display for Options {
    /// As tcpdump, in the order in which they are emitted: `mss 1460,sackOK,TS val 1 ecr 0,wscale 7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut next = || core::mem::replace(&mut separator, ",");
        if self.md5.is_some() {
            write!(f, "{}md5", next())?;
        }
        if let Some(mss) = self.mss {
            write!(f, "{}mss {mss}", next())?;
        }
        if self.sack_permitted {
            write!(f, "{}sackOK", next())?;
        }
        if let Some(Timestamps { value, echo }) = self.timestamps {
            write!(f, "{}TS val {value} ecr {echo}", next())?;
        }
        if let Some(shift) = self.window_scale {
            write!(f, "{}wscale {shift}", next())?;
        }
        if !self.sack.is_empty() {
            write!(f, "{}sack", next())?;
            self.sack
                .as_slice()
                .iter()
                .try_for_each(|(left, right)| write!(f, " {left}:{right}"))?;
        }
        if let Some(timeout) = self.user_timeout {
            write!(f, "{}uto {timeout}", next())?;
        }
        if let Some(fast_open) = &self.fast_open {
            let name = if fast_open.is_experimental() { "FOEXP" } else { "FO" };
            write!(f, "{}{name} ", next())?;
            fast_open.as_slice().iter().try_for_each(|octet| write!(f, "{octet:02x}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
