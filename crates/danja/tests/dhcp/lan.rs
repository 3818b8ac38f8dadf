//! A cable with a client and a server, and a clock that the test turns.

use danja::clock::VirtualClock;
use danja::dhcp::{Change, LeaseView, Settings, State, message};
use danja::lan::{MacAddress, cable::Switch};
use danja::net::UdpSocket;
use danja::stack::{Instant, Seeds};
use danja::{Driver, Host, HostEvent};
use dhcproto::v4::{DhcpOption, Message, MessageType, Opcode, OptionCode};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// The address that the server lends.
pub(crate) const LENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 77);
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const CLIENT_MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 77]);

/// How the server behaves.
#[derive(Clone, Debug)]
pub(crate) struct Manners {
    pub(crate) seconds: u32,
    pub(crate) answers: bool,
    /// DHCPREQUESTs are refused.
    pub(crate) refuses: bool,
    pub(crate) lends: Ipv4Addr,
    pub(crate) extra: Vec<DhcpOption>,
}

pub(crate) struct Lan {
    pub(crate) switch: Switch,
    pub(crate) clock: VirtualClock,
    pub(crate) server: Host,
    pub(crate) client: Host,
    drivers: Vec<Driver>,
    socket: UdpSocket,
    pub(crate) manners: Manners,
    /// What the server was sent, and when.
    pub(crate) heard: Vec<(Instant, Heard)>,
    pub(crate) changes: Vec<Change>,
}

/// A client's message.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) from: SocketAddr,
    pub(crate) message: Message,
}

impl Heard {
    pub(crate) fn kind(&self) -> MessageType {
        self.message.opts().msg_type().unwrap()
    }
}

const WANTED: [u8; 7] = [50, 53, 54, 55, 57, 61, 12];

fn builder(switch: &Switch, clock: &VirtualClock, mac: MacAddress) -> danja::Builder {
    let seeds = Seeds { secret: [mac.0[5]; 32], public: [7; 32] };
    Host::builder().adapter(switch.port(mac)).clock(Arc::new(clock.clone())).seeds(seeds)
}

impl Lan {
    pub(crate) fn new(settings: Settings) -> Self {
        let (switch, clock) = (Switch::new(), VirtualClock::new());
        let (server, one) = builder(&switch, &clock, MacAddress([2, 0, 0, 0, 0, 1]))
            .name("server")
            .address("10.0.0.1/24".parse().unwrap())
            .build_driven()
            .unwrap();
        let (client, two) = builder(&switch, &clock, CLIENT_MAC)
            .name("client")
            .dhcp_with(settings)
            .build_driven()
            .unwrap();
        let socket = UdpSocket::bind(&server, "0.0.0.0:67").unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.set_broadcast(true).unwrap();
        let manners = Manners {
            seconds: 3_600,
            answers: true,
            refuses: false,
            lends: LENT,
            extra: Vec::new(),
        };
        let (drivers, heard, changes) = (vec![one, two], Vec::new(), Vec::new());
        Self { switch, clock, server, client, drivers, socket, manners, heard, changes }
    }

    /// One more host, which the clock drives with the others.
    pub(crate) fn join(&mut self, number: u8, address: Ipv4Addr) -> Host {
        let (host, driver) =
            builder(&self.switch, &self.clock, MacAddress([2, 0, 0, 0, 0, number]))
                .address(format!("{address}/24").parse().unwrap())
                .build_driven()
                .unwrap();
        self.drivers.push(driver);
        host
    }

    pub(crate) fn now(&self) -> Instant {
        self.server.now()
    }

    /// Lets this much time pass, from event to event.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now() + time;
        loop {
            let next = self.settle().min(end);
            if self.now() >= end {
                return;
            }
            let now = self.now();
            self.clock.advance(next.saturating_since(now));
        }
    }

    /// Lets time pass until `done`.
    pub(crate) fn until(&mut self, at_most: Duration, done: impl Fn(&Self) -> bool) {
        let end = self.now() + at_most;
        while !done(self) {
            assert!(self.now() < end, "not within {at_most:?}: {:?}", self.view());
            self.pass(Duration::from_millis(100));
        }
    }

    /// Everybody does what there is to do now; gives the next deadline.
    fn settle(&mut self) -> Instant {
        for _ in 0..1000 {
            let due = self.drivers.iter_mut().filter_map(Driver::turn).min();
            let heard = self.heard.len();
            self.serve();
            while let Some(event) = self.client.next_event() {
                if let HostEvent::Lease { change, .. } = event {
                    self.changes.push(change);
                }
            }
            let due = due.unwrap_or(Instant::MAX);
            if due > self.now() && self.heard.len() == heard {
                return due;
            }
        }
        panic!("the hosts never settle");
    }

    fn serve(&mut self) {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = self.socket.recv_from(&mut buffer) {
            let message = message::decode(&buffer[..length], &WANTED).expect("a DHCP message");
            let heard = Heard { from, message };
            self.heard.push((self.now(), heard.clone()));
            if let Some(answer) = self.answer(&heard) {
                let to = match heard.message.ciaddr() {
                    Ipv4Addr::UNSPECIFIED => Ipv4Addr::BROADCAST,
                    address => address,
                };
                self.send(&answer, to);
            }
        }
    }

    pub(crate) fn send(&self, message: &Message, to: Ipv4Addr) {
        let _ = self.socket.send_to(&message::emit(message), (to, 68));
    }

    fn answer(&self, heard: &Heard) -> Option<Message> {
        let kind = match heard.kind() {
            _ if !self.manners.answers => return None,
            MessageType::Discover => MessageType::Offer,
            MessageType::Request if self.manners.refuses => MessageType::Nak,
            MessageType::Request => MessageType::Ack,
            _ => return None,
        };
        Some(self.reply(&heard.message, kind))
    }

    /// An answer as the server makes it.
    pub(crate) fn reply(&self, to: &Message, kind: MessageType) -> Message {
        let mut answer = to.clone();
        answer.set_opcode(Opcode::BootReply);
        let options = answer.opts_mut();
        options.clear();
        options.insert(DhcpOption::MessageType(kind));
        options.insert(DhcpOption::ServerIdentifier(SERVER));
        if kind != MessageType::Nak {
            options.insert(DhcpOption::AddressLeaseTime(self.manners.seconds));
            options.insert(DhcpOption::SubnetMask(Ipv4Addr::new(255, 255, 255, 0)));
            for option in &self.manners.extra {
                options.insert(option.clone());
            }
            answer.set_yiaddr(self.manners.lends);
        }
        answer
    }

    pub(crate) fn view(&self) -> LeaseView {
        self.client.leases().remove(0)
    }

    pub(crate) fn is_bound(&self) -> bool {
        self.view().state == State::Bound
    }

    pub(crate) fn kinds(&self) -> Vec<MessageType> {
        self.heard.iter().map(|(_, heard)| heard.kind()).collect()
    }

    /// The client's addresses but those of its loopback.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let interfaces = self.client.interfaces();
        interfaces[1..].iter().flat_map(|it| &it.addresses).map(ToString::to_string).collect()
    }
}

/// Without probes: the address can be used at once.
pub(crate) fn at_once() -> Settings {
    Settings::default().with_probe(false)
}

/// An option that a message must have.
pub(crate) fn option(message: &Message, code: OptionCode) -> Option<DhcpOption> {
    message.opts().get(code).cloned()
}
