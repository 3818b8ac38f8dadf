//! `danja::net`, on a host's loopback.

mod face {
    use danja::Host;
    use danja::net::ToEndpoints;
    pub(super) use danja::net::{TcpListener, TcpStream, UdpSocket};
    use std::io;
    use std::net::SocketAddr;
    use std::time::Duration;

    pub(super) struct World(Host);

    impl World {
        pub(super) fn new() -> Self {
            Self(Host::builder().build().unwrap())
        }
        pub(super) fn listen(&self, at: impl ToEndpoints) -> io::Result<TcpListener> {
            TcpListener::bind(&self.0, at)
        }
        pub(super) fn connect(&self, to: impl ToEndpoints) -> io::Result<TcpStream> {
            TcpStream::connect(&self.0, to)
        }
        pub(super) fn connect_timeout(
            &self,
            to: &SocketAddr,
            timeout: Duration,
        ) -> io::Result<TcpStream> {
            TcpStream::connect_timeout(&self.0, to, timeout)
        }
        pub(super) fn udp(&self, at: impl ToEndpoints) -> io::Result<UdpSocket> {
            UdpSocket::bind(&self.0, at)
        }
        pub(super) fn set_backlog(listener: &TcpListener, backlog: i32) {
            listener.as_socket().listen(usize::try_from(backlog).unwrap()).unwrap();
        }
        pub(super) fn reset(stream: TcpStream) {
            stream.set_linger(Some(Duration::ZERO)).unwrap();
        }
    }
}
#[path = "std_bodies.rs"]
mod bodies;
#[path = "std_errors.rs"]
mod errors;
#[path = "std_signatures.rs"]
mod signatures;
