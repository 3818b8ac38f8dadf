//! Interfaces that share an adapter by VLAN tags.

use super::world::{B, Host, LAN, MAC_A, MAC_B, at, cidr};
use crate::config::{InterfaceConfig, Vlan};
use crate::interface::Medium;
use crate::socket::{Domain, SendFlags, SocketKind};
use danja_wire::Payload;
use std::vec::Vec;

/// Whoever sends much by the adapter does not keep the others from sending.
#[test]
fn an_interface_and_its_vlans_take_turns() {
    let mut host = Host::a();
    let mut vlan =
        InterfaceConfig::new("lan.7", Medium::Ethernet(MAC_A), 1500).address(cidr("10.7.0.1/24"));
    vlan.vlan = Some(Vlan { parent: LAN, id: 7 });
    let vlan = host.stack.add_interface(vlan, host.now).unwrap();
    let there = "10.7.0.2".parse().unwrap();
    assert!(host.stack.add_neighbour(LAN, B.into(), MAC_B, host.now));
    assert!(host.stack.add_neighbour(vlan, there, MAC_B, host.now));
    host.drain();
    for _ in 0..3 {
        for to in [B, "10.7.0.2".parse().unwrap()] {
            let socket = host.stack.socket(Domain::Ipv4, SocketKind::Datagram, host.now).unwrap();
            let flags = SendFlags { to: Some(at(to, 9)), ..SendFlags::default() };
            for _ in 0..2 {
                host.stack.send(socket, &Payload::from_static(b"x"), flags, host.now).unwrap();
            }
        }
    }
    let frames = host.drain();
    let tagged: Vec<bool> = frames.iter().map(|frame| frame[12..16] == [0x81, 0, 0, 7]).collect();
    assert_eq!(tagged.len(), 12);
    assert!(tagged.windows(2).all(|pair| pair[0] != pair[1]), "{tagged:?}");
}
