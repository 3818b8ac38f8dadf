//! The neighbour cache and its state machine (RFC 4861 §7.3), shared by ARP and NDP. Sends
//! nothing itself: it says what is to be asked, and what failed.

mod learn;
mod table;

pub(crate) use learn::Claim;
pub(crate) use table::{Context, Neighbours};

use crate::interface::{InterfaceId, MacAddress};
use alloc::collections::VecDeque;
use core::net::IpAddr;
use danja_wire::Frame;

/// What is to be done for a neighbour.
#[derive(Debug)]
pub(crate) enum Action {
    /// Ask who has the address: everybody, or the hardware address it was last known at.
    Solicit { interface: InterfaceId, address: IpAddr, known_at: Option<MacAddress> },
    /// It stayed silent: these packets waited for it.
    Failed { interface: InterfaceId, address: IpAddr, queue: VecDeque<Frame> },
    /// It is known now: these packets waited for it.
    Release { interface: InterfaceId, mac: MacAddress, queue: VecDeque<Frame> },
}

/// What becomes of a packet for a neighbour.
#[derive(Debug)]
pub(crate) enum Resolution {
    /// Send it to this hardware address.
    Send(MacAddress, Frame),
    /// It waits; perhaps something is to be asked.
    Waits(Option<Action>),
}
