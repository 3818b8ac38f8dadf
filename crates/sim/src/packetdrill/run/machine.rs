//! The simulated machine of a script: one stack on one link without Ethernet, and a clock that
//! jumps from one thing to the next. Knows nothing of scripts.

use danja_stack::config::{Config, InterfaceConfig, Route};
use danja_stack::{InterfaceId, Medium, Room, Seeds, Stack};
use danja_wire::ip::{Cidr, Version};
use danja_wire::{Frame, Instant, Offload, Payload};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};

/// The stack's address.
pub(super) const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 1);
/// The script's address.
pub(super) const REMOTE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// The port that `bind` and `connect` get.
pub(super) const PORT: u16 = 8080;

/// A clock that begins at 0 would hide mistakes about times before it.
const START: Instant = Instant::from_secs(1_000);

/// Steps at one moment after which the stack counts as running in circles.
const MOST_STEPS: usize = 100_000;
/// Steps after which a script counts as too long: a timer that runs for years.
const MOST_STEPS_IN_ALL: usize = 1_000_000;

/// One stack in virtual time.
pub(super) struct Machine {
    pub(super) stack: Stack,
    pub(super) now: Instant,
    interface: InterfaceId,
    /// What the stack sent and nobody looked at yet, with the time it left.
    pub(super) sent: VecDeque<(Instant, Vec<u8>)>,
    steps: usize,
    steps_in_all: usize,
}

impl Machine {
    /// A machine with this configuration. `None` if the stack takes no interface.
    pub(super) fn new(config: Config, mtu: usize, seed: u64) -> Option<Self> {
        let mut stack = Stack::new(config, Seeds::from_u64(seed));
        let address = Cidr::new(IpAddr::V4(LOCAL), 16)?;
        let interface = InterfaceConfig::new("sim0", Medium::Ip, mtu).address(address);
        let interface = stack.add_interface(interface, START)?;
        let destination = Cidr::any(Version::V4);
        stack.add_route(Route { destination, gateway: None, interface, metric: 0 }, START);
        let mut machine =
            Self { stack, now: START, interface, sent: VecDeque::new(), steps: 0, steps_in_all: 0 };
        machine.collect();
        Some(machine)
    }

    /// Time 0 of the script.
    pub(super) const fn start() -> Instant {
        START
    }

    /// Takes what the stack sends now.
    pub(super) fn collect(&mut self) {
        while let Some(frame) = self.stack.poll_transmit(self.interface, Room::UNLIMITED, self.now)
        {
            self.sent.push_back((self.now, frame.to_vec()));
        }
        // Readiness is asked for where it matters; the list only must not grow.
        while self.stack.poll_event().is_some() {}
    }

    /// Gives the stack a packet.
    pub(super) fn receive(&mut self, packet: Vec<u8>) {
        let mut frames = vec![Frame::received(Payload::from(packet), Offload::default())];
        self.stack.receive(self.interface, &mut frames, self.now);
        self.collect();
    }

    /// Lets the next thing happen that is due by `until`, or else the time pass until then.
    /// `false` when `until` is reached and nothing more is due.
    ///
    /// # Errors
    /// The stack asks again and again to be called at the same moment.
    pub(super) fn step(&mut self, until: Instant) -> Result<bool, String> {
        let due =
            self.stack.poll_timeout().map(|due| due.max(self.now)).filter(|due| *due <= until);
        let Some(due) = due else {
            self.now = self.now.max(until);
            self.steps = 0;
            return Ok(false);
        };
        self.steps = if due > self.now { 0 } else { self.steps + 1 };
        self.steps_in_all += 1;
        if self.steps_in_all > MOST_STEPS_IN_ALL {
            return Err(format!("the script takes more than {MOST_STEPS_IN_ALL} steps"));
        }
        if self.steps > MOST_STEPS {
            return Err("the stack asks without end to be called at the same moment".to_owned());
        }
        self.now = due;
        self.stack.handle_timeout(due);
        self.collect();
        Ok(true)
    }

    /// Whether the stack waits for any moment.
    pub(super) fn is_waiting(&self) -> bool {
        self.stack.poll_timeout().is_some()
    }
}
