//! A learning Ethernet switch in the process (as IEEE 802.1D's, without spanning tree).

use super::port::Port;
use super::stations::{Stations, is_group};
use super::{MAX_SEGMENTED, fits};
use crate::adapter::{Capabilities, Counters, MacAddress, Medium};
use danja_wire::Frame;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// The limits of a [`Switch`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SwitchConfig {
    /// Largest IP packet in an uncut frame, in bytes. 1500, Ethernet's.
    pub mtu: usize,
    /// Frames that wait at a port for its owner; more are dropped and counted. 4096: frames are
    /// references to the sender's buffers, so this is about 1 MiB a port at the worst.
    pub queue: usize,
    /// Addresses learned beside the ports' own. 1024.
    pub addresses: usize,
}

impl Default for SwitchConfig {
    fn default() -> Self {
        Self { mtu: 1500, queue: 4096, addresses: 1024 }
    }
}

impl SwitchConfig {
    /// The same with another [`Self::mtu`], in bytes.
    #[must_use]
    pub const fn with_mtu(self, mtu: usize) -> Self {
        Self { mtu, ..self }
    }

    /// The same with another [`Self::queue`], in frames.
    #[must_use]
    pub const fn with_queue(self, queue: usize) -> Self {
        Self { queue, ..self }
    }

    /// The same with another limit of learned [`Self::addresses`].
    #[must_use]
    pub const fn with_addresses(self, addresses: usize) -> Self {
        Self { addresses, ..self }
    }
}

/// A virtual LAN: every [`Port`] made from it is on the same Ethernet.
///
/// Clones are the same switch; it lives while a clone or a port does. Broadcast, multicast and
/// unknown addresses go to every port but the sender's.
#[derive(Clone)]
pub struct Switch {
    shared: Arc<Mutex<State>>,
}

impl Default for Switch {
    fn default() -> Self {
        Self::new()
    }
}

impl Switch {
    /// A switch without ports, with the default limits.
    pub fn new() -> Self {
        Self::with_config(SwitchConfig::default())
    }

    /// A switch without ports.
    pub fn with_config(config: SwitchConfig) -> Self {
        let state = State { config, ports: Vec::new(), stations: Stations::new(config.addresses) };
        Self { shared: Arc::new(Mutex::new(state)) }
    }

    /// A new port, for a station with this hardware address. Dropping it unplugs the station.
    ///
    /// Frames to that address go to this port only; if two ports are given one address, the later
    /// gets them.
    pub fn port(&self, address: MacAddress) -> Port {
        let mut state = lock(&self.shared);
        let plug = Plug {
            address,
            queue: VecDeque::new(),
            waker: None,
            up: true,
            counters: Counters::default(),
        };
        let index = if let Some(free) = state.ports.iter().position(Option::is_none) {
            state.ports[free] = Some(plug);
            free
        } else {
            state.ports.push(Some(plug));
            state.ports.len() - 1
        };
        state.stations.fix(address, index);
        let capabilities = Capabilities {
            medium: Medium::Ethernet(address),
            mtu: state.config.mtu,
            checksum: true,
            max_segmented: MAX_SEGMENTED,
        };
        drop(state);
        Port::new(Arc::clone(&self.shared), index, capabilities)
    }

    /// Pulls the cable of the port with this hardware address, or plugs it in again: its host
    /// learns of it, and frames to and from it are lost in between. `false` if there is no such
    /// port.
    ///
    /// ```
    /// use danja_lan::cable::Switch;
    /// use danja_lan::{Adapter, MacAddress};
    ///
    /// let lan = Switch::new();
    /// let mac = MacAddress([2, 0, 0, 0, 0, 1]);
    /// let mut port = lan.port(mac);
    /// assert!(lan.set_link(mac, false));
    /// assert!(!port.link());
    /// ```
    pub fn set_link(&self, address: MacAddress, up: bool) -> bool {
        let mut state = lock(&self.shared);
        let plugs = state.ports.iter_mut().enumerate().rev();
        let mut plugs = plugs.filter_map(|(index, plug)| Some((index, plug.as_mut()?)));
        let Some((index, plug)) = plugs.find(|(_, plug)| plug.address == address) else {
            return false;
        };
        plug.up = up;
        let waker = plug.waker.clone();
        // Stations that were behind the port may be behind another when it comes back.
        state.stations.forget(index);
        state.stations.fix(address, index);
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        true
    }

