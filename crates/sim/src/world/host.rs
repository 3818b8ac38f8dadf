//! A host of a world: one stack with one Ethernet interface, and its cable. Runs nothing itself.

use super::link::Lane;
use super::random::Random;
use danja_lan::impair::Impairment;
use danja_stack::{Config, InterfaceConfig, InterfaceId, Medium, Seeds, Stack};
use danja_wire::Instant;
use danja_wire::ethernet::MacAddress;
use danja_wire::ip::Cidr;
use danja_wire::offload::Joiner;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Bits of the network that all hosts of a world are on: 10.0.0.0/16.
const PREFIX: u8 = 16;

/// A host of one [`World`](super::World), in the order they were added.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostId(pub usize);

impl HostId {
    /// The address that a host of this number has: 10.0.0.1 for the first.
    pub const fn address(self) -> Ipv4Addr {
        let number = self.0 + 1;
        Ipv4Addr::new(10, 0, (number / 250) as u8, (number % 250) as u8)
    }

    pub(super) const fn mac(self) -> MacAddress {
        mac(self.address())
    }
}

/// The hardware address of the host that has this address.
pub(super) const fn mac(address: Ipv4Addr) -> MacAddress {
    let [_, _, high, low] = address.octets();
    MacAddress([2, 0, 10, 0, high, low])
}

/// An adapter that takes a few frames and then none for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Burst {
    /// Frames taken at once (at least 1).
    pub frames: usize,
    /// Until it takes as many again.
    pub pause: Duration,
}

/// What a host is made with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostConfig {
    /// Its name, for people.
    pub name: String,
    /// Its stack's knobs.
    pub stack: Config,
    /// Largest IP packet of its interface, in bytes. Larger ones that come are dropped.
    pub mtu: usize,
    /// From the host to the segment.
    pub up: Impairment,
    /// From the segment to the host.
    pub down: Impairment,
    /// The adapter cuts segments of up to 64 KiB and completes checksums, and joins what it
    /// receives.
    pub offload: bool,
    /// How much the adapter takes at once; `None`: everything.
    pub burst: Option<Burst>,
    /// Bytes of the buffer that the driver reads each frame into (larger frames get one of their
    /// size), which is what keeping the frame costs. 0: frames share the sender's memory, as on
    /// a virtual cable.
    pub driver_buffer: usize,
    /// Frames that arrive within this time are handed to the stack together, as by an adapter
    /// that spares interrupts. Zero: those of one moment.
    pub coalesce: Duration,
    /// How much later than it asks the stack is called: no real host wakes in no time.
    pub lateness: Duration,
}

impl HostConfig {
    /// A host with default knobs, an MTU of 1500 bytes, no offload, and a perfect cable.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            stack: Config::default(),
            mtu: 1500,
            up: Impairment::default(),
            down: Impairment::default(),
            offload: false,
            burst: None,
            driver_buffer: 2048,
            coalesce: Duration::ZERO,
            lateness: Duration::ZERO,
        }
    }

    /// The same with this impairment in both directions.
    #[must_use]
    pub fn link(self, both: Impairment) -> Self {
        Self { up: both, down: both, ..self }
    }

    /// The same with this MTU in bytes.
    #[must_use]
    pub fn mtu(self, mtu: usize) -> Self {
        Self { mtu, ..self }
    }

    /// The same with these knobs.
    #[must_use]
    pub fn stack(self, stack: Config) -> Self {
        Self { stack, ..self }
    }

    /// The same with an adapter that cuts and joins.
    #[must_use]
    pub fn offload(self, offload: bool) -> Self {
        Self { offload, ..self }
    }
}

/// What a host's adapter saw.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct HostCounters {
    /// Frames the stack handed out.
    pub handed_out: u64,
    /// Bytes of the largest of them.
    pub largest_handed_out: usize,
    /// Frames that went to the cable, after cutting.
    pub sent: u64,
    /// Frames handed to the stack, before joining.
    pub received: u64,
    /// Frames larger than the MTU that the stack sent. A fault of the stack.
    pub oversized: u64,
    /// Frames whose offload metadata contradicted their bytes. A fault of the stack.
    pub contradictory: u64,
    /// Frames that came and were larger than the MTU, dropped.
    pub giants: u64,
    /// The most bytes that the stack's queues held after a call, at their true cost.
    pub most_buffered: usize,
}

/// A host in a world.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) stack: Stack,
    pub(super) interface: InterfaceId,
    pub(super) mac: MacAddress,
    pub(super) mtu: usize,
    pub(super) up: Lane,
    pub(super) down: Lane,
    pub(super) joiner: Option<Joiner>,
    pub(super) burst: Option<Burst>,
    pub(super) driver_buffer: usize,
    pub(super) coalesce: Duration,
    pub(super) lateness: Duration,
    /// Frames that the adapter took since its pause ended, and when it ends.
    pub(super) taken: usize,
    pub(super) paused_until: Instant,
    /// When the world calls the stack next.
    pub(super) scheduled: Option<Instant>,
    pub(super) counters: HostCounters,
}

impl Host {
    /// A host whose randomness comes from `random`. `None` if the stack takes no interface.
    pub(super) fn new(
        id: HostId,
        config: HostConfig,
        random: &mut Random,
        now: Instant,
    ) -> Option<Self> {
        let seeds = Seeds { secret: random.key(), public: random.key() };
        let mut stack = Stack::new(config.stack, seeds);
        let mac = id.mac();
        let address = Cidr::new(IpAddr::V4(id.address()), PREFIX)?;
        let mut interface =
            InterfaceConfig::new("eth0", Medium::Ethernet(mac), config.mtu).address(address);
        interface.checksum_offload = config.offload;
        interface.max_segmented = if config.offload { 65_535 } else { 0 };
        let interface = stack.add_interface(interface, now)?;
        Some(Self {
            name: config.name,
            stack,
            interface,
            mac,
            mtu: config.mtu,
            up: Lane::new(config.up, random.bits()),
            down: Lane::new(config.down, random.bits()),
            joiner: config.offload.then(|| Joiner::new(danja_wire::ethernet::HEADER_LEN, 65_535)),
            burst: config.burst,
            driver_buffer: config.driver_buffer,
            coalesce: config.coalesce,
            lateness: config.lateness,
            taken: 0,
            paused_until: now,
            scheduled: None,
            counters: HostCounters::default(),
        })
    }
}
