//! smoltcp's two ends, in its best settings: built for TCP over IPv4 and nothing else, no wakers,
//! no timestamps, no congestion control, polled by its finer calls so that it looks at its
//! sockets no more often than it must, the busy socket the first of the set, and a link whose
//! frames lie in one block of memory that is used again and again.

use std::time::Duration;

use smoltcp::iface::{
    Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet,
};
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use super::{LONGEST_ACK, MOMENT, Peer, Seen, Settings, Side, shake_hands};

const CLIENT: IpAddress = IpAddress::v4(10, 1, 0, 1);
const SERVER: IpAddress = IpAddress::v4(10, 0, 0, 1);
/// Frames that answer an input (RST and the like) go out beyond the burst.
const SPARE: usize = 64;
/// What an idle connection's buffers have; it carries nothing.
const IDLE: usize = 64;

/// Frames on their way to one end, in one block.
struct Lane {
    bytes: Box<[u8]>,
    frames: Vec<(usize, usize)>,
    /// Frames that were taken already.
    taken: usize,
    seen: Seen,
    corrupt: bool,
    keep: bool,
    kept: Option<Vec<u8>>,
}

impl Lane {
    fn new(settings: Settings) -> Self {
        Self {
            bytes: vec![0; settings.mtu * (settings.burst + SPARE)].into_boxed_slice(),
            frames: Vec::with_capacity(settings.burst + SPARE),
            taken: 0,
            seen: Seen::default(),
            corrupt: false,
            keep: false,
            kept: None,
        }
    }

    fn waiting(&self) -> usize {
        self.frames.len() - self.taken
    }

    /// A frame of the lane; the block is begun anew when all were taken.
    fn take(&mut self) -> Option<&[u8]> {
        let Some((start, end)) = self.frames.get(self.taken).copied() else {
            self.frames.clear();
            self.taken = 0;
            return None;
        };
        self.taken += 1;
        Some(&self.bytes[start..end])
    }

    fn put<R>(&mut self, length: usize, fill: impl FnOnce(&mut [u8]) -> R) -> R {
        let start = self.frames.last().map_or(0, |(_, end)| *end);
        let frame = &mut self.bytes[start..start + length];
        let result = fill(frame);
        if (self.corrupt || self.keep) && length > LONGEST_ACK {
            if std::mem::take(&mut self.keep) {
                self.kept = Some(frame.to_vec());
            }
            if std::mem::take(&mut self.corrupt) {
                frame[length - 1] ^= 1;
            }
        }
        self.frames.push((start, start + length));
        self.seen.note(length);
        result
    }
}

/// What one end sees of the link.
struct Port<'a> {
    incoming: &'a mut Lane,
    outgoing: &'a mut Lane,
    /// Frames that it may still put there by itself.
    room: usize,
    settings: Settings,
}

struct Received<'a>(&'a [u8]);

struct Sent<'a> {
    lane: &'a mut Lane,
    room: Option<&'a mut usize>,
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl TxToken for Sent<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        if let Some(room) = self.room {
            *room -= 1;
        }
        self.lane.put(length, f)
    }
}

impl Device for Port<'_> {
    type RxToken<'a>
        = Received<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Sent<'a>
    where
        Self: 'a;

    fn receive(&mut self, _now: Instant) -> Option<(Received<'_>, Sent<'_>)> {
        let frame = self.incoming.take()?;
        Some((Received(frame), Sent { lane: self.outgoing, room: None }))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Sent<'_>> {
        (self.room > 0).then_some(Sent { lane: self.outgoing, room: Some(&mut self.room) })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.settings.mtu;
        if !self.settings.checksums {
            capabilities.checksum = ChecksumCapabilities::ignored();
        }
        capabilities
    }
}

/// One end.
struct End {
    interface: Interface,
    sockets: SocketSet<'static>,
}

