//! An interface as IP sees it: its addresses, whether it is up, and the frames of the stack's
//! own that wait for its adapter.

use crate::config::InterfaceConfig;
use crate::interface::{InterfaceId, Medium};
use crate::timer::Timer;
use crate::views::InterfaceView;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};
use danja_wire::Frame;
use danja_wire::ip::Cidr;

/// An interface.
pub(crate) struct Interface {
    pub(super) id: InterfaceId,
    pub(super) config: InterfaceConfig,
    /// Taken up by its owner, and its link carries frames.
    pub(super) up: bool,
    /// Taken up by its owner.
    pub(super) administered: bool,
    /// Its link carries frames.
    pub(super) link: bool,
    pub(super) addresses: Vec<Address>,
    /// Its VLANs, and the interfaces that are on them.
    pub(super) vlans: Vec<(u16, InterfaceId)>,
    /// Which of them may send next; beyond the last one the interface itself.
    pub(super) turn: usize,
    pub(super) timer: Option<Timer>,
    control: VecDeque<Frame>,
    pub(super) received: (u64, u64),
    sent: (u64, u64),
}

/// An address of an interface.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address {
    pub(super) cidr: Cidr,
    /// Probes and announcements that are still to be sent, and conflicts (RFC 5227).
    pub(super) claim: super::conflict::Claim,
}

impl Interface {
    pub(super) fn new(id: InterfaceId, config: InterfaceConfig) -> Self {
        Self {
            id,
            config,
            up: true,
            administered: true,
            link: true,
            addresses: Vec::new(),
            vlans: Vec::new(),
            turn: 0,
            timer: None,
            control: VecDeque::new(),
            received: (0, 0),
            sent: (0, 0),
        }
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.id == InterfaceId::LOOPBACK
    }

    /// Addresses in use: those that have passed their probes.
    pub(super) fn usable(&self) -> impl Iterator<Item = Cidr> {
        self.addresses.iter().filter(|address| address.claim.is_usable()).map(|it| it.cidr)
    }

    /// Whether it answers to the address itself (RFC 1122 §3.3.4.2, the strong model: an
    /// address belongs to one interface, and packets to it are taken there only).
    pub(super) fn has_address(&self, address: IpAddr) -> bool {
        self.usable().any(|cidr| cidr.address() == address)
    }

    /// Whether the address is a directed broadcast of one of its networks.
    pub(super) fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        self.usable().any(|cidr| cidr.broadcast() == Some(address))
    }

    pub(super) fn is_ethernet(&self) -> bool {
        matches!(self.config.medium, Medium::Ethernet(_))
    }

    /// Queues a frame of the stack's own; `false` at the limit.
    pub(super) fn push_control(&mut self, frame: Frame, limit: usize) -> bool {
        if self.control.len() >= limit {
            return false;
        }
        self.control.push_back(frame);
        true
    }

    pub(super) fn pop_control(&mut self) -> Option<Frame> {
        let frame = self.control.pop_front()?;
        self.count_sent(frame.len());
        Some(frame)
    }

    pub(super) fn has_control(&self) -> bool {
        !self.control.is_empty()
    }

    /// Throws away what waits, and says how many frames that were.
    pub(super) fn clear_control(&mut self) -> usize {
        let count = self.control.len();
        self.control.clear();
        count
    }

    pub(super) fn count_sent(&mut self, length: usize) {
        self.sent = add(self.sent, length);
    }

    pub(super) fn count_received(&mut self, frame: &Frame) {
        self.received = add(self.received, frame.len());
    }

    pub(super) fn view(&self) -> InterfaceView {
        InterfaceView {
            id: self.id,
            name: self.config.name.clone(),
            medium: self.config.medium,
            mtu: self.config.mtu,
            up: self.administered,
            link: self.link,
            vlan: self.config.vlan,
            addresses: self.addresses.iter().map(|address| address.cidr).collect(),
            received: self.received,
            sent: self.sent,
        }
    }
}

fn add(count: (u64, u64), bytes: usize) -> (u64, u64) {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    (count.0.saturating_add(1), count.1.saturating_add(bytes))
}
