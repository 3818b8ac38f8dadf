//! The router on a LAN, as its hosts and as the machine's programs see it.

use danja::Host;
use danja::lan::MacAddress;
use danja::lan::cable::Switch;
use danja::net::{TcpListener, TcpStream, UdpSocket};
use danja_gateway::{Gateway, Lan, page};
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use std::io::{Read, Write};
use std::net::{self, IpAddr, Ipv4Addr, Shutdown, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(20);

struct World {
    gateway: Gateway,
    client: Host,
    _lan: Lan,
    _switch: Switch,
}

fn host(switch: &Switch, name: &str, last: u8) -> Host {
    Host::builder()
        .name(name)
        .adapter(switch.port(MacAddress([2, 0, 0, 0, 0, last])))
        .address(format!("10.0.2.{last}/24").parse().unwrap())
        .dns(IpAddr::V4(Ipv4Addr::new(10, 0, 2, 2)))
        .build()
        .unwrap()
}

fn world() -> World {
    let (switch, lan) = (Switch::new(), Lan::new());
    let gateway = Gateway::start(host(&switch, "danja", 2), &lan).unwrap();
    let client = host(&switch, "client", 15);
    lan.add(&client);
    World { gateway, client, _lan: lan, _switch: switch }
}

fn connect(world: &World, port: u16) -> TcpStream {
    let stream = TcpStream::connect(&world.client, (world.gateway.address(), port)).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream
}

/// Reads to the end, as text.
fn rest(stream: &mut impl Read) -> String {
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    all
}

#[test]
fn the_page_answers_whoever_asks() {
    let world = world();
    for (request, status, part) in [
        ("GET / HTTP/1.1", "200 OK", "== client =="),
        ("GET / HTTP/1.1\r\nAccept: text/html", "200 OK", "<h2>client</h2>"),
        ("GET /api/routes HTTP/1.1", "200 OK", "\"format\": 1"),
        ("GET /nothing HTTP/1.1", "404 Not Found", "/api/hosts"),
        ("POST / HTTP/1.1\r\nContent-Length: 0", "405 Method Not Allowed", "allow: GET, HEAD"),
        ("NONSENSE", "400 Bad Request", ""),
    ] {
        let mut stream = connect(&world, 80);
        let whole = format!("{request}\r\nHost: danja\r\nConnection: close\r\n\r\n");
        stream.write_all(whole.as_bytes()).unwrap();
        let answer = rest(&mut stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
        assert!(answer.contains(part), "{request}: {answer}");
    }
    let mut stream = connect(&world, 80);
    stream.write_all(b"HEAD / HTTP/1.1\r\nHost: danja\r\nConnection: close\r\n\r\n").unwrap();
    let answer = rest(&mut stream);
    assert!(answer.ends_with("\r\n\r\n") && !answer.contains("content-length: 0"), "{answer}");
}

#[test]
fn only_who_means_this_server_is_answered() {
    let world = world();
    let shown = world._lan.clone();
    let any = "127.0.0.1:0".parse().unwrap();
    let machine =
        danja_gateway::http::serve_machine(any, move |asked| page::answer(asked, &shown)).unwrap();
    for (head, status) in [
        ("/ HTTP/1.1\r\nHost: 127.0.0.1:8080", 200),
        ("/ HTTP/1.1\r\nHost: [::1]:8080", 200),
        ("/ HTTP/1.1\r\nHost: LOCALHOST", 200),
        ("/ HTTP/1.1\r\nHost: Danja.", 200),
        ("http://danja/ HTTP/1.1\r\nHost: danja", 200),
        ("/ HTTP/1.0", 200),
        // A name of the web that was made to point at this machine.
        ("/ HTTP/1.1\r\nHost: rebound.example:8080", 421),
        ("/api/sockets HTTP/1.1\r\nHost: 127.0.0.1.rebound.example", 421),
        ("http://rebound.example/ HTTP/1.1\r\nHost: danja", 421),
        ("/ HTTP/1.1\r\nHost: nobody", 421),
        // RFC 9112 §3.2.
        ("/ HTTP/1.1", 400),
        ("/ HTTP/1.1\r\nHost: danja\r\nHost: danja", 400),
    ] {
        let request = format!("GET {head}\r\nConnection: close\r\n\r\n");
        let mut outside = net::TcpStream::connect(machine.address()).unwrap();
        outside.set_read_timeout(Some(WAIT)).unwrap();
        outside.write_all(request.as_bytes()).unwrap();
        let mut inside = connect(&world, 80);
        inside.write_all(request.as_bytes()).unwrap();
        for answer in [rest(&mut outside), rest(&mut inside)] {
            let words: Vec<&str> = answer.split(' ').take(2).collect();
            assert_eq!(words[1], status.to_string(), "{head}: {answer}");
            assert_eq!(answer.contains("content-security-policy: "), status != 400);
            assert_eq!(answer.contains("client"), status == 200 && !head.contains("api"));
        }
    }
}

#[test]
fn a_start_that_fails_leaves_nothing_behind() {
    let (switch, lan) = (Switch::new(), Lan::new());
    let router = host(&switch, "danja", 2);
    let taken = TcpListener::bind(&router, "10.0.2.2:80").unwrap();
    let error = Gateway::start(router.clone(), &lan).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    assert!(lan.hosts().is_empty());
    drop(taken);
    assert!(Gateway::start(router, &lan).is_ok(), "its ports are free again");
}

#[test]
fn more_clients_than_it_serves_at_once_are_all_answered() {
    let world = world();
    let mut streams: Vec<_> = (0..100).map(|_| connect(&world, 80)).collect();
    // The first keep their connections open until all have asked.
    for stream in streams.iter_mut().rev() {
        stream
            .write_all(b"GET /api/ HTTP/1.1\r\nHost: danja\r\nConnection: close\r\n\r\n")
            .unwrap();
    }
    for stream in &mut streams {
        assert!(rest(stream).starts_with("HTTP/1.1 200 OK"));
    }
}

#[test]
fn names_over_udp_and_tcp() {
    let world = world();
    assert_eq!(world.client.resolve("danja").unwrap(), [world.gateway.address()]);
    assert!(world.client.resolve("nobody").is_err());
    let mut question = Message::query();
    question.add_query(Query::query(Name::from_ascii("client.").unwrap(), RecordType::A));
    let question = question.to_vec().unwrap();
    // RFC 1035 §4.2.2: behind their lengths, and two in one go.
    let mut stream = connect(&world, 53);
    let mut framed = u16::try_from(question.len()).unwrap().to_be_bytes().to_vec();
    framed.extend_from_slice(&question);
    stream.write_all(&[framed.clone(), framed].concat()).unwrap();
    for _ in 0..2 {
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut answer).unwrap();
        let answer = Message::from_vec(&answer).unwrap();
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
        assert_eq!(answer.answers[0].data.to_string(), "10.0.2.15");
    }
    // What cannot be read is not answered with silence alone: the next question is.
    let socket = UdpSocket::bind(&world.client, "0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(WAIT)).unwrap();
    let server = SocketAddr::new(world.gateway.address(), 53);
    socket.send_to(b"x", server).unwrap();
    socket.send_to(&question, server).unwrap();
    let mut answer = [0; 512];
    let (length, from) = socket.recv_from(&mut answer).unwrap();
    assert_eq!(from, server);
    assert_eq!(Message::from_vec(&answer[..length]).unwrap().answers.len(), 1);
}

#[test]
fn a_published_port_leads_both_ways() {
    let world = world();
    let listener = TcpListener::bind(&world.client, "10.0.2.15:7").unwrap();
    let server = thread::spawn(move || {
        let (mut stream, peer) = listener.accept().unwrap();
        // Ends only when the machine's program has said its last word.
        let heard = rest(&mut stream);
        stream.write_all(heard.to_uppercase().as_bytes()).unwrap();
        peer
    });
    let to = "10.0.2.15:7".parse().unwrap();
    let published = world.gateway.publish("127.0.0.1:0".parse().unwrap(), to).unwrap();
    let mut stream = net::TcpStream::connect(published.address()).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream.write_all(b"hello").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut stream), "HELLO");
    assert_eq!(server.join().unwrap().ip(), world.gateway.address());
    // Nobody listens there any more: the machine's program sees an end, and at once.
    let began = Instant::now();
    let mut stream = net::TcpStream::connect(published.address()).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    assert!(began.elapsed() < Duration::from_secs(5));
    let address = published.address();
    drop(published);
    assert!(net::TcpStream::connect(address).is_err(), "the port is closed");
}

