//! The way out by TCP, as programs of the LAN see it: every end and every failure of the machine's
//! connection is the client's. The machine's servers are on its loopback, which the LAN knows as
//! 10.0.2.3.

use danja::Host;
use danja::lan::MacAddress;
use danja::lan::cable::Switch;
use danja::lan::impair::{Impaired, Impairment};
use danja::net::TcpStream;
use danja::stack::socket::Cause;
use danja_gateway::{
    Builder, Endpoints, FlowKind, FlowState, Gateway, HostAccess, Lan, Permissions, router,
};
use rustix::net::sockopt::set_socket_linger;
use std::io::{ErrorKind, Read, Write};
use std::net::{self, Shutdown, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(20);

struct World {
    gateway: Gateway,
    client: Host,
    _lan: Lan,
    switch: Switch,
}

fn world_with(change: impl FnOnce(Builder) -> Builder) -> World {
    let (switch, lan) = (Switch::new(), Lan::new());
    let host = |name: &str, last: u8| {
        Host::builder()
            .name(name)
            .adapter(switch.port(MacAddress([2, 0, 0, 0, 0, last])))
            .address(format!("10.0.2.{last}/24").parse().unwrap())
    };
    let builder = Gateway::builder(router(host("danja", 2)).build().unwrap(), &lan);
    let gateway = change(builder).start().unwrap();
    let client =
        host("client", 15).gateway(gateway.address()).dns(gateway.address()).build().unwrap();
    // As Linux: who is told that there is no way does not go on asking.
    client.configure(|config| config.tcp.soft_errors_end_opening = true);
    lan.add(&client);
    World { gateway, client, _lan: lan, switch }
}

fn world() -> World {
    world_with(|builder| builder.host_access(HostAccess::All))
}

/// A server of the machine, and how the LAN reaches it.
fn server() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, SocketAddr::from(([10, 0, 2, 3], port)))
}

/// A connection out of the LAN: the client's end, and the machine's server's.
fn pair(world: &World) -> (TcpStream, net::TcpStream) {
    let (listener, to) = server();
    let client = TcpStream::connect(&world.client, to).unwrap();
    let (server, _) = listener.accept().unwrap();
    client.set_read_timeout(Some(WAIT)).unwrap();
    server.set_read_timeout(Some(WAIT)).unwrap();
    (client, server)
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < WAIT, "{what} does not come");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn bytes_go_both_ways_and_each_half_ends_by_itself() {
    let world = world();
    let (mut client, mut server) = pair(&world);
    client.write_all(b"a question").unwrap();
    let flow = || world.gateway.flows();
    until("the flow", || flow().iter().any(|flow| flow.sent == 10));
    assert_eq!((flow()[0].kind, flow()[0].state), (FlowKind::Tcp, FlowState::Open));
    client.shutdown(Shutdown::Write).unwrap();
    let mut heard = String::new();
    server.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "a question");
    until("half of an end", || flow()[0].state == FlowState::HalfClosed);
    let big: Vec<u8> = (0..5_000_000u32).map(|number| (number >> 3) as u8).collect();
    let sent = big.clone();
    let writer = thread::spawn(move || server.write_all(&sent).map(|()| drop(server)));
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    writer.join().unwrap().unwrap();
    assert!(answer == big, "{} bytes of {}", answer.len(), big.len());
    until("the end", || flow().is_empty());
    let counters = world.gateway.counters();
    assert_eq!((counters.tcp_admitted, counters.tcp_reset), (1, 0));
}