impl End {
    fn new(address: IpAddress, seed: u64, lanes: &mut [Lane; 2], settings: Settings) -> Self {
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let [incoming, outgoing] = lanes;
        let mut port = Port { incoming, outgoing, room: 0, settings };
        let mut interface = Interface::new(config, &mut port, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(address, 8)).expect("room for an address");
        });
        Self { interface, sockets: SocketSet::new(Vec::new()) }
    }
}

/// Two of smoltcp's stacks.
pub struct Smoltcp {
    ends: [End; 2],
    /// What flies to the client and to the server.
    lanes: [Lane; 2],
    settings: Settings,
    now: Instant,
    opened: u16,
    /// Sockets that every cycle uses again: making new ones would cost it more.
    cycle: Option<[SocketHandle; 2]>,
}

impl Smoltcp {
    fn port(lanes: &mut [Lane; 2], side: Side, room: usize, settings: Settings) -> Port<'_> {
        let [to_client, to_server] = lanes;
        let (incoming, outgoing) = match side {
            Side::Client => (to_client, to_server),
            Side::Server => (to_server, to_client),
        };
        Port { incoming, outgoing, room, settings }
    }

    fn socket(buffer: usize) -> tcp::Socket<'static> {
        let storage = || tcp::SocketBuffer::new(vec![0; buffer]);
        let mut socket = tcp::Socket::new(storage(), storage());
        socket.set_nagle_enabled(false);
        socket
    }

    fn listen(&mut self, handle: SocketHandle) {
        let sockets = &mut self.ends[Side::Server as usize].sockets;
        sockets.get_mut::<tcp::Socket<'_>>(handle).listen((SERVER, 80)).expect("a port");
    }

    fn connect(&mut self, handle: SocketHandle) {
        let end = &mut self.ends[Side::Client as usize];
        self.opened = self.opened.checked_add(1).unwrap_or(1_024).max(1_024);
        let socket = end.sockets.get_mut::<tcp::Socket<'_>>(handle);
        let local = (CLIENT, self.opened);
        socket.connect(end.interface.context(), (SERVER, 80), local).expect("a new connection");
    }

    fn state(&self, side: Side, handle: SocketHandle) -> tcp::State {
        self.ends[side as usize].sockets.get::<tcp::Socket<'_>>(handle).state()
    }

    /// The buffers and the state of a connection with sockets of `buffer` bytes each way.
    fn open_with(&mut self, buffer: usize) -> [SocketHandle; 2] {
        let handles = [0, 1].map(|side: usize| self.ends[side].sockets.add(Self::socket(buffer)));
        let [client, server] = handles;
        self.listen(server);
        self.connect(client);
        shake_hands(self);
        assert_eq!(self.state(Side::Server, server), tcp::State::Established);
        handles
    }
}

impl Peer for Smoltcp {
    const NAME: &'static str = "smoltcp";
    type Socket = SocketHandle;

    fn new(settings: Settings) -> Self {
        let mut lanes = [Lane::new(settings), Lane::new(settings)];
        let client = End::new(CLIENT, 1, &mut lanes, settings);
        let server = End::new(SERVER, 2, &mut lanes, settings);
        Self {
            ends: [client, server],
            lanes,
            settings,
            now: Instant::from_secs(1),
            opened: 0,
            cycle: None,
        }
    }

    fn open(&mut self) -> [SocketHandle; 2] {
        self.open_with(self.settings.buffer)
    }

    fn open_idle(&mut self, count: usize) {
        // The handshakes happen in sets of their own: among thousands they would take hours.
        let new = || SocketSet::new(Vec::new());
        let mut sets =
            [0, 1].map(|side: usize| std::mem::replace(&mut self.ends[side].sockets, new()));
        for _ in 0..count {
            let handles = self.open_with(IDLE);
            for (side, handle) in handles.into_iter().enumerate() {
                let socket = self.ends[side].sockets.remove(handle);
                sets[side].add(socket);
            }
        }
        for (end, set) in self.ends.iter_mut().zip(sets) {
            end.sockets = set;
        }
    }