/// A published connection: the machine's end, and the end of the server on the LAN.
fn published(world: &World) -> (net::TcpStream, TcpStream, danja_gateway::Published) {
    let listener = TcpListener::bind(&world.client, "10.0.2.15:7").unwrap();
    let to = "10.0.2.15:7".parse().unwrap();
    let published = world.gateway.publish("127.0.0.1:0".parse().unwrap(), to).unwrap();
    let machine = net::TcpStream::connect(published.address()).unwrap();
    machine.set_read_timeout(Some(WAIT)).unwrap();
    let (lan, _) = listener.accept().unwrap();
    lan.set_read_timeout(Some(WAIT)).unwrap();
    (machine, lan, published)
}

#[test]
fn a_reset_is_passed_on_as_a_reset() {
    let reset = std::io::ErrorKind::ConnectionReset;
    let world = world();
    // By the server: half a page must not look like a whole one.
    let (mut machine, mut lan, _published) = published(&world);
    lan.write_all(b"half").unwrap();
    let mut half = [0; 4];
    machine.read_exact(&mut half).unwrap();
    lan.set_linger(Some(Duration::ZERO)).unwrap();
    drop(lan);
    assert_eq!(machine.read(&mut half).unwrap_err().kind(), reset);
    // By the machine's program.
    let (mut machine, mut lan, _published) = published(&world);
    machine.write_all(b"half").unwrap();
    lan.read_exact(&mut half).unwrap();
    rustix::net::sockopt::set_socket_linger(&machine, Some(Duration::ZERO)).unwrap();
    drop(machine);
    assert_eq!(lan.read(&mut half).unwrap_err().kind(), reset);
    // While the machine's program reads nothing, and much waits for it.
    let (mut machine, mut lan, _published) = published(&world);
    lan.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let chunk = vec![7; 1 << 20];
    while lan.write(&chunk).is_ok() {}
    lan.set_linger(Some(Duration::ZERO)).unwrap();
    drop(lan);
    let mut all = Vec::new();
    assert_eq!(machine.read_to_end(&mut all).unwrap_err().kind(), reset);
    // And where nobody listens.
    let to = "10.0.2.15:9".parse().unwrap();
    let nobody = world.gateway.publish("127.0.0.1:0".parse().unwrap(), to).unwrap();
    let mut machine = net::TcpStream::connect(nobody.address()).unwrap();
    machine.set_read_timeout(Some(WAIT)).unwrap();
    assert_eq!(machine.read(&mut half).unwrap_err().kind(), reset);
}

