//! The state machine as a table in virtual time, and hostile messages.

mod hostile;
mod machine;

use super::client::{Action, Client};
use super::message::{Identity, emit};
use danja_lan::MacAddress;
use danja_stack::Instant;
use dhcproto::v4::{DhcpOption, HType, Message, MessageType, Opcode};
use std::net::Ipv4Addr;

const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 9]);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const LENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 77);

fn identity() -> Identity {
    Identity { mac: MAC, host_name: None, client_id: None }
}

fn client(claims: bool) -> Client {
    Client::new(identity(), claims, None, Instant::ZERO, &mut || 5)
}

const fn at(seconds: u64) -> Instant {
    Instant::from_nanos(seconds * 1_000_000_000)
}

/// Everything the client wants done.
fn actions(client: &mut Client) -> Vec<Action> {
    std::iter::from_fn(|| client.poll_action()).collect()
}

/// The transaction of the latest message.
fn xid(actions: &[Action]) -> u32 {
    let message = actions.iter().rev().find_map(|action| match action {
        Action::Broadcast(message) | Action::Unicast { message, .. } => Some(message),
        _ => None,
    });
    u32::from_be_bytes(message.unwrap()[4..8].try_into().unwrap())
}

/// A server's message; `seconds` of lease and other options where there are any.
fn reply(kind: MessageType, xid: u32, options: &[DhcpOption]) -> Message {
    let none = Ipv4Addr::UNSPECIFIED;
    let mut message = Message::new_with_id(xid, none, LENT, none, none, &MAC.0);
    message.set_opcode(Opcode::BootReply).set_htype(HType::Eth);
    message.opts_mut().insert(DhcpOption::MessageType(kind));
    message.opts_mut().insert(DhcpOption::ServerIdentifier(SERVER));
    for option in options {
        message.opts_mut().insert(option.clone());
    }
    message
}

fn granted(kind: MessageType, xid: u32, seconds: u32) -> Vec<u8> {
    let mask = DhcpOption::SubnetMask(Ipv4Addr::new(255, 255, 255, 0));
    emit(&reply(kind, xid, &[DhcpOption::AddressLeaseTime(seconds), mask]))
}

/// A client that has a lease of so many seconds, asked for at second 0.
fn bound(seconds: u32) -> Client {
    let mut client = client(false);
    client.on_timeout(Instant::ZERO, &mut || 5);
    let xid = xid(&actions(&mut client));
    for kind in [MessageType::Offer, MessageType::Ack] {
        client.on_message(&granted(kind, xid, seconds), Instant::ZERO, &mut || 5);
    }
    actions(&mut client);
    client
}
