//! What the stack costs: [`Pair`] and [`event`] for the instructions of one event beside few and
//! beside many connections, the other modules for its speed beside smoltcp's.
//!
//! Two stacks on one link in one thread, with as many idle connections between them as asked.
//! Virtual time; no I/O.

pub mod callgrind;
pub mod check;
pub mod event;
pub mod measure;
pub mod peers;
pub mod report;
pub mod rows;
pub mod work;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use danja_stack::event::Event;
use danja_stack::socket::{Domain, RecvFlags, SendFlags, SocketKind, SocketOption};
use danja_stack::{Config, Frame, Instant, InterfaceConfig, InterfaceId, Medium, Payload};
use danja_stack::{Room, Seeds, SocketId, Stack};
use danja_wire::ip::Cidr;

/// The only link of each stack.
const LINK: InterfaceId = InterfaceId(1);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// Connections from one address of the client; further ones come from the next address.
const PORTS: u16 = 60_000;

/// A connection: the client's end and the server's.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    /// The descriptor at the client.
    pub client: SocketId,
    /// The descriptor at the server.
    pub server: SocketId,
}

/// A client and a server.
#[derive(Debug)]
pub struct Pair {
    client: Stack,
    server: Stack,
    listener: SocketId,
    now: Instant,
    opened: u32,
    batch: Vec<Frame>,
    read: Vec<Payload>,
}

impl Default for Pair {
    fn default() -> Self {
        Self::new()
    }
}

impl Pair {
    /// Two stacks and a listener, no connection.
    ///
    /// # Panics
    /// When the stack refuses what it is made to do here; so do the other methods.
    #[must_use]
    pub fn new() -> Self {
        let now = Instant::from_secs(1);
        let mut client = Stack::new(Config::default(), Seeds::from_u64(1));
        let mut server = Stack::new(Config::default(), Seeds::from_u64(2));
        let interface = InterfaceConfig::new("link", Medium::Ip, 1_500);
        let mut ours = interface.clone();
        for network in 1..=64 {
            ours = ours.address(network_address(network));
        }
        assert_eq!(client.add_interface(ours, now), Some(LINK));
        let theirs = interface.address(Cidr::new(SERVER.into(), 8).expect("a network"));
        assert_eq!(server.add_interface(theirs, now), Some(LINK));
        let listener = server.socket(Domain::Ipv4, SocketKind::Stream, now).expect("a socket");
        server.bind(listener, SocketAddr::from((SERVER, 80)), now).expect("a port");
        server.listen(listener, 128, now).expect("a listener");
        Self { client, server, listener, now, opened: 0, batch: Vec::new(), read: Vec::new() }
    }

    /// Opens a connection, to the end of the handshake.
    pub fn open(&mut self) -> Connection {
        let network = u8::try_from(1 + self.opened / u32::from(PORTS)).expect("at most 64");
        let port = 1_024 + u16::try_from(self.opened % u32::from(PORTS)).expect("below 60,000");
        self.opened += 1;
        let local = SocketAddr::new(network_address(network).address(), port);
        let client =
            self.client.socket(Domain::Ipv4, SocketKind::Stream, self.now).expect("a socket");
        // Connections from the client's other addresses linger on the port.
        let reuse = SocketOption::ReuseAddress(true);
        self.client.set_option(client, reuse, self.now).expect("the option is known");
        self.client.bind(client, local, self.now).expect("the port is free");
        // It is under way: that is an error by name only.
        let _ = self.client.connect(client, SocketAddr::from((SERVER, 80)), self.now);
        self.settle();
        let (server, peer) = self.server.accept(self.listener, self.now).expect("a connection");
        assert_eq!(peer, local);
        Connection { client, server }
    }

    /// Closes both ends, the client's first.
    pub fn close(&mut self, connection: Connection) {
        self.client.close(connection.client, self.now).expect("our descriptor");
        self.settle();
        self.server.close(connection.server, self.now).expect("our descriptor");
        self.settle();
    }

    /// Sends `data` from the client to the server and reads it there.
    pub fn send_up(&mut self, connection: Connection, data: &Payload) {
        let mut data = data.clone();
        while !data.is_empty() {
            let flags = SendFlags::default();
            let taken = self.client.send(connection.client, &data, flags, self.now);
            data.advance(taken.expect("room"));
            self.settle();
            read_all(&mut self.server, connection.server, &mut self.read, self.now);
        }
    }

    /// Sends `data` from the server to the client and reads it there.
    pub fn send_down(&mut self, connection: Connection, data: &Payload) {
        let mut data = data.clone();
        while !data.is_empty() {
            let flags = SendFlags::default();
            let taken = self.server.send(connection.server, &data, flags, self.now);
            data.advance(taken.expect("room"));
            self.settle();
            read_all(&mut self.client, connection.client, &mut self.read, self.now);
        }
    }

    /// Lets time pass, and what is due happen, in steps of 10 ms.
    pub fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now = end.min(self.now + Duration::from_millis(10));
            for stack in [&mut self.client, &mut self.server] {
                while stack.poll_timeout().is_some_and(|due| due <= self.now) {
                    stack.handle_timeout(self.now);
                }
            }
            self.settle();
        }
    }

    /// Asks both stacks what there is to do, as a host does when it wakes for nothing.
    pub fn ask(&mut self) -> (Option<Instant>, Option<Event>) {
        let _ = self.client.poll_transmit(LINK, Room::UNLIMITED, self.now);
        let _ = self.server.poll_transmit(LINK, Room::UNLIMITED, self.now);
        let timeout = self.client.poll_timeout().or_else(|| self.server.poll_timeout());
        (timeout, self.server.poll_event())
    }

    /// Carries frames to and fro until there are none, and takes the events.
    fn settle(&mut self) {
        loop {
            let up = carry(&mut self.client, &mut self.server, &mut self.batch, self.now);
            let down = carry(&mut self.server, &mut self.client, &mut self.batch, self.now);
            if !up && !down {
                break;
            }
        }
        while self.client.poll_event().is_some() {}
        while self.server.poll_event().is_some() {}
    }
}

fn network_address(network: u8) -> Cidr {
    Cidr::new(IpAddr::from([10, 1, 0, network]), 8).expect("a network")
}

fn carry(from: &mut Stack, to: &mut Stack, batch: &mut Vec<Frame>, now: Instant) -> bool {
    while let Some(frame) = from.poll_transmit(LINK, Room::UNLIMITED, now) {
        batch.push(frame);
    }
    let some = !batch.is_empty();
    to.receive(LINK, batch, now);
    some
}

fn read_all(stack: &mut Stack, socket: SocketId, into: &mut Vec<Payload>, now: Instant) {
    while stack.recv(socket, usize::MAX, RecvFlags::default(), into, now).is_ok()
        && !into.is_empty()
    {
        into.clear();
    }
}
