//! `std::net`, on the machine's loopback.

mod net {
    use std::io;
    use std::net::SocketAddr;
    pub(super) use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::time::Duration;

    pub(super) struct World;

    impl World {
        pub(super) fn new() -> Self {
            Self
        }
        pub(super) fn listen(&self) -> TcpListener {
            TcpListener::bind("127.0.0.1:0").unwrap()
        }
        pub(super) fn listen_at(&self, at: SocketAddr) -> io::Result<TcpListener> {
            TcpListener::bind(at)
        }
        pub(super) fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
            TcpStream::connect(to)
        }
        pub(super) fn connect_timeout(
            &self,
            to: &SocketAddr,
            timeout: Duration,
        ) -> io::Result<TcpStream> {
            TcpStream::connect_timeout(to, timeout)
        }
        pub(super) fn udp(&self) -> UdpSocket {
            UdpSocket::bind("127.0.0.1:0").unwrap()
        }
        pub(super) fn udp_peer(&self) -> UdpSocket {
            self.udp()
        }
        pub(super) fn reset(stream: TcpStream) {
            rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
        }
    }
}
#[path = "tcp.rs"]
mod tcp;
#[path = "udp.rs"]
mod udp;
