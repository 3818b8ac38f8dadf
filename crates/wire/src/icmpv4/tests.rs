use super::*;
use crate::strategies;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

fn sum_of(bytes: &[u8]) -> Sum {
    let mut sum = Sum::new();
    sum.add_bytes(bytes);
    sum
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        (any::<u16>(), any::<u16>())
            .prop_map(|(ident, sequence)| Message::EchoRequest { ident, sequence }),
        (any::<u16>(), any::<u16>())
            .prop_map(|(ident, sequence)| Message::EchoReply { ident, sequence }),
        (any::<u8>(), any::<u16>()).prop_map(|(code, next_hop_mtu)| {
            Message::DestinationUnreachable { code: Unreachable::from_code(code), next_hop_mtu }
        }),
        Just(Message::SourceQuench),
        (any::<u8>(), strategies::v4())
            .prop_map(|(code, gateway)| Message::Redirect { code, gateway }),
        any::<u8>().prop_map(|code| Message::TimeExceeded { code: Exceeded::from_code(code) }),
        (any::<u8>(), any::<u8>())
            .prop_map(|(code, pointer)| Message::ParameterProblem { code, pointer }),
        (13u8.., any::<u8>(), any::<[u8; 4]>()).prop_map(|(kind, code, rest)| Message::Unknown {
            kind,
            code,
            rest
        }),
    ]
}

fn quoted_packet(transport: &[u8]) -> Vec<u8> {
    let mut header = ipv4::Header { protocol: Protocol::TCP, ..ipv4::Header::default() };
    header.set_payload_len(1000).unwrap();
    let mut bytes = vec![0; ipv4::HEADER_LEN];
    header.emit(&mut bytes).unwrap();
    bytes.extend(transport);
    bytes
}

#[test]
fn a_message_shorter_than_its_header_is_truncated() {
    for length in 0..HEADER_LEN {
        assert_eq!(Message::parse(&[0xff; 8][..length]), Err(Error::Truncated), "{length}");
    }
}

#[test]
fn the_checksum_covers_the_data() {
    let mut bytes = vec![0; HEADER_LEN];
    let data = [1u8, 2, 3];
    let request = Message::EchoRequest { ident: 7, sequence: 1 };
    request.emit(&mut bytes, sum_of(&data)).unwrap();
    bytes.extend(data);
    assert_eq!(Message::parse(&bytes), Ok(request));
    *bytes.last_mut().unwrap() ^= 0x80;
    assert_eq!(Message::parse(&bytes), Err(Error::Checksum));
    assert_eq!(Message::parse_unverified(&bytes), Ok(request));
}

/// Ripple20, AMNESIA:33: quotations of every length, with every IHL.
#[test]
fn short_quotations() {
    let whole = quoted_packet(&[0xab; 8]);
    for length in 0..28 {
        assert_eq!(Quote::parse(&whole[..length]), Err(Error::Truncated), "{length}");
    }
    let quote = Quote::parse(&whole).unwrap();
    assert_eq!(quote.transport, &[0xab; 8]);
    assert_eq!(quote.ports(), Some((0xabab, 0xabab)));
    assert_eq!(quote.tcp_sequence(), Some(SeqNumber(0xabab_abab)));
    for ihl in 0..16u8 {
        let mut quoted = quoted_packet(&[0xab; 48]);
        quoted[0] = 0x40 | ihl;
        let parsed = Quote::parse(&quoted);
        if ihl < 5 {
            assert_eq!(parsed, Err(Error::Length), "{ihl}");
        } else {
            assert_eq!(parsed.unwrap().transport.len(), 68 - usize::from(ihl) * 4);
        }
    }
}

#[test]
fn bytes_after_the_quoted_packet_are_not_of_it() {
    let mut quoted = quoted_packet(&[1; 100]);
    quoted[2..4].copy_from_slice(&30u16.to_be_bytes());
    assert_eq!(Quote::parse(&quoted).unwrap().transport.len(), 10);
    quoted[2..4].copy_from_slice(&27u16.to_be_bytes());
    assert_eq!(Quote::parse(&quoted), Err(Error::Truncated));
}

#[test]
fn a_quoted_fragment_has_no_ports() {
    let mut quoted = quoted_packet(&[1; 8]);
    quoted[7] = 1;
    let quote = Quote::parse(&quoted).unwrap();
    assert_eq!((quote.ports(), quote.tcp_sequence()), (None, None));
    quoted[7] = 0;
    quoted[9] = Protocol::ICMP.0;
    assert_eq!(Quote::parse(&quoted).unwrap().ports(), None);
}

#[test]
fn which_messages_are_errors() {
    for kind in 0..=255u8 {
        let message = Message::parse_unverified(&[kind, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert_eq!(message.is_error(), [3, 4, 5, 11, 12].contains(&kind), "{kind}");
    }
}

#[test]
fn codes_round_trip() {
    for code in 0..=255 {
        assert_eq!(Unreachable::from_code(code).code(), code);
        assert_eq!(Exceeded::from_code(code).code(), code);
    }
}

proptest! {
    #[test]
    fn parse_is_total(bytes in strategies::bytes(100)) {
        let _ = Message::parse(&bytes);
        let _ = Message::parse_unverified(&bytes);
        if let Ok(quote) = Quote::parse(&bytes) {
            prop_assert!(quote.transport.len() >= MIN_QUOTED_TRANSPORT);
            let _ = (quote.ports(), quote.tcp_sequence());
        }
    }

    #[test]
    fn emit_then_parse(message in message(), body in strategies::bytes(64)) {
        let mut bytes = vec![0; HEADER_LEN];
        prop_assert_eq!(message.emit(&mut bytes, sum_of(&body)), Ok(HEADER_LEN));
        bytes.extend(&body);
        prop_assert_eq!(Message::parse(&bytes), Ok(message));
        prop_assert_eq!(message.emit(&mut bytes[..7], Sum::new()), Err(Error::Room));
    }
}