    /// Ports plugged in now.
    pub fn ports(&self) -> usize {
        lock(&self.shared).ports.iter().flatten().count()
    }

    /// Hardware addresses known now: the ports' own and the learned ones.
    pub fn addresses(&self) -> usize {
        lock(&self.shared).stations.len()
    }
}

impl std::fmt::Debug for Switch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Switch({} ports, {} addresses)", self.ports(), self.addresses())
    }
}

/// What the switch keeps for one port.
pub(super) struct Plug {
    pub(super) address: MacAddress,
    pub(super) queue: VecDeque<Frame>,
    pub(super) waker: Option<Waker>,
    /// Its cable is plugged in.
    pub(super) up: bool,
    pub(super) counters: Counters,
}

/// The switch itself, behind its lock.
pub(super) struct State {
    config: SwitchConfig,
    pub(super) ports: Vec<Option<Plug>>,
    stations: Stations,
}

/// The state can be used after a panic elsewhere: no call leaves it half changed.
pub(super) fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Destination and source of an Ethernet frame.
fn addresses(frame: &Frame) -> Option<(MacAddress, MacAddress)> {
    let copied;
    let mut front = frame.front();
    if front.len() < 12 {
        copied = frame.range(0, 12);
        front = copied.as_slice();
    }
    let destination = front.get(..6)?.try_into().ok()?;
    let source = front.get(6..12)?.try_into().ok()?;
    Some((MacAddress(destination), MacAddress(source)))
}

impl State {
    /// Sends what the station at port `from` handed in; `wake` gets whom to wake, once the lock
    /// is released.
    pub(super) fn forward(&mut self, from: usize, frames: &mut Vec<Frame>, wake: &mut Vec<Waker>) {
        for frame in frames.drain(..) {
            let Some(sender) = self.ports.get_mut(from).and_then(Option::as_mut) else { return };
            let Some((destination, source)) =
                addresses(&frame).filter(|_| sender.up && fits(&frame, self.config.mtu))
            else {
                sender.counters.transmitted_dropped += 1;
                continue;
            };
            sender.counters.transmitted_frames += 1;
            sender.counters.transmitted_bytes += frame.len() as u64;
            if source != sender.address {
                self.stations.learn(source, from);
            }
            match self.stations.port(destination).filter(|_| !is_group(destination)) {
                // As a switch does: the station has heard it already.
                Some(port) if port == from => {}
                Some(port) => self.deliver(port, frame, wake),
                None => self.flood(from, &frame, wake),
            }
        }
    }

    fn flood(&mut self, from: usize, frame: &Frame, wake: &mut Vec<Waker>) {
        for port in (0..self.ports.len()).filter(|port| *port != from) {
            self.deliver(port, frame.clone(), wake);
        }
    }

    fn deliver(&mut self, port: usize, frame: Frame, wake: &mut Vec<Waker>) {
        let Some(plug) = self.ports.get_mut(port).and_then(Option::as_mut) else { return };
        if !plug.up || plug.queue.len() >= self.config.queue {
            plug.counters.received_dropped += 1;
            return;
        }
        if plug.queue.is_empty() {
            wake.extend(plug.waker.clone());
        }
        plug.queue.push_back(frame);
    }

    /// Unplugs a port.
    pub(super) fn remove(&mut self, port: usize) {
        self.stations.forget(port);
        if let Some(plug) = self.ports.get_mut(port) {
            *plug = None;
        }
    }
}
