//! Danja, within one host: the loopback interface.

mod net {
    use danja::Host;
    pub(super) use danja::net::{TcpListener, TcpStream, UdpSocket};
    use std::io;
    use std::net::SocketAddr;
    use std::time::Duration;

    pub(super) struct World {
        host: Host,
    }

    impl World {
        pub(super) fn new() -> Self {
            Self { host: Host::builder().build().unwrap() }
        }
        pub(super) fn listen(&self) -> TcpListener {
            TcpListener::bind(&self.host, "127.0.0.1:0").unwrap()
        }
        pub(super) fn listen_at(&self, at: SocketAddr) -> io::Result<TcpListener> {
            TcpListener::bind(&self.host, at)
        }
        pub(super) fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
            TcpStream::connect(&self.host, to)
        }
        pub(super) fn connect_timeout(
            &self,
            to: &SocketAddr,
            timeout: Duration,
        ) -> io::Result<TcpStream> {
            TcpStream::connect_timeout(&self.host, to, timeout)
        }
        pub(super) fn udp(&self) -> UdpSocket {
            UdpSocket::bind(&self.host, "127.0.0.1:0").unwrap()
        }
        pub(super) fn udp_peer(&self) -> UdpSocket {
            self.udp()
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
