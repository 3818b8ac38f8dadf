//! Datagrams out of the LAN: UDP, and ICMP echo by unprivileged ping sockets (`icmp(7)`). Each flow
//! has a connected socket of the machine; answers and errors go back in the destination's name.
//! Looks at no payload.

mod flow;

use super::Shared;
use super::packets::Packets;
use super::reactor::{Bell, Happened, Inbox, Reactor};
use super::table::Table;
use crate::flows::FlowKind;
use crate::reach::Refusal;
use danja::Host;
use danja::stack::{InterfaceId, Payload};
use danja::wire::icmpv4::{Exceeded, Message, Unreachable};
use danja::wire::ip::Protocol;
use danja::wire::ipv4;
use flow::{Asked, Flow, Key, dial, meaning, read};
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv, sockopt};
use rustix::process::{Resource, getrlimit};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Flows at once, where the machine's limit of descriptors allows it.
const FLOWS: usize = 4_096;
/// Between two looks at flows that may have ended.
const ROUNDS: Duration = Duration::from_secs(1);
/// Packets that wait for the worker, and the worker's that wait for the LAN.
const QUEUE: usize = 4_096;
/// Taken from one socket before others have their turn.
const TURN: usize = 64;
/// The longest datagram.
const LONGEST: usize = 65_535;
/// The worker's own number: packets that no socket of the router claims.
const PACKETS: u64 = 0;

enum Told {
    Stop,
}

/// The worker; it ends when this is dropped, and the flows with it.
pub(crate) struct Datagrams {
    inbox: Arc<Inbox<Told>>,
    thread: Option<JoinHandle<()>>,
}

impl Datagrams {
    /// Starts the worker for what `interface` hands out.
    pub(crate) fn start(
        host: &Host,
        shared: &Arc<Shared>,
        (interface, mtu): (InterfaceId, usize),
    ) -> io::Result<Self> {
        host.configure(|config| {
            let limits = &mut config.limits;
            limits.unclaimed_queue = limits.unclaimed_queue.max(QUEUE);
            limits.control_queue = limits.control_queue.max(QUEUE);
        });
        let reactor = Reactor::new()?;
        let inbox = Arc::clone(reactor.inbox());
        let bell = Bell::new(&inbox, PACKETS);
        let packets = Packets::new(host.clone(), interface, mtu);
        let (host, shared) = (host.clone(), Arc::clone(shared));
        let body = move || {
            let open = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
            let limit = usize::try_from(open / 4).unwrap_or(FLOWS).clamp(1, FLOWS);
            let worker = Worker {
                reactor,
                host,
                interface,
                shared,
                packets,
                waker: bell.waker(),
                bell,
                flows: Table::new(limit, PACKETS),
                buffer: vec![0; LONGEST],
            };
            worker.run();
        };
        let thread = thread::Builder::new().name("datagrams".to_owned()).spawn(body)?;
        Ok(Self { inbox, thread: Some(thread) })
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        self.inbox.send(Told::Stop);
        // A worker that panicked has said so itself.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Worker {
    reactor: Reactor<Told>,
    host: Host,
    interface: InterfaceId,
    shared: Arc<Shared>,
    packets: Packets,
    bell: Arc<Bell<Told>>,
    waker: Waker,
    flows: Table<Key, Flow>,
    buffer: Vec<u8>,
}

impl Worker {
    fn run(mut self) {
        let mut happened = Happened::new();
        let mut round = Instant::now() + ROUNDS;
        loop {
            let more = self.take_packets();
            let left = round.saturating_duration_since(Instant::now());
            self.reactor.wait(&mut happened, if more { Duration::ZERO } else { left });
            if !happened.messages().is_empty() {
                return;
            }
            happened.woken().clear();
            for event in std::mem::take(&mut happened.events) {
                self.on_event(event.number);
            }
            if Instant::now() >= round {
                self.flows.expire(Instant::now());
                round = Instant::now() + ROUNDS;
            }
        }
    }

    /// What the router's sockets do not claim; `true` if there may be more.
    fn take_packets(&mut self) -> bool {
        self.bell.answered();
        for _ in 0..TURN {
            let waker = self.waker.clone();
            match self.host.poll_unclaimed(self.interface, &Context::from_waker(&waker)) {
                Poll::Ready(Some(packet)) => self.on_packet(&packet),
                Poll::Ready(None) | Poll::Pending => return false,
            }
        }
        true
    }

    fn on_packet(&mut self, packet: &Payload) {
        let packet = packet.as_slice();
        let Ok(header) = ipv4::Header::parse(packet) else { return };
        let packet = packet.get(..usize::from(header.total_len)).unwrap_or_default();
        let body = packet.get(header.header_len()..).unwrap_or_default();
        let to = header.destination;
        let many = to.is_multicast() || to.is_broadcast() || self.shared.rules.is_broadcast(to);
        if many || header.source.is_unspecified() {
            return self.shared.counting.packets_ignored.add();
        }
        if header.protocol == Protocol::TCP {
            return self.packets.reset(&header, body);
        }
        let Some(asked) = read(packet, header, body) else {
            self.shared.counting.packets_ignored.add();
            let known = [Protocol::UDP, Protocol::ICMP].contains(&header.protocol);
            if !known {
                self.unreachable(to, packet, Unreachable::Protocol);
            }
            return;
        };
        // A router's part (RFC 1812 §5.3.1); the machine itself is no hop further.
        if header.ttl <= 1 && self.shared.rules.host != Some(to.into()) {
            self.shared.counting.ttl_expired.add();
            let own = self.shared.rules.router;
            return self.packets.error(own, packet, Message::TimeExceeded { code: Exceeded::Ttl });
        }
        self.forward(&asked);
    }

