//! `tokio::net`, on the machine's loopback.

mod face {
    use std::io;
    use std::net::SocketAddr;
    pub(super) use std::net::{
        TcpListener as StdListener, TcpStream as StdStream, UdpSocket as StdUdp,
    };
    pub(super) use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
    pub(super) use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};

    pub(super) struct World;

    impl World {
        pub(super) fn new() -> Self {
            Self
        }
        pub(super) async fn listen(&self, at: &str) -> io::Result<TcpListener> {
            TcpListener::bind(at).await
        }
        pub(super) async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
            TcpStream::connect(to).await
        }
        pub(super) async fn udp(&self, at: &str) -> io::Result<UdpSocket> {
            UdpSocket::bind(at).await
        }
        pub(super) fn blocking(&self, to: SocketAddr) -> StdStream {
            let stream = StdStream::connect(to).unwrap();
            stream.set_nonblocking(true).unwrap();
            stream
        }
        pub(super) fn socket(&self) -> TcpSocket {
            TcpSocket::new_v4().unwrap()
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
