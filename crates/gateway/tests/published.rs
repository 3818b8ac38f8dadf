//! Published UDP ports, as programs of the machine and servers of the LAN see them.

use danja::Host;
use danja::lan::MacAddress;
use danja::lan::cable::Switch;
use danja::net::UdpSocket;
use danja_gateway::{FlowKind, FlowState, Gateway, Lan, Published, router};
use std::io::ErrorKind;
use std::net::{self, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(20);

struct World {
    gateway: Gateway,
    server: Host,
    _lan: Lan,
}

fn world() -> World {
    let (switch, lan) = (Switch::new(), Lan::new());
    let host = |name: &str, last: u8| {
        Host::builder()
            .name(name)
            .adapter(switch.port(MacAddress([2, 0, 0, 0, 0, last])))
            .address(format!("10.0.2.{last}/24").parse().unwrap())
    };
    let gateway = Gateway::start(router(host("danja", 2)).build().unwrap(), &lan).unwrap();
    let server = host("server", 15).gateway(gateway.address()).build().unwrap();
    World { gateway, server, _lan: lan }
}

fn publish(world: &World) -> Published {
    let (on, to) = ("127.0.0.1:0".parse().unwrap(), "10.0.2.15:7".parse().unwrap());
    world.gateway.publish_datagrams(on, to).unwrap()
}

/// A program of the machine that talks to `to` alone.
fn client(to: SocketAddr) -> net::UdpSocket {
    let socket = net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(to).unwrap();
    socket.set_read_timeout(Some(WAIT)).unwrap();
    socket
}

/// A server of the LAN that sends back what it hears, until it hears `stop`; who spoke to it.
fn echo(world: &World) -> thread::JoinHandle<Vec<SocketAddr>> {
    let socket = UdpSocket::bind(&world.server, "10.0.2.15:7").unwrap();
    thread::spawn(move || {
        let (mut heard, mut buffer) = (Vec::new(), vec![0; 65_535]);
        loop {
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            if &buffer[..length] == b"stop" {
                return heard;
            }
            heard.push(from);
            socket.send_to(&buffer[..length], from).unwrap();
        }
    })
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < WAIT, "{what} does not come");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn each_peer_has_a_port_of_the_routers_and_hears_its_own_answers() {
    let world = world();
    let published = publish(&world);
    let server = echo(&world);
    let clients: Vec<_> = (0..50).map(|_| client(published.address())).collect();
    for round in 0..3_u8 {
        for (number, client) in (0_u8..).zip(&clients) {
            client.send(&[number, round]).unwrap();
        }
        for (number, client) in (0_u8..).zip(&clients) {
            let mut buffer = [0; 16];
            // They are connected: the answer is from the published port.
            let length = client.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], &[number, round]);
        }
    }
    // Empty, and larger than the LAN's link.
    let mut buffer = vec![0; 65_535];
    for length in [0, 1_472, 1_473, 20_000] {
        let data: Vec<u8> = (0..length).map(|number| (number / 7) as u8).collect();
        clients[0].send(&data).unwrap();
        let received = clients[0].recv(&mut buffer).unwrap();
        assert!(received == length && buffer[..received] == data, "{length} bytes");
    }
    clients[0].send(b"stop").unwrap();
    let mut heard = server.join().unwrap();
    assert!(heard.iter().all(|from| from.ip() == world.gateway.address()));
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), 50, "a port for each");
    let own = clients[0].local_addr().unwrap();
    let flow = || world.gateway.flows().into_iter().find(|flow| flow.client == own).unwrap();
    // The server may hear of the last one before it is counted.
    until("all is counted", || flow().sent == 22_945 + 3 * 2 + 4);
    assert_eq!(world.gateway.flows().len(), 50);
    let flow = flow();
    assert_eq!((flow.kind, flow.state), (FlowKind::PublishedUdp, FlowState::Open));
    assert_eq!(flow.received, 22_945 + 3 * 2);
    assert_eq!(world.gateway.counters().published_flows, 50);
    assert_eq!(world.gateway.counters().published_dropped, 0);
}

#[test]
fn a_burst_goes_through_in_order_while_it_finds_room() {
    let world = world();
    let published = publish(&world);
    let socket = UdpSocket::bind(&world.server, "10.0.2.15:7").unwrap();
    socket.set_read_timeout(Some(WAIT)).unwrap();
    let client = client(published.address());
    let mut buffer = [0; 2_048];
    // While the server's address is not known, only the youngest of a burst are kept.
    client.send(b"first").unwrap();
    assert_eq!(socket.recv_from(&mut buffer).unwrap().0, 5);
    for burst in 0..20_u32 {
        for number in 0..100_u32 {
            client.send(&(burst * 100 + number).to_be_bytes()).unwrap();
        }
        for number in 0..100_u32 {
            let (length, _) = socket.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], (burst * 100 + number).to_be_bytes());
        }
    }
}

#[test]
fn nobody_behind_it_is_counted_and_somebody_who_comes_later_is_heard() {
    let world = world();
    let published = publish(&world);
    let client = client(published.address());
    client.send(b"anybody").unwrap();
    until("port unreachable", || world.gateway.counters().published_dropped == 1);
    let server = echo(&world);
    let mut buffer = [0; 16];
    client.send(b"now").unwrap();
    assert_eq!(client.recv(&mut buffer).unwrap(), 3);
    client.send(b"stop").unwrap();
    server.join().unwrap();
    assert_eq!(world.gateway.counters().published_dropped, 1);
}

#[test]
fn the_port_is_free_when_it_is_dropped_and_when_the_router_ends() {
    let world = world();
    let published = publish(&world);
    let address = published.address();
    let taken = world.gateway.publish_datagrams(address, "10.0.2.15:7".parse().unwrap());
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(published);
    drop(net::UdpSocket::bind(address).unwrap());
    let published = publish(&world);
    drop(world);
    until("the end of its worker", || net::UdpSocket::bind(published.address()).is_ok());
}
