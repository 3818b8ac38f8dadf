//! Every method of tokio's UDP socket, called once or more.

use super::face::{StdUdp, UdpSocket, World};
use crate::run;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use tokio::io::{Interest, ReadBuf, Ready};

const ANY: &str = "127.0.0.1:0";

async fn pair(world: &World) -> (UdpSocket, UdpSocket) {
    let (one, two) = (world.udp(ANY).await.unwrap(), world.udp(ANY).await.unwrap());
    UdpSocket::connect(&two, UdpSocket::local_addr(&one).unwrap()).await.unwrap();
    assert_eq!(UdpSocket::peer_addr(&two).unwrap(), one.local_addr().unwrap());
    (one, two)
}

#[test]
fn datagrams_are_awaited() {
    run(async {
        let (one, two) = pair(&World::new()).await;
        let (at, from) = (one.local_addr().unwrap(), two.local_addr().unwrap());
        let mut bytes = [0; 8];
        UdpSocket::writable(&two).await.unwrap();
        assert_eq!(UdpSocket::send(&two, b"one").await.unwrap(), 3);
        UdpSocket::readable(&one).await.unwrap();
        let ready: Ready = UdpSocket::ready(&one, Interest::READABLE).await.unwrap();
        assert!(ready.is_readable());
        assert_eq!(UdpSocket::peek_sender(&one).await.unwrap(), from);
        assert_eq!(UdpSocket::peek(&one, &mut bytes).await.unwrap(), 3);
        assert_eq!(UdpSocket::peek_from(&one, &mut bytes).await.unwrap(), (3, from));
        assert_eq!(UdpSocket::recv(&one, &mut bytes).await.unwrap(), 3);
        assert_eq!(UdpSocket::send_to(&two, b"three", at).await.unwrap(), 5);
        assert_eq!(UdpSocket::recv_from(&one, &mut bytes).await.unwrap(), (5, from));
        let mut growing = Vec::with_capacity(16);
        UdpSocket::send(&two, b"four").await.unwrap();
        assert_eq!(UdpSocket::recv_buf(&one, &mut growing).await.unwrap(), 4);
        UdpSocket::send(&two, b"five").await.unwrap();
        let received = UdpSocket::recv_buf_from(&one, &mut growing).await.unwrap();
        assert_eq!((received, growing.as_slice()), ((4, from), &b"fourfive"[..]));
        let called = UdpSocket::async_io(&one, Interest::WRITABLE, || Ok("called")).await;
        assert_eq!(called.unwrap(), "called");
    });
}

#[test]
fn datagrams_are_polled() {
    run(async {
        let (one, two) = pair(&World::new()).await;
        let (at, from) = (one.local_addr().unwrap(), two.local_addr().unwrap());
        let mut bytes = [0; 8];
        poll_fn(|cx| UdpSocket::poll_send_ready(&two, cx)).await.unwrap();
        assert_eq!(poll_fn(|cx| UdpSocket::poll_send(&two, cx, b"one")).await.unwrap(), 3);
        let sent: usize =
            poll_fn(|cx| UdpSocket::poll_send_to(&two, cx, b"two!", at)).await.unwrap();
        assert_eq!(sent, 4);
        poll_fn(|cx| UdpSocket::poll_recv_ready(&one, cx)).await.unwrap();
        let sender: SocketAddr = poll_fn(|cx| UdpSocket::poll_peek_sender(&one, cx)).await.unwrap();
        assert_eq!(sender, from);
        let mut buffer = ReadBuf::new(&mut bytes);
        poll_fn(|cx| UdpSocket::poll_peek(&one, cx, &mut buffer)).await.unwrap();
        assert_eq!(buffer.filled(), b"one");
        buffer.clear();
        let sender = poll_fn(|cx| UdpSocket::poll_peek_from(&one, cx, &mut buffer)).await;
        assert_eq!((sender.unwrap(), buffer.filled()), (from, &b"one"[..]));
        buffer.clear();
        poll_fn(|cx| UdpSocket::poll_recv(&one, cx, &mut buffer)).await.unwrap();
        assert_eq!(buffer.filled(), b"one");
        let sender = poll_fn(|cx| UdpSocket::poll_recv_from(&one, cx, &mut buffer)).await;
        assert_eq!((sender.unwrap(), buffer.filled()), (from, &b"onetwo!"[..]));
    });
}

#[test]
fn datagrams_are_tried() {
    run(async {
        let (one, two) = pair(&World::new()).await;
        let (at, from) = (one.local_addr().unwrap(), two.local_addr().unwrap());
        let mut bytes = [0; 8];
        let nothing = UdpSocket::try_recv(&one, &mut bytes).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
        let unready: io::Result<u8> = UdpSocket::try_io(&one, Interest::READABLE, || Ok(1));
        assert_eq!(unready.unwrap_err().kind(), ErrorKind::WouldBlock);
        two.writable().await.unwrap();
        assert_eq!(UdpSocket::try_send(&two, b"one").unwrap(), 3);
        for text in [b"two", b"six", b"ten"] {
            assert_eq!(UdpSocket::try_send_to(&two, text, at).unwrap(), 3);
        }
        one.readable().await.unwrap();
        assert_eq!(UdpSocket::try_peek_sender(&one).unwrap(), from);
        assert_eq!(UdpSocket::try_peek(&one, &mut bytes).unwrap(), 3);
        assert_eq!(UdpSocket::try_peek_from(&one, &mut bytes).unwrap(), (3, from));
        assert_eq!(UdpSocket::try_recv(&one, &mut bytes).unwrap(), 3);
        assert_eq!(UdpSocket::try_recv_from(&one, &mut bytes).unwrap(), (3, from));
        let mut growing = Vec::with_capacity(16);
        assert_eq!(UdpSocket::try_recv_buf(&one, &mut growing).unwrap(), 3);
        assert_eq!(UdpSocket::try_recv_buf_from(&one, &mut growing).unwrap(), (3, from));
        assert_eq!(growing, b"sixten");
    });
}

#[test]
fn a_socket_has_options_and_changes_its_face() {
    run(async {
        let world = World::new();
        let socket: StdUdp = UdpSocket::into_std(world.udp(ANY).await.unwrap()).unwrap();
        let socket = UdpSocket::from_std(socket).unwrap();
        assert!(!UdpSocket::broadcast(&socket).unwrap());
        UdpSocket::set_broadcast(&socket, true).unwrap();
        assert!(UdpSocket::broadcast(&socket).unwrap());
        assert_eq!(UdpSocket::ttl(&socket).unwrap(), 64);
        UdpSocket::set_ttl(&socket, 8).unwrap();
        assert_eq!(UdpSocket::ttl(&socket).unwrap(), 8);
        UdpSocket::set_tos_v4(&socket, 0x10).unwrap();
        assert_eq!(UdpSocket::tos_v4(&socket).unwrap(), 0x10);
        assert_eq!(UdpSocket::device(&socket).unwrap(), None);
        assert!(UdpSocket::bind_device(&socket, Some(b"nowhere7")).is_err());
        assert!(UdpSocket::take_error(&socket).unwrap().is_none());
        fn shared<T: Send + Sync + Unpin + std::fmt::Debug + 'static>() {}
        shared::<UdpSocket>();
        let _: fn(StdUdp) -> io::Result<UdpSocket> = UdpSocket::try_from;
    });
}
