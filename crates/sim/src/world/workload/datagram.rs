//! The datagrams of a workload: each carries its own name and sender, so that one that arrives can
//! be checked alone. Any may be lost.

use super::PORT;
use super::content;
use super::plan::DatagramPlan;
use crate::world::random::mix;
use crate::world::{HostId, World};
use danja_stack::socket::{RecvError, RecvFlags, SendFlags};
use danja_stack::{SocketId, Stack};
use danja_wire::{Instant, Payload};
use std::net::{IpAddr, SocketAddr};

/// Sends the datagrams of a plan by the sender's socket.
pub(super) fn send(
    number: usize,
    plan: &DatagramPlan,
    socket: SocketId,
    stack: &mut Stack,
    now: Instant,
) {
    let to = SocketAddr::new(IpAddr::V4(World::address(plan.to)), PORT);
    for (index, size) in plan.sizes.iter().enumerate() {
        let random = mix((number as u64) << 32 | index as u64) & !0xffff_ffff;
        let name = random | (*size as u64) << 16 | plan.from.0 as u64;
        let mut bytes = vec![0; *size];
        if let Some((head, body)) = bytes.split_first_chunk_mut::<8>() {
            *head = name.to_be_bytes();
            content::fill(name, 0, body);
        }
        let flags = SendFlags { to: Some(to), ..SendFlags::default() };
        // No room, or a neighbour that is not there: datagrams may be lost.
        let _ = stack.send(socket, &Payload::from(bytes), flags, now);
    }
}

/// Takes and checks all datagrams that wait; returns how many.
///
/// # Errors
/// What is wrong with one.
pub(super) fn receive(socket: SocketId, stack: &mut Stack, now: Instant) -> Result<usize, String> {
    let mut arrived = 0;
    loop {
        let mut slices = Vec::new();
        let got = match stack.recv(socket, 65_536, RecvFlags::default(), &mut slices, now) {
            Ok(got) => got,
            Err(RecvError::WouldBlock) => return Ok(arrived),
            // An ICMP error about one of ours.
            Err(RecvError::Fault(_)) => continue,
            Err(error) => return Err(format!("recv: {error}")),
        };
        let bytes: Vec<u8> =
            slices.iter().flat_map(|slice| slice.as_slice().iter().copied()).collect();
        check(&bytes, got.from)?;
        arrived += 1;
    }
}

fn check(bytes: &[u8], from: Option<SocketAddr>) -> Result<(), String> {
    let length = bytes.len();
    let Some((name, body)) = bytes.split_first_chunk::<8>() else {
        return Err(format!("a datagram of {length} bytes, which nobody sent"));
    };
    let name = u64::from_be_bytes(*name);
    let (size, sender) = (name >> 16 & 0xffff, World::address(HostId((name & 0xffff) as usize)));
    if let Some(at) = content::difference(name, 0, body) {
        return Err(format!("byte {at} of a datagram of {length} bytes arrived changed"));
    }
    if size != length as u64 {
        return Err(format!("a datagram of {size} bytes arrived with {length}"));
    }
    if from != Some(SocketAddr::new(IpAddr::V4(sender), PORT)) {
        return Err(format!("a datagram of {sender} came from {from:?}"));
    }
    Ok(())
}
