//! SYN cookies (RFC 4987 §3.6): when the queue of half-open connections is full, the SYN-ACK's
//! sequence number is all that is kept. Keyed, of two periods at the most; carries the segment
//! size. Window scaling and SACK travel in the timestamp, if there is one.

use crate::core_state::Core;
use crate::counters::count;
use crate::entropy::{Entropy, HashKey, write_address};
use crate::slab::Key;
use crate::tcp::Tcp;
use crate::tcp::output;
use crate::tcp::record::{Record, Syn};
use crate::tcp::segment::{Endpoints, Segment};
use crate::tcp::socket::Listener;
use crate::tcp::tcb::Tcb;
use alloc::boxed::Box;
use core::hash::Hasher;
use danja_wire::Instant;
use danja_wire::tcp::{Flags, Header, Options, SeqNumber, Timestamps};

/// Segment sizes that a cookie can carry.
const SIZES: [u16; 8] = [216, 536, 1_024, 1_220, 1_340, 1_440, 1_460, 8_960];
/// A cookie is good for the period it was made in and the next one.
const PERIOD_SECONDS: u64 = 64;
/// Bits of the timestamp that carry options: four for the shift (15: none), one for SACK.
const OPTION_BITS: u32 = 5;
const NO_SHIFT: u32 = 15;

/// The key of cookies.
pub(in crate::tcp) struct Cookies(HashKey);

impl Cookies {
    pub(in crate::tcp) fn new(entropy: &mut Entropy) -> Self {
        Self(entropy.key())
    }

    /// Five bits of the period, three of the size's number, 24 of the keyed hash.
    fn make(&self, (local, remote): Endpoints, irs: SeqNumber, period: u64, size: u32) -> u32 {
        let mut hasher = self.0.secret_hasher();
        write_address(&mut hasher, local.ip());
        write_address(&mut hasher, remote.ip());
        hasher.write_u16(local.port());
        hasher.write_u16(remote.port());
        hasher.write_u32(irs.0);
        hasher.write_u64(period);
        hasher.write_u32(size);
        let tag = hasher.finish() as u32 & 0x00ff_ffff;
        (period as u32 & 31) << 27 | (size & 7) << 24 | tag
    }

    /// The segment size in a cookie, if it is one of ours and not too old.
    fn check(&self, ends: Endpoints, irs: SeqNumber, cookie: u32, now: Instant) -> Option<u16> {
        let current = period(now);
        let size = cookie >> 24 & 7;
        let genuine = [Some(current), current.checked_sub(1)]
            .into_iter()
            .flatten()
            .any(|period| self.make(ends, irs, period, size) == cookie);
        SIZES.get(size as usize).copied().filter(|_| genuine)
    }
}

const fn period(now: Instant) -> u64 {
    now.as_nanos() / 1_000_000_000 / PERIOD_SECONDS
}

impl Tcp {
    /// Answers a SYN without keeping anything.
    pub(in crate::tcp) fn send_cookie(
        &self,
        core: &mut Core,
        segment: &Segment<'_>,
        ends: Endpoints,
        place: Key,
    ) {
        let syn = segment.syn();
        let Some(mut half) = self.new_half_open(core, &syn, ends, place) else { return };
        let size = (0u32..8)
            .rev()
            .find(|number| {
                SIZES.get(*number as usize).is_some_and(|size| *size <= half.agreed.peer_mss)
            })
            .unwrap_or(0);
        half.iss = SeqNumber(self.cookies.make(ends, syn.seq, period(core.now), size));
        // Without a timestamp there is nowhere to keep the other options.
        if !half.agreed.timestamps {
            half.agreed.sack = false;
            half.agreed.window_scaling = false;
        }
        let agreed = &half.agreed;
        let shift = if agreed.window_scaling { agreed.snd_wind_shift.into() } else { NO_SHIFT };
        let bits = shift | u32::from(agreed.sack) << 4;
        let clock = (core.now.as_millis() as u32).wrapping_add(half.ts_offset);
        let mut value = clock & !((1 << OPTION_BITS) - 1) | bits;
        if (value.wrapping_sub(clock) as i32) > 0 {
            // Never ahead of the clock of the segments that follow: the peer's PAWS.
            value = value.wrapping_sub(1 << OPTION_BITS);
        }
        let options = Options {
            mss: agreed.mss_option(),
            window_scale: agreed.window_scaling.then_some(agreed.rcv_wind_shift),
            sack_permitted: agreed.sack,
            timestamps: agreed.timestamps.then_some(Timestamps { value, echo: half.ts_recent }),
            ..Options::NONE
        };
        let header = Header {
            sequence: half.iss,
            acknowledgment: syn.seq + 1,
            flags: Flags::SYN | Flags::ACK,
            window: u16::try_from(half.rcv_wnd).unwrap_or(u16::MAX),
            options,
            ..Header::default()
        };
        count(&mut core.counters.tcp_syncookies_sent);
        output::send_bare(core, ends, None, (half.ttl, half.tos), header);
    }

    /// An ACK at a listener: a cookie that comes back makes a connection.
    pub(in crate::tcp) fn accept_cookie(
        &mut self,
        core: &mut Core,
        segment: &mut Segment<'_>,
        ends: Endpoints,
        place: Key,
    ) -> bool {
        let admitting = self.sockets.get(place).is_some_and(|s| s.options.get().admitting);
        if !core.config.tcp.syn_cookies || admitting {
            return false;
        }
        let irs = segment.seq - 1;
        let cookie = segment.ack - 1;
        let Some(size) = self.cookies.check(ends, irs, cookie.0, core.now) else {
            count(&mut core.counters.tcp_syncookies_failed);
            return false;
        };
        count(&mut core.counters.tcp_syncookies_recv);
        if self.listener(place).is_none_or(Listener::accept_full) {
            count(&mut core.counters.tcp_listen_overflows);
            core.discard(crate::discard::Discard::TcpBacklog);
            return true;
        }
        let syn = recall(segment, irs, size);
        let Some(mut half) = self.new_half_open(core, &syn, ends, place) else { return true };
        half.iss = cookie;
        half.resent = true;
        let mut tcb = Tcb::from_half_open(&half, core.now);
        let reuse = self.sockets.get(place).is_some_and(|s| s.options.get().reuse_address);
        let record = Record::HalfOpen(Box::new(half));
        if let Some(id) = self.insert_record(core, record, reuse) {
            self.establish(core, segment, place, id, &mut tcb);
        }
        true
    }
}

/// The SYN as far as cookie and timestamp echo remember it.
fn recall(segment: &Segment<'_>, irs: SeqNumber, size: u16) -> Syn {
    let timestamps = segment.header.options.timestamps;
    let bits = timestamps.map_or(NO_SHIFT, |timestamps| timestamps.echo);
    let shift = bits & NO_SHIFT;
    Syn {
        seq: irs,
        window: segment.header.window,
        mss: Some(size),
        window_scale: u8::try_from(shift).ok().filter(|_| shift != NO_SHIFT),
        sack_permitted: timestamps.is_some() && bits >> 4 & 1 == 1,
        timestamp: timestamps.map(|timestamps| timestamps.value),
    }
}
