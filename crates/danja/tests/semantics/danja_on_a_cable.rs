//! Danja, between two hosts on a cable.

mod net {
    use crate::common;
    use danja::Host;
    pub(super) use danja::net::{TcpListener, TcpStream, UdpSocket};
    use std::io;
    use std::net::SocketAddr;
    use std::time::Duration;

    pub(super) struct World {
        server: Host,
        client: Host,
    }

    impl World {
        pub(super) fn new() -> Self {
            let (server, client) = common::two_hosts();
            Self { server, client }
        }
        pub(super) fn listen(&self) -> TcpListener {
            TcpListener::bind(&self.server, common::endpoint(1, 0)).unwrap()
        }
        pub(super) fn listen_at(&self, at: SocketAddr) -> io::Result<TcpListener> {
            TcpListener::bind(&self.server, at)
        }
        pub(super) fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
            TcpStream::connect(&self.client, to)
        }
        pub(super) fn connect_timeout(
            &self,
            to: &SocketAddr,
            timeout: Duration,
        ) -> io::Result<TcpStream> {
            TcpStream::connect_timeout(&self.client, to, timeout)
        }
        pub(super) fn udp(&self) -> UdpSocket {
            UdpSocket::bind(&self.server, common::endpoint(1, 0)).unwrap()
        }
        pub(super) fn udp_peer(&self) -> UdpSocket {
            UdpSocket::bind(&self.client, common::endpoint(2, 0)).unwrap()
        }
        pub(super) fn reset(stream: TcpStream) {
            stream.set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
}
#[path = "tcp.rs"]
mod tcp;
#[path = "udp.rs"]
mod udp;
