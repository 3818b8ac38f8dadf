//! The doors that change a stack, as values. Does nothing with them.

use crate::config::{Config, InterfaceConfig, Route};
use crate::entropy::Seeds;
use crate::event::IncomingId;
use crate::interface::{InterfaceId, MacAddress, Room};
use crate::socket::{Domain, RecvFlags, SendFlags, Shutdown, SocketId, SocketKind, SocketOption};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use danja_wire::ip::Cidr;
use danja_wire::{Frame, Payload};

/// A call of one of a [`Stack`](crate::Stack)'s doors that can change it, with its arguments but
/// the time. The variants have the methods' names.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
#[allow(missing_docs, reason = "the methods of Stack say it")]
pub enum Input {
    // Construction and administration.
    New { config: Box<Config>, seeds: Box<Seeds> },
    Configure { config: Box<Config> },
    AddInterface { config: Box<InterfaceConfig> },
    AddAddress { interface: InterfaceId, address: Cidr },
    RemoveAddress { interface: InterfaceId, address: IpAddr },
    AddRoute { route: Route },
    RemoveRoute { route: Route },
    AddNeighbour { interface: InterfaceId, address: IpAddr, mac: MacAddress },
    RemoveNeighbour { interface: InterfaceId, address: IpAddr },
    DropConnection { local: SocketAddr, remote: SocketAddr },
    SetUp { interface: InterfaceId, up: bool },
    SetLink { interface: InterfaceId, up: bool },
    SetMtu { interface: InterfaceId, mtu: usize },
    // What happened.
    Receive { interface: InterfaceId, frames: Vec<Frame> },
    HandleTimeout,
    Inject { interface: InterfaceId, packet: Payload },
    Reseed { seeds: Box<Seeds> },
    // Socket calls.
    Socket { domain: Domain, kind: SocketKind },
    Bind { socket: SocketId, local: SocketAddr },
    Listen { socket: SocketId, backlog: usize },
    Connect { socket: SocketId, remote: SocketAddr },
    Disconnect { socket: SocketId },
    Accept { listener: SocketId },
    Admit { incoming: IncomingId },
    Refuse { incoming: IncomingId, unreachable: Option<u8> },
    DropIncoming { incoming: IncomingId },
    Send { socket: SocketId, data: Payload, flags: SendFlags },
    Recv { socket: SocketId, max: usize, flags: RecvFlags },
    Shutdown { socket: SocketId, how: Shutdown },
    Close { socket: SocketId },
    SetOption { socket: SocketId, option: SocketOption },
    TakeError { socket: SocketId },
    // What to do: polling changes what is asked next, so it is an input, too.
    PollTransmit { interface: InterfaceId, room: Room },
    PollEvent,
    PollUnclaimed { interface: InterfaceId },
}
