use super::*;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr};

fn fault(kind: Fault, cause: Option<Cause>) -> SocketFault {
    SocketFault { kind, cause }
}

#[test]
fn kinds_are_those_of_linux() {
    let cases = [
        (Fault::ConnectionRefused, ErrorKind::ConnectionRefused, 111),
        (Fault::ConnectionReset, ErrorKind::ConnectionReset, 104),
        (Fault::ConnectionAborted, ErrorKind::ConnectionAborted, 103),
        (Fault::TimedOut, ErrorKind::TimedOut, 110),
        (Fault::HostUnreachable, ErrorKind::HostUnreachable, 113),
        (Fault::NetworkUnreachable, ErrorKind::NetworkUnreachable, 101),
        (Fault::Prohibited, ErrorKind::HostUnreachable, 113),
        (Fault::BrokenPipe, ErrorKind::BrokenPipe, 32),
    ];
    for (kind, expected, number) in cases {
        let error = ConnectError::Fault(fault(kind, None)).to_io();
        assert_eq!(error.kind(), expected, "{kind:?}");
        assert_eq!(errno(&error), Some(number), "{kind:?}");
    }
    assert_eq!(BindError::AddressInUse.to_io().kind(), ErrorKind::AddrInUse);
    assert_eq!(BindError::AddressNotAvailable.to_io().kind(), ErrorKind::AddrNotAvailable);
    assert_eq!(BindError::AlreadyBound.to_io().kind(), ErrorKind::InvalidInput);
    assert_eq!(RecvError::NotConnected.to_io().kind(), ErrorKind::NotConnected);
    assert_eq!(SendError::BroadcastNotAllowed.to_io().kind(), ErrorKind::PermissionDenied);
}

#[test]
fn would_block_is_the_plain_number() {
    for error in [RecvError::WouldBlock.to_io(), SendError::WouldBlock.to_io()] {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert_eq!(error.raw_os_error(), Some(11));
    }
    assert!(AcceptError::WouldBlock.would_block());
    assert!(ConnectError::InProgress.would_block());
    // The same number as "would block", but waiting would not help.
    assert!(!SendError::PortsExhausted.would_block());
}

#[test]
fn the_text_names_the_cause_and_the_cause_is_kept() {
    let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9));
    let silent = fault(Fault::HostUnreachable, Some(Cause::NeighbourSilent(address)));
    let error = ConnectError::Fault(silent).to_io();
    assert_eq!(error.to_string(), "host unreachable: nobody answered ARP for 10.0.0.9");
    assert_eq!(cause(&error), Some(silent));

    let icmp = Cause::Icmp { message_type: 3, code: 13, from: address };
    let error = from_fault(fault(Fault::Prohibited, Some(icmp)));
    assert_eq!(
        error.to_string(),
        "host unreachable: prohibited: 10.0.0.9 sent ICMP administratively prohibited"
    );
    assert_eq!(error.kind(), ErrorKind::HostUnreachable);
    assert_eq!(cause(&BindError::AddressInUse.to_io()), None);
}
