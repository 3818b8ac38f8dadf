//! Published UDP: datagrams to a port of the machine go on to an endpoint of the LAN, and answers
//! come back from that port. Each peer has a socket of its own on the router's host, as if it were
//! a neighbour with many ports; so many that strangers at one port cannot end the LAN's own flows.
//! Looks at no payload, and waits for nobody: what finds no room is dropped and counted.

use super::Shared;
use super::reactor::{Bell, Happened, Inbox, Reactor};
use super::table::Table;
use crate::flows::{Entry, FlowKind, FlowState};
use crate::stop::Stop;
use danja::Host;
use danja::net::{Domain, Interest, RecvFlags, SendFlags, Socket, SocketKind};
use rustix::event::epoll::EventFlags;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Peers of one port at once.
const PEERS: usize = 4_096;
/// Between two looks at flows that may have ended.
const ROUNDS: Duration = Duration::from_secs(1);
/// Taken from one socket before others have their turn.
const TURN: usize = 64;
/// The longest datagram.
const LONGEST: usize = 65_535;
/// The numbers of the machine's socket and of the router's end; flows have higher ones.
const PORT: u64 = 0;
const END: u64 = 1;

/// The worker of one port; it ends when this is dropped, or with the router.
pub(crate) struct DatagramPort {
    inbox: Arc<Inbox<Told>>,
    thread: Option<JoinHandle<()>>,
}

/// All that the worker is told from elsewhere.
struct Told;

impl DatagramPort {
    /// Datagrams to `socket` go on to `to`.
    pub(crate) fn start(
        host: &Host,
        shared: &Arc<Shared>,
        stop: &Stop,
        socket: UdpSocket,
        to: SocketAddr,
    ) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let reactor = Reactor::new()?;
        reactor.watch(&socket, PORT, EventFlags::IN)?;
        let inbox = Arc::clone(reactor.inbox());
        let worker = Worker {
            reactor,
            host: host.clone(),
            shared: Arc::clone(shared),
            stop: stop.clone(),
            socket,
            to,
            flows: Table::new(PEERS, END),
            buffer: vec![0; LONGEST],
        };
        let thread = thread::Builder::new().name("udp port".to_owned());
        let thread = thread.spawn(move || worker.run())?;
        Ok(Self { inbox, thread: Some(thread) })
    }
}

impl Drop for DatagramPort {
    fn drop(&mut self) {
        self.inbox.send(Told);
        // A worker that panicked has said so itself.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A peer of the machine's port, and what stands for it on the LAN.
struct Flow {
    peer: SocketAddr,
    lan: Socket,
    bell: Arc<Bell<Told>>,
    waker: Waker,
    entry: Entry,
}

struct Worker {
    reactor: Reactor<Told>,
    host: Host,
    shared: Arc<Shared>,
    stop: Stop,
    socket: UdpSocket,
    to: SocketAddr,
    flows: Table<SocketAddr, Flow>,
    buffer: Vec<u8>,
}

impl Worker {
    fn run(mut self) {
        let end = Bell::new(self.reactor.inbox(), END).waker();
        if self.stop.poll(&Context::from_waker(&end)).is_ready() {
            return;
        }
        let mut happened = Happened::new();
        let mut round = Instant::now() + ROUNDS;
        // Who had a turn, and has more.
        let (mut due, mut more) = (Vec::new(), Vec::new());
        loop {
            let left = round.saturating_duration_since(Instant::now());
            self.reactor.wait(&mut happened, if due.is_empty() { left } else { Duration::ZERO });
            if !happened.messages().is_empty() || self.stop.is_stopped() {
                return;
            }
            due.append(happened.woken());
            due.extend(happened.events.iter().map(|event| event.number));
            // In order, each once.
            due.sort_unstable();
            due.dedup();
            for number in due.drain(..) {
                if number == PORT {
                    self.take_in();
                } else if self.give_back(number) {
                    more.push(number);
                }
            }
            std::mem::swap(&mut due, &mut more);
            if Instant::now() >= round {
                self.flows.expire(Instant::now());
                round = Instant::now() + ROUNDS;
            }
        }
    }

    /// Datagrams of the machine's peers. If there are more, the port is ready again.
    fn take_in(&mut self) {
        for _ in 0..TURN {
            match self.socket.recv_from(&mut self.buffer) {
                Ok((length, peer)) => self.on_datagram(length, peer),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // What it says of one peer is nothing to the others.
                Err(_) => {}
            }
        }
    }

    /// One of `length` bytes in the buffer.
    fn on_datagram(&mut self, length: usize, peer: SocketAddr) {
        let found = self.flows.number(&peer);
        let Some(number) = found.or_else(|| self.open(peer)) else {
            return self.shared.counting.published_dropped.add();
        };
        let Some(flow) = self.flows.used(number, false) else { return };
        let data = self.buffer.get(..length).unwrap_or_default();
        // The first may say what became of an earlier one.
        for _ in 0..2 {
            match flow.lan.try_send(data, SendFlags::default()) {
                Ok(_) => return flow.entry.figures.sent(length),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {}
            }
        }
        self.shared.counting.published_dropped.add();
    }

    /// A new peer's flow; `None` if the router's host has no socket or no way.
    fn open(&mut self, peer: SocketAddr) -> Option<u64> {
        if self.flows.is_full() && self.flows.evict() {
            self.shared.counting.udp_flows_evicted.add();
        }
        let lan = Socket::new(&self.host, Domain::Ipv4, SocketKind::Datagram).ok()?;
        lan.connect(self.to).ok()?;
        let number = self.flows.reserve();
        let bell = Bell::new(self.reactor.inbox(), number);
        let waker = bell.waker();
        if lan.poll_ready(Interest::Read, &Context::from_waker(&waker)).is_ready() {
            waker.wake_by_ref();
        }
        let entry = self.shared.flows.enter(FlowKind::PublishedUdp, peer, self.to);
        self.flows.insert(number, peer, Flow { peer, lan, bell, waker, entry });
        self.shared.counting.published_flows.add();
        Some(number)
    }

    /// Answers of the LAN to one peer; whether there may be more.
    fn give_back(&mut self, number: u64) -> bool {
        let mut failed = false;
        let Some(flow) = self.flows.get_mut(number) else { return false };
        flow.bell.answered();
        for _ in 0..TURN {
            let Some(flow) = self.flows.get_mut(number) else { return false };
            let context = Context::from_waker(&flow.waker);
            match flow.lan.poll_recv(&context, &mut self.buffer, RecvFlags::default()) {
                Poll::Pending => return false,
                Poll::Ready(Ok(received)) => {
                    failed = false;
                    let data = self.buffer.get(..received.bytes).unwrap_or_default();
                    let Some(flow) = self.flows.used(number, true) else { return false };
                    flow.entry.figures.enter(FlowState::Open);
                    flow.entry.figures.received(data.len());
                    if self.socket.send_to(data, flow.peer).is_err() {
                        self.shared.counting.published_dropped.add();
                    }
                }
                // The host itself has ended: an error about a datagram comes once.
                Poll::Ready(Err(_)) if failed => {
                    self.flows.close(number);
                    return false;
                }
                // Nobody is there. No socket can pass that on to whom it concerns.
                Poll::Ready(Err(_)) => {
                    failed = true;
                    self.shared.counting.published_dropped.add();
                }
            }
        }
        true
    }
}
