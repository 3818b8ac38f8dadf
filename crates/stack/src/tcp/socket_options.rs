//! The options of a stream socket: kept only where they differ from the default. Shared by the
//! socket and (so that an orphan keeps them) its control block.

use crate::interface::InterfaceId;
use crate::socket::{Congestion, OptionError, PathMtuDiscovery, SocketOption};
use alloc::sync::Arc;
use core::time::Duration;

/// Values as `setsockopt` gave them; `None` and zero stand for the configured default.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct StreamOptions {
    pub(super) keep_idle: Option<Duration>,
    pub(super) keep_interval: Option<Duration>,
    pub(super) linger: Option<Duration>,
    pub(super) linger2: Option<Duration>,
    pub(super) user_timeout: Duration,
    pub(super) receive_buffer: Option<usize>,
    pub(super) send_buffer: Option<usize>,
    pub(super) receive_low_water: usize,
    pub(super) interface: Option<InterfaceId>,
    pub(super) max_segment: u16,
    pub(super) keep_count: u8,
    pub(super) syn_retries: u8,
    pub(super) ttl: u8,
    pub(super) tos: u8,
    pub(super) reuse_address: bool,
    pub(super) reuse_port: bool,
    pub(super) keep_alive: bool,
    pub(super) no_delay: bool,
    pub(super) cork: bool,
    pub(super) out_of_band_inline: bool,
    pub(super) admitting: bool,
    pub(super) any_port: bool,
    pub(super) no_options: bool,
    pub(super) mtu_discover: PathMtuDiscovery,
    pub(super) congestion: Option<Congestion>,
}

const DEFAULT: StreamOptions = StreamOptions {
    keep_idle: None,
    keep_interval: None,
    linger: None,
    linger2: None,
    user_timeout: Duration::ZERO,
    receive_buffer: None,
    send_buffer: None,
    receive_low_water: 1,
    interface: None,
    max_segment: 0,
    keep_count: 0,
    syn_retries: 0,
    ttl: 0,
    tos: 0,
    reuse_address: false,
    reuse_port: false,
    keep_alive: false,
    no_delay: false,
    cork: false,
    out_of_band_inline: false,
    admitting: false,
    any_port: false,
    no_options: false,
    mtu_discover: PathMtuDiscovery::Want,
    congestion: None,
};

const fn common(set: usize) -> StreamOptions {
    StreamOptions {
        no_delay: set & 1 != 0,
        keep_alive: set & 2 != 0,
        reuse_address: set & 4 != 0,
        ..DEFAULT
    }
}

/// What most sockets have: some of three options that programs set without a thought.
static COMMON: [StreamOptions; 8] =
    [common(0), common(1), common(2), common(3), common(4), common(5), common(6), common(7)];

/// Options that cost nothing while they are common, and once for a socket and its connection
/// otherwise.
#[derive(Clone)]
pub(super) enum OptionSet {
    Common(&'static StreamOptions),
    Own(Arc<StreamOptions>),
}

impl Default for OptionSet {
    fn default() -> Self {
        let [plain, ..] = &COMMON;
        Self::Common(plain)
    }
}

impl OptionSet {
    #[inline]
    pub(super) fn get(&self) -> &StreamOptions {
        match self {
            Self::Common(options) => options,
            Self::Own(options) => options,
        }
    }

    /// Stores an option's value.
    pub(super) fn set(&mut self, option: SocketOption) -> Result<(), OptionError> {
        let mut edited = self.get().clone();
        edited.set(option)?;
        let known = COMMON.iter().find(|common| **common == edited);
        *self = known.map_or_else(|| Self::Own(Arc::new(edited)), Self::Common);
        Ok(())
    }
}

const KEEP_MAX: Duration = Duration::from_secs(32_767);

fn keep_time(value: Duration) -> Result<Duration, OptionError> {
    if value < Duration::from_secs(1) || value > KEEP_MAX {
        return Err(OptionError::InvalidValue);
    }
    Ok(value)
}

const fn at_least_one(value: u8, most: u8) -> Result<u8, OptionError> {
    if value == 0 || value > most { Err(OptionError::InvalidValue) } else { Ok(value) }
}

impl StreamOptions {
    fn set(&mut self, option: SocketOption) -> Result<(), OptionError> {
        match option {
            SocketOption::ReuseAddress(on) => self.reuse_address = on,
            SocketOption::ReusePort(on) => self.reuse_port = on,
            SocketOption::KeepAlive(on) => self.keep_alive = on,
            SocketOption::KeepIdle(time) => self.keep_idle = Some(keep_time(time)?),
            SocketOption::KeepInterval(time) => self.keep_interval = Some(keep_time(time)?),
            SocketOption::KeepCount(count) => self.keep_count = at_least_one(count, 127)?,
            SocketOption::Linger(time) => self.linger = time,
            SocketOption::ReceiveBuffer(bytes) => {
                self.receive_buffer = Some(bytes.clamp(MIN_BUFFER, MAX_BUFFER));
            }
            SocketOption::SendBuffer(bytes) => {
                self.send_buffer = Some(bytes.clamp(MIN_BUFFER, MAX_BUFFER));
            }
            SocketOption::ReceiveLowWater(bytes) => self.receive_low_water = bytes.max(1),
            SocketOption::NoDelay(on) => self.no_delay = on,
            SocketOption::Cork(on) => self.cork = on,
            SocketOption::MaxSegment(size) => {
                // Linux: 88 to 32767, zero for the default.
                if size != 0 && !(88..=32_767).contains(&size) {
                    return Err(OptionError::InvalidValue);
                }
                self.max_segment = size;
            }
            SocketOption::UserTimeout(time) => self.user_timeout = time,
            SocketOption::SynRetries(count) => self.syn_retries = at_least_one(count, 127)?,
            SocketOption::Linger2(time) => self.linger2 = Some(time),
            SocketOption::OutOfBandInline(on) => self.out_of_band_inline = on,
            SocketOption::Ttl(ttl) => self.ttl = at_least_one(ttl, 255)?,
            // The two ECN bits are the stack's own.
            SocketOption::Tos(tos) => self.tos = tos & !3,
            SocketOption::MtuDiscover(how) => self.mtu_discover = how,
            SocketOption::BindToInterface(interface) => self.interface = interface,
            SocketOption::Admitting(on) => self.admitting = on,
            SocketOption::AnyPort(on) => self.any_port = on,
            SocketOption::NoTcpOptions(on) => self.no_options = on,
            SocketOption::Congestion(which) => self.congestion = Some(which),
            _ => return Err(OptionError::NotSupported),
        }
        Ok(())
    }
}

/// Smallest and largest buffer that may be asked for, in bytes (Linux: SOCK_MIN_RCVBUF, and
/// half of what a 2^30 window can use).
const MIN_BUFFER: usize = 2_304;
const MAX_BUFFER: usize = 1 << 29;
