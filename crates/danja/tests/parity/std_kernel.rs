//! `std::net`, on the machine's loopback.

mod face {
    use std::io;
    use std::net::{SocketAddr, ToSocketAddrs};
    pub(super) use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::time::Duration;

    pub(super) struct World;

    impl World {
        pub(super) fn new() -> Self {
            Self
        }
        pub(super) fn listen(&self, at: impl ToSocketAddrs) -> io::Result<TcpListener> {
            TcpListener::bind(at)
        }
        pub(super) fn connect(&self, to: impl ToSocketAddrs) -> io::Result<TcpStream> {
            TcpStream::connect(to)
        }
        pub(super) fn connect_timeout(
            &self,
            to: &SocketAddr,
            timeout: Duration,
        ) -> io::Result<TcpStream> {
            TcpStream::connect_timeout(to, timeout)
        }
        pub(super) fn udp(&self, at: impl ToSocketAddrs) -> io::Result<UdpSocket> {
            UdpSocket::bind(at)
        }
        /// From now on so many connections may wait.
        pub(super) fn set_backlog(listener: &TcpListener, backlog: i32) {
            rustix::net::listen(listener, backlog).unwrap();
        }
        /// Closing it throws away what was sent, and resets.
        pub(super) fn reset(stream: TcpStream) {
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        }
    }
}
#[path = "std_bodies.rs"]
mod bodies;
#[path = "std_errors.rs"]
mod errors;
#[path = "std_signatures.rs"]
mod signatures;