    fn unreachable(&mut self, from: Ipv4Addr, about: &[u8], code: Unreachable) {
        let error = Message::DestinationUnreachable { code, next_hop_mtu: 0 };
        self.packets.error(from, about, error);
    }

    fn forward(&mut self, asked: &Asked<'_>) {
        let to = asked.key.destination;
        let echo = asked.key.kind == FlowKind::Echo;
        let port = (!echo).then_some(to.port());
        let client = IpAddr::V4(*asked.key.client.ip());
        let target = match self.shared.rules.resolve(client, (*to.ip()).into(), port) {
            Ok(IpAddr::V4(target)) => SocketAddrV4::new(target, to.port()),
            refused => return self.refuse(asked, refused.err()),
        };
        let number = match self.flows.number(&asked.key) {
            Some(number) => number,
            None => match self.open(asked, target) {
                Ok(number) => number,
                Err(error) => return self.not_opened(asked, error),
            },
        };
        // The first may say what became of an earlier one.
        for _ in 0..2 {
            let Some(flow) = self.flows.used(number, false) else { return };
            let Err(error) = flow.send(asked) else { return };
            if error == Errno::AGAIN || error == Errno::NOBUFS {
                return self.shared.counting.udp_dropped.add();
            }
            self.tell(number, error);
            if error == Errno::MSGSIZE {
                return;
            }
        }
    }

    fn refuse(&mut self, asked: &Asked<'_>, refusal: Option<Refusal>) {
        let counting = &self.shared.counting;
        let echo = asked.key.kind == FlowKind::Echo;
        let code = match refusal {
            Some(Refusal::Prohibited) => {
                if echo {
                    counting.echo_prohibited.add()
                } else {
                    counting.udp_prohibited.add()
                }
                Unreachable::AdministrativelyProhibited
            }
            Some(Refusal::Nobody) if !echo => Unreachable::Port,
            _ => Unreachable::Host,
        };
        self.unreachable(*asked.key.destination.ip(), asked.packet, code);
    }

    /// A new flow's socket; the oldest flow gives way where there are too many.
    fn open(&mut self, asked: &Asked<'_>, target: SocketAddrV4) -> Result<u64, Errno> {
        if self.flows.is_full() {
            self.evict();
        }
        let socket = match dial(asked.key.kind, target) {
            Err(Errno::MFILE | Errno::NFILE) if self.evict() => dial(asked.key.kind, target)?,
            dialled => dialled?,
        };
        let number = self.flows.reserve();
        self.reactor.watch(&socket, number, EventFlags::IN).map_err(|_| Errno::NOMEM)?;
        let key = asked.key;
        let entry = self.shared.flows.enter(key.kind, key.client.into(), key.destination.into());
        self.flows.insert(number, key, Flow::new(key, socket, entry));
        self.shared.counting.udp_flows.add();
        Ok(number)
    }

    fn evict(&mut self) -> bool {
        let evicted = self.flows.evict();
        if evicted {
            self.shared.counting.udp_flows_evicted.add();
        }
        evicted
    }

    fn not_opened(&mut self, asked: &Asked<'_>, error: Errno) {
        let to = *asked.key.destination.ip();
        if asked.key.kind == FlowKind::Echo && matches!(error, Errno::ACCESS | Errno::PERM) {
            self.shared.counting.echo_prohibited.add();
            let text = "this machine gives no ping socket (net.ipv4.ping_group_range): echo \
                        requests out of the LAN are prohibited";
            self.shared.say_once(&self.shared.said_no_ping, text);
            return self.unreachable(to, asked.packet, Unreachable::AdministrativelyProhibited);
        }
        match meaning(error) {
            Some(code) => {
                self.shared.counting.icmp_errors.add();
                self.unreachable(to, asked.packet, code);
            }
            None => self.shared.counting.udp_dropped.add(),
        }
    }

    /// Answers, or an error, at the machine's socket of a flow.
    fn on_event(&mut self, number: u64) {
        for _ in 0..TURN {
            let Some(flow) = self.flows.get_mut(number) else { return };
            match recv(&flow.socket, &mut *self.buffer, RecvFlags::DONTWAIT) {
                Ok((length, _)) => {
                    let data = self.buffer.get(..length).unwrap_or_default();
                    let Some(flow) = self.flows.used(number, true) else { return };
                    if !flow.answer(data, &mut self.packets) {
                        self.shared.counting.udp_dropped.add();
                    }
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(error) => self.tell(number, error),
            }
        }
    }

    /// Passes on what the machine's network said about the flow's last packet.
    fn tell(&mut self, number: u64, error: Errno) {
        let Some(flow) = self.flows.get_mut(number) else { return };
        let from = *flow.key.destination.ip();
        let message = match (error, meaning(error)) {
            (Errno::MSGSIZE, _) => {
                let mtu = sockopt::ip_mtu(&flow.socket).unwrap_or(0).min(self.packets.mtu() as u32);
                let next_hop_mtu = u16::try_from(mtu).unwrap_or(u16::MAX);
                Message::DestinationUnreachable {
                    code: Unreachable::FragmentationNeeded,
                    next_hop_mtu,
                }
            }
            (_, Some(code)) => Message::DestinationUnreachable { code, next_hop_mtu: 0 },
            (_, None) => return,
        };
        self.shared.counting.icmp_errors.add();
        self.packets.error(from, &flow.last, message);
    }
}