#[test]
fn a_slow_reader_holds_the_writer_back() {
    let world = world();
    let listener = TcpListener::bind(&world.client, "10.0.2.15:7").unwrap();
    let to = "10.0.2.15:7".parse().unwrap();
    let published = world.gateway.publish("127.0.0.1:0".parse().unwrap(), to).unwrap();
    let mut stream = net::TcpStream::connect(published.address()).unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    accepted.set_nonblocking(true).unwrap();
    // The machine's program reads nothing: at some point nothing more is taken.
    let chunk = vec![7; 1 << 20];
    let (mut sent, mut quiet) = (0usize, 0);
    while quiet < 20 {
        match accepted.write(&chunk) {
            Ok(count) => {
                sent += count;
                quiet = 0;
            }
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
                quiet += 1;
                thread::sleep(Duration::from_millis(10));
            }
        }
        assert!(sent < 1 << 30, "{sent} bytes are on the way");
    }
    // And now it reads, and gets every byte.
    drop(accepted);
    let mut all = Vec::new();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), sent);
    assert!(all.iter().all(|byte| *byte == 7));
}

#[test]
fn dropping_it_ends_its_services() {
    // The host itself lives on: the LAN knows it.
    let World { gateway, client, _lan, _switch } = world();
    let address = gateway.address();
    assert!(TcpStream::connect(&client, (address, 80)).is_ok());
    drop(gateway);
    let error = TcpStream::connect(&client, (address, 80)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}