/// The client was admitted, and goes away before it hears of that: the machine's connection ends.
#[test]
fn who_goes_away_during_the_handshake_leaves_nothing_behind() {
    let world = world();
    let line = Impairment::default().with_delay(Duration::from_millis(150));
    let port = world.switch.port(MacAddress([2, 0, 0, 0, 0, 16]));
    let far = Host::builder()
        .name("far")
        .adapter(Impaired::new(port, line, line, 1))
        .address("10.0.2.16/24".parse().unwrap())
        .gateway(world.gateway.address())
        .build()
        .unwrap();
    let (listener, to) = server();
    // Addresses are known from here on.
    drop(TcpStream::connect(&far, to).unwrap());
    listener.accept().unwrap();
    let error = TcpStream::connect_timeout(&far, &to, Duration::from_millis(200)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let (mut server, _) = listener.accept().unwrap();
    server.set_read_timeout(Some(WAIT)).unwrap();
    assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    until("the end", || world.gateway.flows().is_empty());
    assert_eq!(world.gateway.counters().tcp_withdrawn, 1);
}

#[test]
fn who_is_refused_is_refused_and_at_once() {
    let world = world();
    let (listener, to) = server();
    drop(listener);
    let began = Instant::now();
    let error = TcpStream::connect(&world.client, to).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert!(began.elapsed() < Duration::from_secs(1));
    // What is nobody's on the router itself, too.
    let error = TcpStream::connect(&world.client, (world.gateway.address(), 81)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(world.gateway.counters().tcp_refused, 2);
    assert!(world.gateway.flows().is_empty());
}

#[test]
fn the_machine_is_not_reached_unless_it_says_so() {
    let (listener, to) = server();
    let refused = ErrorKind::ConnectionRefused;
    let world = world_with(|builder| builder);
    assert_eq!(TcpStream::connect(&world.client, to).unwrap_err().kind(), refused);
    let world = world_with(|builder| builder.host_access("1-2".parse().unwrap()));
    assert_eq!(TcpStream::connect(&world.client, to).unwrap_err().kind(), refused);
    let ports = to.port().to_string().parse().unwrap();
    let world = world_with(|builder| builder.host_access(ports).outside(false));
    assert!(TcpStream::connect(&world.client, to).is_ok());
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_ok() && listener.accept().is_err());
}

#[test]
fn a_host_has_the_permissions_that_it_was_given() {
    let (listener, to) = server();
    let world = world_with(|builder| builder);
    let own = Host::builder()
        .name("own")
        .adapter(world.switch.port(MacAddress([2, 0, 0, 0, 0, 16])))
        .address("10.0.2.16/24".parse().unwrap())
        .gateway(world.gateway.address())
        .build()
        .unwrap();
    let address = "10.0.2.16".parse().unwrap();
    world.gateway.permit(address, Some(Permissions::new().host_access(HostAccess::All)));
    assert!(TcpStream::connect(&own, to).is_ok() && listener.accept().is_ok());
    let refused = ErrorKind::ConnectionRefused;
    assert_eq!(TcpStream::connect(&world.client, to).unwrap_err().kind(), refused);
    world.gateway.permit(address, None);
    assert_eq!(TcpStream::connect(&own, to).unwrap_err().kind(), refused);
}

#[test]
fn what_the_rules_forbid_is_prohibited_and_loopback_never_leaves() {
    let closed = |builder: Builder| builder.outside(false);
    let denied: Endpoints = "192.0.2.0/24:80".parse().unwrap();
    let world = world_with(closed);
    let connect = |world: &World, to: &str| {
        TcpStream::connect_timeout(&world.client, &to.parse().unwrap(), WAIT)
    };
    let prohibited = |world: &World, to: &str| {
        let error = connect(world, to).unwrap_err();
        let cause = danja::cause(&error).and_then(|fault| fault.cause);
        assert!(matches!(cause, Some(Cause::Icmp { message_type: 3, code: 13, .. })), "{error:?}");
    };
    prohibited(&world, "192.0.2.1:80");
    let world = world_with(|builder| builder.deny([denied]));
    prohibited(&world, "192.0.2.1:80");
    assert_eq!(world.gateway.counters().tcp_prohibited, 1);
}

#[test]
fn a_reset_is_a_reset_on_the_other_side() {
    let world = world();
    let reset = ErrorKind::ConnectionReset;
    // By the server, behind some bytes.
    let (mut client, mut server) = pair(&world);
    server.write_all(b"half").unwrap();
    let mut half = [0; 4];
    client.read_exact(&mut half).unwrap();
    set_socket_linger(&server, Some(Duration::ZERO)).unwrap();
    drop(server);
    assert_eq!(client.read(&mut half).unwrap_err().kind(), reset);
    // By the client.
    let (mut client, mut server) = pair(&world);
    client.write_all(b"half").unwrap();
    server.read_exact(&mut half).unwrap();
    client.set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    assert_eq!(server.read(&mut half).unwrap_err().kind(), reset);
    // By the client, while the server reads nothing and much waits for it.
    let (mut client, mut server) = pair(&world);
    client.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let chunk = vec![7; 1 << 20];
    while client.write(&chunk).is_ok() {}
    client.set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    assert_eq!(server.read_to_end(&mut Vec::new()).unwrap_err().kind(), reset);
    // By the server, while the client reads nothing.
    let (mut client, server) = pair(&world);
    server.set_nonblocking(true).unwrap();
    let mut quiet = Instant::now();
    while quiet.elapsed() < Duration::from_millis(200) {
        if (&server).write(&chunk).is_ok() {
            quiet = Instant::now();
        }
    }
    set_socket_linger(&server, Some(Duration::ZERO)).unwrap();
    drop(server);
    assert_eq!(client.read_to_end(&mut Vec::new()).unwrap_err().kind(), reset);
    until("the last flow's end", || world.gateway.flows().is_empty());
    assert_eq!(world.gateway.counters().tcp_reset, 4);
}

#[test]
fn a_slow_reader_holds_the_sender_back_on_both_ways() {
    let world = world();
    let chunk = vec![7; 1 << 20];
    let (client, server) = pair(&world);
    client.set_nonblocking(true).unwrap();
    server.set_nonblocking(true).unwrap();
    let (mut up, mut down) = (0usize, 0usize);
    let mut quiet = Instant::now();
    while quiet.elapsed() < Duration::from_millis(300) {
        for (written, so_far) in
            [((&client).write(&chunk), &mut up), ((&server).write(&chunk), &mut down)]
        {
            if let Ok(count) = written {
                *so_far += count;
                quiet = Instant::now();
            }
        }
        assert!(up.max(down) < 1 << 28, "{up} and {down} bytes are on the way");
    }
    client.set_nonblocking(false).unwrap();
    server.set_nonblocking(false).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    server.shutdown(Shutdown::Write).unwrap();
    let reader = thread::spawn(move || {
        let (mut all, mut server) = (Vec::new(), server);
        server.read_to_end(&mut all).map(|_| all)
    });
    let (mut all, mut client) = (Vec::new(), client);
    client.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), down);
    assert_eq!(reader.join().unwrap().unwrap().len(), up);
}

