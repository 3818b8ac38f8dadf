//! Datagrams out of the LAN, names, and addresses to borrow, as programs of the LAN see them. The
//! machine's servers are on its loopback, which the LAN knows as 10.0.2.3.

use danja::Host;
use danja::lan::MacAddress;
use danja::lan::cable::Switch;
use danja::net::UdpSocket;
use danja_gateway::{Builder, FlowKind, FlowState, Gateway, HostAccess, Lan, router};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record};
use std::io::{ErrorKind, Read, Write};
use std::net::{self, Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(20);

struct World {
    gateway: Gateway,
    client: Host,
    switch: Switch,
    _lan: Lan,
}

fn host(switch: &Switch, name: &str, last: u8) -> danja::Builder {
    Host::builder()
        .name(name)
        .adapter(switch.port(MacAddress([2, 0, 0, 0, 0, last])))
        .address(format!("10.0.2.{last}/24").parse().unwrap())
}

fn world_with(change: impl FnOnce(Builder) -> Builder) -> World {
    let (switch, lan) = (Switch::new(), Lan::new());
    let builder = Gateway::builder(router(host(&switch, "danja", 2)).build().unwrap(), &lan);
    let gateway = change(builder).start().unwrap();
    let client = host(&switch, "client", 15)
        .gateway(gateway.address())
        .dns(gateway.address())
        .build()
        .unwrap();
    lan.add(&client);
    World { gateway, client, switch, _lan: lan }
}

fn world() -> World {
    world_with(|builder| builder.host_access(HostAccess::All))
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < WAIT, "{what} does not come");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A UDP server of the machine that sends back what it hears, `count` times; how the LAN reaches it.
fn echo(count: usize) -> SocketAddr {
    let socket = net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = SocketAddr::from(([10, 0, 2, 3], socket.local_addr().unwrap().port()));
    thread::spawn(move || {
        let mut buffer = [0; 65_536];
        for _ in 0..count {
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            socket.send_to(&buffer[..length], from).unwrap();
        }
    });
    to
}

#[test]
fn datagrams_come_back_in_the_name_of_whom_they_went_to() {
    let world = world();
    let to = echo(3);
    let socket = UdpSocket::bind(&world.client, "0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(WAIT)).unwrap();
    let mut buffer = [0; 65_536];
    // Empty, small, and larger than the link.
    for length in [0, 5, 20_000] {
        let data: Vec<u8> = (0..length).map(|number| (number / 7) as u8).collect();
        socket.send_to(&data, to).unwrap();
        let (received, from) = socket.recv_from(&mut buffer).unwrap();
        assert_eq!((received, from), (length, to));
        assert!(buffer[..received] == data);
    }
    let flows = world.gateway.flows();
    assert_eq!(flows.len(), 1);
    assert_eq!((flows[0].kind, flows[0].state), (FlowKind::Udp, FlowState::Open));
    assert_eq!((flows[0].sent, flows[0].received), (20_005, 20_005));
}

#[test]
fn a_closed_port_is_unreachable_for_who_is_connected() {
    let world = world();
    let closed = net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for to in [SocketAddr::from(([10, 0, 2, 3], closed)), (world.gateway.address(), 9).into()] {
        let socket = UdpSocket::bind(&world.client, "0.0.0.0:0").unwrap();
        socket.set_read_timeout(Some(WAIT)).unwrap();
        socket.connect(to).unwrap();
        socket.send(b"anybody").unwrap();
        let error = socket.recv(&mut [0; 16]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{to}");
    }
    assert_eq!(world.gateway.counters().icmp_errors, 1);
}

#[test]
fn what_the_rules_forbid_is_prohibited() {
    let world = world_with(|builder| builder.outside(false));
    let socket = UdpSocket::bind(&world.client, "0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(WAIT)).unwrap();
    socket.connect("192.0.2.1:53").unwrap();
    socket.send(b"anybody").unwrap();
    assert_eq!(socket.recv(&mut [0; 16]).unwrap_err().kind(), ErrorKind::HostUnreachable);
    let ping = world.client.ping_socket().unwrap();
    ping.set_read_timeout(Some(WAIT)).unwrap();
    ping.send("192.0.2.1".parse().unwrap(), 1, b"anybody").unwrap();
    assert_eq!(ping.recv().unwrap_err().kind(), ErrorKind::HostUnreachable);
    let counters = world.gateway.counters();
    assert_eq!((counters.udp_prohibited, counters.echo_prohibited), (1, 1));
}

#[test]
fn the_router_answers_pings_to_itself_and_time_that_runs_out() {
    let world = world();
    let ping = world.client.ping_socket().unwrap();
    ping.set_read_timeout(Some(WAIT)).unwrap();
    for to in ["10.0.2.2", "10.0.2.3"] {
        ping.send(to.parse().unwrap(), 7, b"data").unwrap();
        let reply = ping.recv().unwrap();
        assert_eq!((reply.from.to_string().as_str(), reply.sequence), (to, 7));
    }
    ping.set_ttl(1).unwrap();
    ping.send("192.0.2.1".parse().unwrap(), 8, b"data").unwrap();
    let error = ping.recv().unwrap_err();
    let cause = danja::cause(&error).and_then(|fault| fault.cause);
    let cause = format!("{cause:?}");
    assert!(cause.contains("message_type: 11") && cause.contains("10.0.2.2"), "{cause}");
    assert_eq!(world.gateway.counters().ttl_expired, 1);
}

#[test]
fn a_segment_of_no_connection_is_reset() {
    // Its connection was of another router, before this one.
    let world = world();
    let to = echo(0);
    let stream = danja::net::TcpStream::connect(&world.client, (to.ip(), to.port()));
    assert_eq!(stream.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

/// A resolver of the machine: answers over UDP are cut short for names that begin with `long`.
fn resolver() -> SocketAddr {
    let answer = |raw: &[u8], whole: bool| -> Vec<u8> {
        let question = Message::from_vec(raw).unwrap();
        let name = question.queries[0].name().clone();
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        answer.add_queries(question.queries.iter().cloned());
        let text = name.to_ascii();
        if text.starts_with("none") || !text.contains(".example.") {
            answer.metadata.response_code = ResponseCode::NXDomain;
            return answer.to_vec().unwrap();
        }
        let count = if text.starts_with("long") { 100 } else { 1 };
        for last in 1..=count {
            let data = RData::A(A(Ipv4Addr::new(192, 0, 2, last)));
            answer.add_answer(Record::from_rdata(name.clone(), 60, data));
        }
        let bytes = answer.to_vec().unwrap();
        if whole || bytes.len() <= 512 { bytes } else { answer.truncate().to_vec().unwrap() }
    };
    let (datagrams, streams) = loop {
        let datagrams = net::UdpSocket::bind("127.0.0.1:0").unwrap();
        if let Ok(streams) = TcpListener::bind(datagrams.local_addr().unwrap()) {
            break (datagrams, streams);
        }
    };
    let address = datagrams.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 4_096];
        while let Ok((length, from)) = datagrams.recv_from(&mut buffer) {
            // Somebody who guesses comes first, and is not believed.
            let mut forged = answer(&buffer[..length], true);
            forged[0] ^= 0x55;
            datagrams.send_to(&forged, from).unwrap();
            datagrams.send_to(&answer(&buffer[..length], false), from).unwrap();
        }
    });
    thread::spawn(move || {
        for stream in streams.incoming() {
            let (mut stream, mut length) = (stream.unwrap(), [0; 2]);
            stream.read_exact(&mut length).unwrap();
            let mut raw = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut raw).unwrap();
            let bytes = answer(&raw, true);
            let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
            stream.write_all(&[&length, bytes.as_slice()].concat()).unwrap();
        }
    });
    address
}

#[test]
fn names_of_the_world_are_asked_of_the_machines_resolvers() {
    let folder = tempfile::tempdir().unwrap();
    let (conf, hosts) = (folder.path().join("resolv.conf"), folder.path().join("hosts"));
    std::fs::write(&conf, "search none.example sub.example\noptions timeout:1\n").unwrap();
    std::fs::write(&hosts, "198.51.100.7 box.test box\n127.0.1.1 machine\n").unwrap();
    let server = resolver();
    let world = world_with(|builder| {
        builder
            .host_access(HostAccess::All)
            .resolvers([server])
            .resolv_conf(&conf)
            .hosts_file(&hosts)
    });
    let found = |name: &str| -> Vec<String> {
        let found = world.client.resolve(name).unwrap_or_default();
        found.iter().map(ToString::to_string).collect()
    };
    assert_eq!(found("www.example"), ["192.0.2.1"]);
    // Cut short by the resolver, and by us: over TCP both times.
    assert_eq!(found("long.example").len(), 100);
    assert!(found("none.example").is_empty());
    // By the search list, whose first domain does not know it.
    assert_eq!(found("printer"), ["192.0.2.1"]);
    // The hosts file comes first, and its loopback is the machine's.
    assert_eq!(found("box"), ["198.51.100.7"]);
    assert_eq!(found("machine"), ["10.0.2.3"]);
    // The LAN's own, and everybody's own.
    assert_eq!(found("client"), ["10.0.2.15"]);
    assert_eq!(found("host"), ["10.0.2.3"]);
    assert_eq!(found("danja"), ["10.0.2.2"]);
    assert_eq!(found("localhost"), ["127.0.0.1"]);
    let counters = world.gateway.counters();
    assert!(counters.dns_forwarded >= 4, "{counters:?}");
    assert_eq!((counters.dns_no_answer, counters.dns_no_resolver), (0, 0));
}

#[test]
fn a_machine_without_resolvers_says_so_at_once() {
    let nothing = tempfile::tempdir().unwrap();
    let (conf, hosts) = (nothing.path().join("resolv.conf"), nothing.path().join("hosts"));
    let (said, hears) = std::sync::mpsc::channel();
    let world = world_with(|builder| {
        let said = std::sync::Mutex::new(said);
        builder.resolv_conf(&conf).hosts_file(&hosts).notices(move |text| {
            said.lock().unwrap().send(text.to_owned()).unwrap();
        })
    });
    assert!(world.client.resolve("www.example").is_err());
    assert!(hears.recv_timeout(WAIT).unwrap().contains("resolv.conf"));
    assert!(world.gateway.counters().dns_no_resolver >= 1);
    assert_eq!(world.client.resolve("danja").unwrap().len(), 1);
}

#[test]
fn questions_too_many_fail_at_once() {
    // A resolver that is there and says nothing.
    let silent = net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("resolv.conf");
    std::fs::write(&conf, "options timeout:2 attempts:1\n").unwrap();
    let server = silent.local_addr().unwrap();
    let world = world_with(|builder| builder.resolvers([server]).resolv_conf(&conf));
    // They are neighbours before the flood: what waits for ARP is little.
    assert_eq!(world.client.resolve("danja").unwrap().len(), 1);
    let socket = UdpSocket::bind(&world.client, "0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(WAIT)).unwrap();
    let mut question = Message::query();
    let name = hickory_proto::rr::Name::from_ascii("www.example.").unwrap();
    let record = hickory_proto::rr::RecordType::A;
    question.add_query(hickory_proto::op::Query::query(name, record));
    for number in 0..70 {
        question.metadata.id = number;
        socket.send_to(&question.to_vec().unwrap(), (world.gateway.address(), 53)).unwrap();
    }
    let mut answer = [0; 512];
    for _ in 0..6 {
        let (length, _) = socket.recv_from(&mut answer).unwrap();
        let answer = Message::from_vec(&answer[..length]).unwrap();
        assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
        assert_eq!((answer.metadata.id >= 64, answer.queries.len()), (true, 1));
    }
    assert_eq!(world.gateway.counters().dns_too_many, 6);
}

#[test]
fn a_host_without_an_address_borrows_one() {
    let world = world_with(|builder| builder.outside(false));
    let borrower = |last: u8| {
        let mac = MacAddress([2, 0, 0, 0, 1, last]);
        Host::builder().name("guest").adapter(world.switch.port(mac)).dhcp().build().unwrap()
    };
    let first = borrower(1);
    let lease = first.wait_for_lease(WAIT).unwrap();
    assert_eq!(lease.address.to_string(), "10.0.2.16/24");
    assert_eq!(lease.server, Ipv4Addr::new(10, 0, 2, 2));
    assert_eq!(lease.dns, [Ipv4Addr::new(10, 0, 2, 2)]);
    let second = borrower(2);
    assert_eq!(second.wait_for_lease(WAIT).unwrap().address.to_string(), "10.0.2.17/24");
    assert_eq!(first.resolve("danja").unwrap(), [world.gateway.address()]);
    until("both leases", || world.gateway.counters().dhcp_leases >= 2);
}
