//! Sockets of a host: `TcpStream`, `TcpListener` and `UdpSocket` with `std::net`'s names and
//! semantics, [`Socket`] for everything else, [`PingSocket`] for echo. They block, unless told
//! otherwise, and can be driven by any executor ([`Socket::poll_recv`] and its kin).

mod asynchronous;
mod endpoints;
mod incoming;
mod inner;
mod ping;
mod socket;
mod tcp_listener;
mod tcp_stream;
mod udp_socket;

#[cfg(feature = "tokio")]
pub(crate) use asynchronous::Place;
#[cfg(feature = "tokio")]
pub(crate) use endpoints::look_up;
#[cfg(feature = "tokio")]
pub(crate) use inner::settled;
#[cfg(feature = "tokio")]
pub(crate) use tcp_listener::BACKLOG;

pub use crate::host::{IncomingEvent, Interest};
pub use danja_stack::socket::{
    Congestion, Domain, OptionName, PathMtuDiscovery, Received, RecvFlags, SendFlags, SocketKind,
    SocketOption, UnknownCongestion,
};
pub use endpoints::ToEndpoints;
pub use ping::{EchoReply, PingSocket};
pub use socket::Socket;
pub use std::net::Shutdown;
pub use tcp_listener::{Incoming, TcpListener};
pub use tcp_stream::TcpStream;
pub use udp_socket::UdpSocket;