#[test]
fn two_thousand_connections_at_once() {
    const MANY: usize = 2_000;
    let world = world();
    let (listener, to) = server();
    let servers = thread::spawn(move || -> Vec<net::TcpStream> {
        (0..MANY).map(|_| listener.accept().unwrap().0).collect()
    });
    let workers: Vec<_> = (0..20)
        .map(|_| {
            let host = world.client.clone();
            thread::spawn(move || -> Vec<TcpStream> {
                (0..MANY / 20).map(|_| TcpStream::connect(&host, to).unwrap()).collect()
            })
        })
        .collect();
    let mut clients: Vec<TcpStream> =
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    let servers = servers.join().unwrap();
    assert_eq!(world.gateway.flows().len(), MANY);
    // All are open together, and each leads to a server of its own.
    for (number, client) in clients.iter_mut().enumerate() {
        client.set_read_timeout(Some(WAIT)).unwrap();
        client.write_all(&(number as u32).to_be_bytes()).unwrap();
    }
    let mut seen = vec![false; MANY];
    for mut server in servers {
        server.set_read_timeout(Some(WAIT)).unwrap();
        let mut number = [0; 4];
        server.read_exact(&mut number).unwrap();
        server.write_all(&number).unwrap();
        let number = u32::from_be_bytes(number) as usize;
        assert!(!std::mem::replace(&mut seen[number], true), "{number} came twice");
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let mut echo = Vec::new();
        client.read_to_end(&mut echo).unwrap();
        assert_eq!(echo, (number as u32).to_be_bytes());
    }
    drop(clients);
    until("the end of all", || world.gateway.flows().is_empty());
}
