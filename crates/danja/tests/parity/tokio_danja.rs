//! `danja::tokio`, on a host's loopback.

mod face {
    use danja::Host;
    pub(super) use danja::net::{
        TcpListener as StdListener, TcpStream as StdStream, UdpSocket as StdUdp,
    };
    pub(super) use danja::tokio::{
        OwnedReadHalf, OwnedWriteHalf, ReadHalf, TcpListener, TcpSocket, TcpStream, UdpSocket,
        WriteHalf,
    };
    use std::io;
    use std::net::SocketAddr;

    pub(super) struct World(Host);

    impl World {
        pub(super) fn new() -> Self {
            Self(Host::builder().build().unwrap())
        }
        pub(super) async fn listen(&self, at: &str) -> io::Result<TcpListener> {
            TcpListener::bind(&self.0, at).await
        }
        pub(super) async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
            TcpStream::connect(&self.0, to).await
        }
        pub(super) async fn udp(&self, at: &str) -> io::Result<UdpSocket> {
            UdpSocket::bind(&self.0, at).await
        }
        pub(super) fn blocking(&self, to: SocketAddr) -> StdStream {
            StdStream::connect(&self.0, to).unwrap()
        }
        pub(super) fn socket(&self) -> TcpSocket {
            TcpSocket::new_v4(&self.0).unwrap()
        }
    }
}
#[path = "tokio_errors.rs"]
mod errors;
#[path = "tokio_states.rs"]
mod states;
#[path = "tokio_tcp.rs"]
mod tcp;
#[path = "tokio_udp.rs"]
mod udp;
