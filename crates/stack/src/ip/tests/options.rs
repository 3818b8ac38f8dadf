//! Options of echo requests in their replies (RFC 1122 §3.2.2.6, RFC 791 §3.1).

use super::frames::*;
use super::world::*;
use core::time::Duration;
use danja_wire::icmpv4::Message;
use danja_wire::ip::Protocol;
use danja_wire::ipv4;
use danja_wire::ipv4::options::Options;
use std::vec::Vec;

/// An echo request with options, as B sends it.
fn request(options: &[u8], data: &[u8]) -> Vec<u8> {
    let options = Options::from_bytes(options).unwrap();
    let message = icmp(Message::EchoRequest { ident: 7, sequence: 1 }, data);
    from_b(&ip(ipv4::Header { options, ..header(Protocol::ICMP) }, &message))
}

/// The options of the reply.
fn reflected(host: &mut Host, options: &[u8]) -> Vec<u8> {
    let answers = host.answer(&request(options, b"data"));
    let (header, message, body) = read_icmp(&answers[0]);
    assert_eq!(message, Message::EchoReply { ident: 7, sequence: 1 });
    assert_eq!(body, b"data");
    header.options.as_bytes().to_vec()
}

#[test]
fn a_recorded_route_goes_on_with_us() {
    let mut host = acquainted();
    let asked = [7, 15, 8, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let expected = [7, 15, 12, 10, 0, 0, 2, 10, 0, 0, 1, 0, 0, 0, 0, 0];
    assert_eq!(reflected(&mut host, &asked), expected);
    // A full one comes back as it is, and what is no route (security, NOP) not at all.
    let full = [1, 130, 3, 0, 7, 7, 8, 10, 0, 0, 2, 0];
    assert_eq!(reflected(&mut host, &full), [7, 7, 8, 10, 0, 0, 2, 0]);
    assert_eq!(reflected(&mut host, &[148, 4, 0, 0]), []);
}

#[test]
fn a_timestamp_is_written_where_it_is_asked_for() {
    let mut host = acquainted();
    let stamp = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap());
    // Timestamps only.
    let options = reflected(&mut host, &[68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(options[..4], [68, 12, 9, 0]);
    let first = stamp(&options[4..8]);
    assert!(first >> 31 == 1, "not since midnight");
    assert_eq!(options[8..], [0; 4]);
    host.advance(Duration::from_millis(25));
    // Each after its address.
    let options = reflected(&mut host, &[68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(options[..8], [68, 12, 13, 1, 10, 0, 0, 1]);
    assert_eq!(stamp(&options[8..12]).wrapping_sub(first) & !(1 << 31), 25);
    // For the addresses given: ours, or another's.
    let options = reflected(&mut host, &[68, 12, 5, 3, 10, 0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(options[..8], [68, 12, 13, 3, 10, 0, 0, 1]);
    assert_ne!(options[8..12], [0; 4]);
    let others = [68, 12, 5, 3, 10, 0, 0, 9, 0, 0, 0, 0];
    assert_eq!(reflected(&mut host, &others), others);
    // Full: who finds no room is counted, as far as the count goes.
    let full = reflected(&mut host, &[68, 8, 9, 0x20, 1, 2, 3, 4]);
    assert_eq!(full, [68, 8, 9, 0x30, 1, 2, 3, 4]);
    let full = reflected(&mut host, &[68, 8, 9, 0xf0, 1, 2, 3, 4]);
    assert_eq!(full, [68, 8, 9, 0xf0, 1, 2, 3, 4]);
}

#[test]
fn any_options_are_survived() {
    // Every length and pointer of both options: answered or refused, and never out of shape.
    for kind in [7, 68] {
        for length in 2..=40u8 {
            for pointer in 0..=50 {
                let mut options = std::vec![0xaa; usize::from(length)];
                options[..2].copy_from_slice(&[kind, length]);
                if let Some(at) = options.get_mut(2) {
                    *at = pointer;
                }
                let mut host = acquainted();
                for answer in host.answer(&request(&options, b"")) {
                    let (reply, _) = read_ip(&answer);
                    assert!(reply.options.check().is_ok(), "{options:?}");
                    assert!(reply.options.as_bytes().len() <= 40);
                }
            }
        }
    }
}

#[test]
fn of_fragments_the_first_has_the_options() {
    // RFC 791 §3.1: "Not copied on fragmentation, goes in first fragment only."
    let mut asker = Host::b();
    let options = [7, 7, 4, 0, 0, 0, 0, 0];
    let data: Vec<u8> = (0..1440u32).map(|at| at as u8).collect();
    let ping = asker.socket(crate::socket::SocketKind::Ping);
    asker.stack.bind(ping, at(B, 7), asker.now).unwrap();
    // The way back takes less than the way here.
    let interface = crate::InterfaceConfig::new("lan", crate::Medium::Ethernet(MAC_A), 700);
    let mut narrow = Host::on(interface, "10.0.0.1/24", B);
    narrow.advance(Duration::from_secs(5));
    narrow.answer(&b_asks_for_a());
    let replies = narrow.answer(&request(&options, &data));
    let lengths: Vec<_> = replies.iter().map(|frame| read_ip(frame).0.header_len()).collect();
    assert_eq!(lengths, [28, 20, 20]);
    replies.iter().for_each(|frame| asker.give(frame));
    assert_eq!(asker.recv(ping).unwrap().0[8..], data);
}