    fn write(&mut self, side: Side, socket: SocketHandle, data: &[u8]) -> usize {
        let socket = self.ends[side as usize].sockets.get_mut::<tcp::Socket<'_>>(socket);
        socket.send_slice(data).unwrap_or(0)
    }

    fn read(&mut self, side: Side, socket: SocketHandle, into: &mut [u8]) -> usize {
        let socket = self.ends[side as usize].sockets.get_mut::<tcp::Socket<'_>>(socket);
        socket.recv_slice(into).unwrap_or(0)
    }

    fn output(&mut self, side: Side, frames: usize) {
        let waiting = self.lanes[1 - side as usize].waiting();
        let room = frames.min((self.settings.burst + SPARE / 2).saturating_sub(waiting));
        let mut port = Self::port(&mut self.lanes, side, room, self.settings);
        let end = &mut self.ends[side as usize];
        while port.room > 0 {
            let result = end.interface.poll_egress(self.now, &mut port, &mut end.sockets);
            if result == PollResult::None {
                break;
            }
        }
    }

    fn input(&mut self, side: Side) {
        self.now += smoltcp::time::Duration::from_micros(MOMENT.as_micros() as u64);
        let mut port = Self::port(&mut self.lanes, side, 0, self.settings);
        let end = &mut self.ends[side as usize];
        loop {
            let result = end.interface.poll_ingress_single(self.now, &mut port, &mut end.sockets);
            if matches!(result, PollIngressSingleResult::None) {
                break;
            }
        }
    }

    fn poll(&mut self, side: Side) {
        let mut port = Self::port(&mut self.lanes, side, 1, self.settings);
        let end = &mut self.ends[side as usize];
        let result = end.interface.poll(self.now, &mut port, &mut end.sockets);
        assert_eq!(result, PollResult::None, "something happened");
    }

    fn deadline(&mut self, side: Side) -> Option<u64> {
        let end = &mut self.ends[side as usize];
        let due = end.interface.poll_at(self.now, &end.sockets)?;
        u64::try_from(due.total_micros()).ok().map(|micros| micros * 1_000)
    }

    fn pass(&mut self, time: Duration) {
        self.now += time.into();
    }

    fn cycle(&mut self) {
        let buffer = self.settings.buffer;
        let [client, server] = *self.cycle.get_or_insert_with(|| {
            [0, 1].map(|side: usize| self.ends[side].sockets.add(Self::socket(buffer)))
        });
        self.listen(server);
        self.connect(client);
        shake_hands(self);
        self.ends[Side::Server as usize].sockets.get_mut::<tcp::Socket<'_>>(server).close();
        self.output(Side::Server, 1);
        self.input(Side::Client);
        self.ends[Side::Client as usize].sockets.get_mut::<tcp::Socket<'_>>(client).close();
        self.output(Side::Client, 1);
        self.input(Side::Server);
        self.output(Side::Server, 1);
        self.input(Side::Client);
        assert_eq!(self.state(Side::Client, client), tcp::State::Closed);
        assert_eq!(self.state(Side::Server, server), tcp::State::TimeWait);
        // It keeps no TIME-WAIT but in the socket, which the next connection needs. `reset` is
        // not public; `abort` would send an RST at the next poll, were the tuple not replaced.
        self.ends[Side::Server as usize].sockets.get_mut::<tcp::Socket<'_>>(server).abort();
    }

    fn seen(&self) -> Seen {
        let [down, up] = &self.lanes;
        Seen {
            frames: down.seen.frames + up.seen.frames,
            segments: down.seen.segments + up.seen.segments,
            bytes: down.seen.bytes + up.seen.bytes,
            largest: down.seen.largest.max(up.seen.largest),
        }
    }

    fn corrupt_next(&mut self) {
        self.lanes.iter_mut().for_each(|lane| lane.corrupt = true);
    }

    fn keep_next(&mut self) {
        self.lanes.iter_mut().for_each(|lane| lane.keep = true);
    }

    fn kept(&mut self) -> Option<Vec<u8>> {
        self.lanes.iter_mut().find_map(|lane| lane.kept.take())
    }
}
