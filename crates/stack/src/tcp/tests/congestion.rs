//! Which congestion control a connection has, and what it does to whole transfers.

use super::pair::{CLIENT, PORT, Pair, SERVER, address};
use crate::config::Config;
use crate::socket::{Congestion, OptionName, SocketId, SocketOption, UnknownCongestion};
use core::net::SocketAddr;
use std::string::ToString;

fn named(pair: &Pair, side: usize, socket: SocketId) -> Congestion {
    let option = pair.stacks[side].option(socket, OptionName::Congestion).unwrap();
    let SocketOption::Congestion(which) = option else { panic!("{option:?}") };
    which
}

#[test]
fn names_are_those_of_linux() {
    for one in Congestion::ALL {
        assert_eq!(one.to_string().parse(), Ok(*one));
    }
    assert_eq!(Congestion::Reno.to_string(), "reno");
    assert_eq!("Reno".parse::<Congestion>(), Err(UnknownCongestion));
    assert!(UnknownCongestion.to_string().contains(": reno"));
}

/// The host's choice, unless the socket has one; a listener's goes to what it accepts.
#[test]
fn a_host_chooses_and_a_socket_chooses_otherwise() {
    for (host, socket) in Congestion::ALL.iter().zip(Congestion::ALL.iter().rev()) {
        let mut config = Config::default();
        config.tcp.congestion = *host;
        let mut pair = Pair::with(config.clone(), config, 1_500);
        let listener = pair.listen(5);
        let choice = SocketOption::Congestion(*socket);
        pair.stacks[SERVER].set_option(listener, choice, pair.now).unwrap();
        let plain = pair.connect();
        pair.run_ms(50);
        let (accepted, _) = pair.stacks[SERVER].accept(listener, pair.now).unwrap();
        assert_eq!(named(&pair, CLIENT, plain), *host);
        assert_eq!(named(&pair, SERVER, accepted), *socket);
        let own = pair.socket(CLIENT);
        pair.stacks[CLIENT].set_option(own, choice, pair.now).unwrap();
        let remote = SocketAddr::new(address(SERVER), PORT);
        pair.stacks[CLIENT].connect(own, remote, pair.now).unwrap_err();
        pair.run_ms(50);
        let of = |socket| pair.stacks[CLIENT].control_info(socket).unwrap().tcp.unwrap().congestion;
        assert_eq!((of(plain), of(own)), (*host, *socket));
    }
}
