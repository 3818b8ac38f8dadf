//! The examples, run.

#[path = "../examples/async_echo.rs"]
mod async_echo;
#[path = "../examples/echo.rs"]
mod echo;
#[path = "../../lan/tests/common/mod.rs"]
mod namespace;
#[path = "../examples/own_adapter.rs"]
mod own_adapter;
#[path = "../examples/tun2socks.rs"]
mod tun2socks;
#[path = "../examples/wireguard.rs"]
mod wireguard;

use namespace::{in_namespace, run, skip};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

#[test]
fn a_line_over_a_cable() {
    echo::main().unwrap();
}

#[test]
fn ten_connections_in_one_thread() {
    async_echo::main().unwrap();
}

#[test]
fn an_adapter_of_ones_own() {
    own_adapter::main().unwrap();
}

#[test]
fn a_wireguard_tunnel() {
    wireguard::main().unwrap();
}

/// A SOCKS5 server for which the last number of an address says what is there: 7 a server (in
/// the proxy itself), of others the reply that the number is.
fn proxy() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || answer(stream.unwrap()));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    let (mut greeting, mut request) = ([0; 3], [0; 10]);
    stream.read_exact(&mut greeting).unwrap();
    assert_eq!(greeting, [5, 1, 0]);
    stream.write_all(&[5, 0]).unwrap();
    stream.read_exact(&mut request).unwrap();
    assert_eq!(request[..7], [5, 1, 0, 1, 198, 51, 100]);
    let (last, port) = (request[7], u16::from_be_bytes([request[8], request[9]]));
    if last != 7 {
        return stream.write_all(&[5, last, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
    }
    // Its own endpoint as a name, for a change.
    stream.write_all(&[5, 0, 0, 3, 1, b'x', 0, 1]).unwrap();
    if port == 80 {
        let mut head = [0; 4];
        stream.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"GET ");
        stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\npage\n").unwrap();
        return;
    }
    // All that is asked, to its end, before a word is said: half close passes both ways.
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    all.extend(port.to_be_bytes());
    stream.write_all(&all).unwrap();
}

fn connect(last: u8, port: u16) -> std::io::Result<TcpStream> {
    let to = SocketAddr::from((Ipv4Addr::new(198, 51, 100, last), port));
    TcpStream::connect_timeout(&to, Duration::from_secs(15))
}

#[test]
fn connections_of_the_kernel_go_through_a_proxy() {
    let test = "connections_of_the_kernel_go_through_a_proxy";
    in_namespace(test, || {
        if let Err(error) = std::fs::File::options().read(true).write(true).open("/dev/net/tun") {
            return skip(test, &format!("/dev/net/tun: {error}"));
        }
        run("ip link set lo up");
        run("ip tuntap add dev t0 mode tun");
        run("ip addr add 10.0.0.1/24 dev t0");
        run("ip link set t0 up");
        run("ip route add default dev t0");
        let proxy = proxy();
        thread::spawn(move || tun2socks::run("t0", proxy).unwrap());

        // Every port, and more than one segment.
        for port in [1, 443, 65_535] {
            let mut stream = connect(7, port).unwrap();
            let mut sent: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
            stream.write_all(&sent).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut back = Vec::new();
            stream.read_to_end(&mut back).unwrap();
            sent.extend(port.to_be_bytes());
            assert!(back == sent, "{} of {} bytes", back.len(), sent.len());
        }
        let curl = Command::new("curl").args(["-sS", "http://198.51.100.7/"]).output();
        match curl {
            Ok(output) => assert_eq!(output.stdout, b"page\n", "{output:?}"),
            Err(error) => skip(test, &format!("curl: {error}")),
        }

        // What the proxy could not reach is refused in its own words.
        let kinds = [
            (1, ErrorKind::HostUnreachable),
            (2, ErrorKind::HostUnreachable),
            (3, ErrorKind::NetworkUnreachable),
            (4, ErrorKind::HostUnreachable),
            (5, ErrorKind::ConnectionRefused),
        ];
        for (reply, kind) in kinds {
            assert_eq!(connect(reply, 80).unwrap_err().kind(), kind, "reply {reply}");
        }
    });
}
