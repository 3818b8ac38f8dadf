//! Datagram sockets when the memory of the stack is used up.

use crate::event::{Event, Ready};
use crate::ip::tests::frames::*;
use crate::ip::tests::world::*;
use crate::socket::{SendError, SendFlags};
use danja_wire::Payload;

#[test]
fn a_socket_with_an_empty_queue_may_always_send_one_datagram() {
    let mut config = crate::Config::default();
    config.limits.buffer_bytes = 4_000;
    let mut host = Host::bare(config);
    let lan = crate::InterfaceConfig::new("lan", crate::Medium::Ethernet(MAC_A), 1500);
    host.stack.add_interface(lan.address(cidr("10.0.0.1/24")), host.now);
    host.stack.add_neighbour(LAN, B.into(), MAC_B, host.now);
    let hoarder = host.udp(A, 1);
    while host.stack.counters().udp_rcvbuf_errors == 0 {
        host.give(&udp_frame(9, 1, &[0; 900]));
    }
    let socket = host.udp(A, 2);
    host.drain();
    host.events();
    let flags = SendFlags { to: Some(at(B, 9)), ..SendFlags::default() };
    let data = Payload::from(std::vec![7; 1000]);
    let writable = |host: &Host| host.stack.readiness(socket).intersects(Ready::WRITABLE);
    for _ in 0..3 {
        assert!(writable(&host));
        assert_eq!(host.stack.send(socket, &data, flags, host.now), Ok(1000));
        let second = host.stack.send(socket, &data, flags, host.now);
        assert_eq!(second, Err(SendError::WouldBlock));
        assert!(!writable(&host), "who waits for it would wait in a circle");
        assert_eq!(host.drain().len(), 1);
        assert_eq!(host.events(), [Event::Socket { socket, ready: Ready::WRITABLE }]);
    }
    // What is read makes room.
    while host.recv(hoarder).is_some() {}
    assert_eq!(host.stack.send(socket, &data, flags, host.now), Ok(1000));
    assert_eq!(host.stack.send(socket, &data, flags, host.now), Ok(1000));
    host.drain();
    assert_eq!(host.stack.buffered(), 0);
}
