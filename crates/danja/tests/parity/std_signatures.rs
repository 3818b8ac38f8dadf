//! Signatures that are the same over both faces: this compiles, or they are not.

use super::face::{TcpListener, TcpStream, UdpSocket};
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

type Get<S, T> = fn(&S) -> io::Result<T>;
type Set<S, T> = fn(&S, T) -> io::Result<()>;
type Fill<S, T> = fn(&S, &mut [u8]) -> io::Result<T>;

#[test]
fn methods_have_the_types_of_std() {
    let _: [Get<TcpStream, SocketAddr>; 2] = [TcpStream::local_addr, TcpStream::peer_addr];
    let _: Get<TcpStream, TcpStream> = TcpStream::try_clone;
    let _: Get<TcpStream, Option<io::Error>> = TcpStream::take_error;
    let _: [Get<TcpStream, Option<Duration>>; 2] =
        [TcpStream::read_timeout, TcpStream::write_timeout];
    let _: [Set<TcpStream, Option<Duration>>; 2] =
        [TcpStream::set_read_timeout, TcpStream::set_write_timeout];
    let _: [Set<TcpStream, bool>; 2] = [TcpStream::set_nodelay, TcpStream::set_nonblocking];
    let _: Get<TcpStream, bool> = TcpStream::nodelay;
    let _: (Get<TcpStream, u32>, Set<TcpStream, u32>) = (TcpStream::ttl, TcpStream::set_ttl);
    let _: Set<TcpStream, Shutdown> = TcpStream::shutdown;
    let _: Fill<TcpStream, usize> = TcpStream::peek;

    let _: Get<TcpListener, SocketAddr> = TcpListener::local_addr;
    let _: Get<TcpListener, TcpListener> = TcpListener::try_clone;
    let _: Get<TcpListener, (TcpStream, SocketAddr)> = TcpListener::accept;
    let _: Get<TcpListener, Option<io::Error>> = TcpListener::take_error;
    let _: Set<TcpListener, bool> = TcpListener::set_nonblocking;
    let _: (Get<TcpListener, u32>, Set<TcpListener, u32>) =
        (TcpListener::ttl, TcpListener::set_ttl);

    let _: [Get<UdpSocket, SocketAddr>; 2] = [UdpSocket::local_addr, UdpSocket::peer_addr];
    let _: Get<UdpSocket, UdpSocket> = UdpSocket::try_clone;
    let _: Get<UdpSocket, Option<io::Error>> = UdpSocket::take_error;
    let _: [Get<UdpSocket, Option<Duration>>; 2] =
        [UdpSocket::read_timeout, UdpSocket::write_timeout];
    let _: [Set<UdpSocket, Option<Duration>>; 2] =
        [UdpSocket::set_read_timeout, UdpSocket::set_write_timeout];
    let _: [Set<UdpSocket, bool>; 2] = [UdpSocket::set_broadcast, UdpSocket::set_nonblocking];
    let _: Get<UdpSocket, bool> = UdpSocket::broadcast;
    let _: (Get<UdpSocket, u32>, Set<UdpSocket, u32>) = (UdpSocket::ttl, UdpSocket::set_ttl);
    let _: [Fill<UdpSocket, (usize, SocketAddr)>; 2] = [UdpSocket::recv_from, UdpSocket::peek_from];
    let _: [Fill<UdpSocket, usize>; 2] = [UdpSocket::recv, UdpSocket::peek];
    let _: fn(&UdpSocket, &[u8]) -> io::Result<usize> = UdpSocket::send;
    let _: fn(&UdpSocket, &[u8], SocketAddr) -> io::Result<usize> = UdpSocket::send_to;
    let _: fn(&UdpSocket, SocketAddr) -> io::Result<()> = UdpSocket::connect;
    fn shared<T: Send + Sync + std::fmt::Debug + 'static>() {}
    shared::<(TcpStream, TcpListener, UdpSocket)>();
    fn stream<T: io::Read + io::Write>() {}
    stream::<TcpStream>();
    stream::<&TcpStream>();
}
