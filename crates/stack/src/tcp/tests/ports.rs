//! Who may bind and listen where, and connections of a host with itself.

use super::pair::{CLIENT, Pair, address};
use crate::config::Config;
use crate::socket::{BindError, ConnectError, ListenError, Shutdown, SocketId, SocketOption};
use crate::views::TcpState;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;

const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4_040);

fn bound(pair: &mut Pair, reuse: bool, at: SocketAddr) -> Result<SocketId, BindError> {
    let socket = pair.socket(CLIENT);
    let stack = &mut pair.stacks[CLIENT];
    stack.set_option(socket, SocketOption::ReuseAddress(reuse), pair.now).unwrap();
    stack.bind(socket, at, pair.now).map(|()| socket)
}

/// As Linux: of several sockets that are bound to a port with SO_REUSEADDR, one may listen.
#[test]
fn of_two_that_share_a_port_one_listens() {
    let mut pair = Pair::new();
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), HERE.port());
    let other = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), HERE.port());
    for (first, second, both) in [(HERE, HERE, false), (any, HERE, false), (HERE, other, true)] {
        let one = bound(&mut pair, true, first).unwrap();
        let two = bound(&mut pair, true, second).unwrap();
        let (now, stack) = (pair.now, &mut pair.stacks[CLIENT]);
        assert_eq!(stack.listen(one, 1, now), Ok(()));
        let refused = if both { Ok(()) } else { Err(ListenError::AddressInUse) };
        assert_eq!(stack.listen(two, 1, now), refused);
        assert_eq!(bound(&mut pair, true, first), Err(BindError::AddressInUse), "one listens");
        let (now, stack) = (pair.now, &mut pair.stacks[CLIENT]);
        stack.close(one, now).unwrap();
        let listens = if both { "it listens already" } else { "the other one is gone" };
        assert_eq!(stack.listen(two, 1, now), Ok(()), "{listens}");
        stack.close(two, now).unwrap();
    }
}

#[test]
fn nobody_listens_beside_one_that_shares_no_port() {
    let mut pair = Pair::new();
    let one = bound(&mut pair, true, HERE).unwrap();
    assert_eq!(bound(&mut pair, false, HERE), Err(BindError::AddressInUse));
    let two = bound(&mut pair, true, HERE).unwrap();
    let (now, stack) = (pair.now, &mut pair.stacks[CLIENT]);
    stack.set_option(two, SocketOption::ReuseAddress(false), now).unwrap();
    assert_eq!(stack.listen(one, 1, now), Err(ListenError::AddressInUse));
    assert_eq!(stack.listen(two, 1, now), Err(ListenError::AddressInUse));
    stack.close(two, now).unwrap();
    assert_eq!(stack.listen(one, 1, now), Ok(()));
}

/// As Linux: 127.0.0.1 is who asks, whichever address of 127/8 is asked.
#[test]
fn the_source_of_loopback_connections() {
    let mut pair = Pair::new();
    let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), HERE.port());
    let listener = bound(&mut pair, false, any).unwrap();
    pair.stacks[CLIENT].listen(listener, 5, pair.now).unwrap();
    let own = address(CLIENT);
    let second = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    for (to, from) in [(HERE.ip(), HERE.ip()), (second, HERE.ip()), (own, own)] {
        let socket = pair.socket(CLIENT);
        let begun = pair.stacks[CLIENT].connect(socket, SocketAddr::new(to, HERE.port()), pair.now);
        assert_eq!(begun, Err(ConnectError::InProgress));
        pair.run_ms(1);
        let (accepted, peer) = pair.stacks[CLIENT].accept(listener, pair.now).unwrap();
        assert_eq!(peer.ip(), from);
        let info = pair.stacks[CLIENT].control_info(accepted).unwrap();
        assert_eq!(info.local.unwrap().ip(), to);
    }
}

/// RFC 9293 §3.5: a simultaneous open, of which both ends are one.
#[test]
fn a_socket_connects_to_itself() {
    let mut pair = Pair::with(Config::default(), Config::default(), 1_500);
    for at in [HERE, SocketAddr::new(address(CLIENT), 4_041)] {
        let socket = bound(&mut pair, false, at).unwrap();
        let begun = pair.stacks[CLIENT].connect(socket, at, pair.now);
        assert_eq!(begun, Err(ConnectError::InProgress));
        pair.run_ms(1);
        assert_eq!(pair.state(CLIENT, socket), TcpState::Established);
        let info = pair.stacks[CLIENT].control_info(socket).unwrap();
        assert_eq!((info.local, info.remote), (Some(at), Some(at)));
        let text = super::pair::pattern(300_000);
        let limit = Duration::from_secs(20);
        let got = pair.transfer((CLIENT, socket), (CLIENT, socket), &text, limit);
        assert!(got == text, "{} bytes came back", got.len());
        assert!(pair.recv(CLIENT, socket, 9).is_err(), "nothing more");
        pair.stacks[CLIENT].shutdown(socket, Shutdown::Write, pair.now).unwrap();
        pair.run_ms(1);
        assert_eq!(pair.recv(CLIENT, socket, 9), Ok(std::vec::Vec::new()));
        pair.stacks[CLIENT].close(socket, pair.now).unwrap();
        pair.run(Duration::from_secs(61));
        assert_eq!(pair.stacks[CLIENT].sockets().len(), 0);
        assert_eq!(pair.stacks[CLIENT].buffered(), 0);
        assert_eq!(pair.stacks[CLIENT].counters().tcp_retrans_segs, 0);
    }
}
