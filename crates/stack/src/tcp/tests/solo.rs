//! One stack and a peer made of hand-written segments.

use super::pair::{Seen, address};
use crate::config::Config;
use crate::interface::{InterfaceId, Medium, Room};
use crate::socket::{
    ConnectError, Domain, RecvError, RecvFlags, SendError, SendFlags, SocketFault, SocketId,
    SocketKind,
};
use crate::views::{ControlInfo, TcpState};
use crate::{InterfaceConfig, Seeds, Stack};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use danja_wire::ip::{Cidr, Protocol};
use danja_wire::tcp::{self, Flags, Header, Options, SackBlocks, SeqNumber, Timestamps};
use danja_wire::{Frame, Instant, Offload, Payload, checksum, ipv4};
use std::vec::Vec;

pub(super) const LOCAL_PORT: u16 = 80;
pub(super) const REMOTE_PORT: u16 = 4_000;
/// The peer's initial sequence number, unless a test says otherwise.
pub(super) const IRS: u32 = 10_000;

/// The stack under test.
pub(super) struct Solo {
    pub(super) now: Instant,
    pub(super) stack: Stack,
    pub(super) interface: InterfaceId,
    pub(super) remote_port: u16,
    pub(super) local_port: u16,
    /// Sequence numbers of the peer and of the stack: added to what tests write.
    pub(super) irs: SeqNumber,
    pub(super) iss: SeqNumber,
    pub(super) remote: Ipv4Addr,
    /// TSval of the peer's next segments and the newest TSval of the stack.
    pub(super) clock: Option<u32>,
    pub(super) echo: u32,
}

pub(super) fn remote_ip() -> Ipv4Addr {
    match address(1) {
        IpAddr::V4(ip) => ip,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

pub(super) fn local_ip() -> Ipv4Addr {
    match address(0) {
        IpAddr::V4(ip) => ip,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

/// A TCP segment in an IP packet.
pub(super) fn packet(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    header: &Header,
    data: &[u8],
) -> Vec<u8> {
    let mut segment = std::vec![0; 60];
    let len = header.emit(&mut segment).unwrap();
    segment.truncate(len);
    segment.extend_from_slice(data);
    let mut sum =
        checksum::pseudo_header(source.into(), destination.into(), 6, segment.len() as u32);
    sum.add_bytes(&segment);
    tcp::set_checksum(&mut segment, sum.finish());
    in_ip(source, destination, Protocol::TCP, &segment)
}

pub(super) fn in_ip(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: Protocol,
    payload: &[u8],
) -> Vec<u8> {
    let mut ip = ipv4::Header { source, destination, protocol, ..ipv4::Header::default() };
    ip.set_payload_len(payload.len()).unwrap();
    let mut all = std::vec![0; 20];
    ip.emit(&mut all).unwrap();
    all.extend_from_slice(payload);
    all
}

impl Solo {
    pub(super) fn new(config: Config) -> Self {
        let now = Instant::from_secs(5_000);
        let mut stack = Stack::new(config, Seeds::from_u64(99));
        let lan = InterfaceConfig::new("lan0", Medium::Ip, 1_500)
            .address(Cidr::new(address(0), 24).unwrap());
        let interface = stack.add_interface(lan, now).unwrap();
        Self {
            now,
            stack,
            interface,
            remote_port: REMOTE_PORT,
            local_port: LOCAL_PORT,
            irs: SeqNumber(IRS),
            iss: SeqNumber(0),
            remote: remote_ip(),
            clock: None,
            echo: 0,
        }
    }

    pub(super) fn receive(&mut self, bytes: Vec<u8>) {
        let mut batch = std::vec![Frame::received(Payload::from(bytes), Offload::default())];
        self.stack.receive(self.interface, &mut batch, self.now);
    }

    /// A segment with numbers relative to both initial sequence numbers.
    pub(super) fn header(&self, flags: Flags, seq: u32, ack: u32) -> Header {
        let timestamps = self.clock.map(|value| Timestamps { value, echo: self.echo });
        Header {
            source_port: self.remote_port,
            destination_port: self.local_port,
            sequence: self.irs + seq,
            acknowledgment: if flags.contains(Flags::ACK) {
                self.iss + ack
            } else {
                SeqNumber(ack)
            },
            flags,
            window: 60_000,
            urgent: 0,
            options: Options { timestamps, ..Options::NONE },
        }
    }

    pub(super) fn put(&mut self, header: &Header, data: &[u8]) {
        let bytes = packet(self.remote, local_ip(), header, data);
        self.receive(bytes);
    }

    /// Sends a segment to the stack; gives what the stack sends at once.
    pub(super) fn say(&mut self, flags: Flags, seq: u32, ack: u32, data: &[u8]) -> Vec<Seen> {
        let header = self.header(flags, seq, ack);
        self.put(&header, data);
        self.poll()
    }

    pub(super) fn poll(&mut self) -> Vec<Seen> {
        let mut all = Vec::new();
        while let Some(frame) = self.stack.poll_transmit(self.interface, Room::UNLIMITED, self.now)
        {
            let bytes = frame.to_vec();
            if bytes.get(9) != Some(&6) {
                continue;
            }
            let segment = &bytes[usize::from(bytes[0] & 15) * 4..];
            assert!(tcp::verify(address(0), self.remote.into(), segment), "a wrong checksum");
            let (header, len) = Header::parse(segment).unwrap();
            if let Some(timestamps) = header.options.timestamps {
                self.echo = timestamps.value;
            }
            all.push(Seen { at: self.now, from: 0, header, data: segment[len..].to_vec() });
        }
        all
    }

    /// Lets time pass; gives what the stack sends meanwhile.
    pub(super) fn wait(&mut self, duration: Duration) -> Vec<Seen> {
        let until = self.now + duration;
        let mut all = self.poll();
        while let Some(at) = self.stack.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.stack.handle_timeout(self.now);
            all.extend(self.poll());
        }
        self.now = until;
        self.stack.handle_timeout(self.now);
        all.extend(self.poll());
        all
    }

    // ---- ways into states ----

    pub(super) fn socket(&mut self) -> SocketId {
        self.stack.socket(Domain::Ipv4, SocketKind::Stream, self.now).unwrap()
    }

    pub(super) fn listen(&mut self, backlog: usize) -> SocketId {
        let listener = self.socket();
        let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), LOCAL_PORT);
        self.stack.bind(listener, local, self.now).unwrap();
        self.stack.listen(listener, backlog, self.now).unwrap();
        listener
    }

    /// A SYN; gives the answer.
    pub(super) fn syn(&mut self, options: Options) -> Vec<Seen> {
        let mut header = self.header(Flags::SYN, 0, 0);
        header.options = options;
        self.clock = options.timestamps.map(|timestamps| timestamps.value);
        self.put(&header, &[]);
        let answer = self.poll();
        if let Some(answer) = answer.first() {
            self.iss = answer.header.sequence;
        }
        answer
    }

    /// A connection from the peer, accepted.
    pub(super) fn accepted(&mut self, options: Options) -> (SocketId, SocketId) {
        let listener = self.listen(8);
        let answer = self.syn(options);
        assert_eq!(answer[0].header.flags, Flags::SYN | Flags::ACK);
        self.say(Flags::ACK, 1, 1, &[]);
        let (socket, _) = self.stack.accept(listener, self.now).unwrap();
        (socket, listener)
    }

    /// A connection to the peer in SYN-SENT.
    pub(super) fn syn_sent(&mut self) -> SocketId {
        let socket = self.socket();
        let local = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), LOCAL_PORT);
        self.stack.bind(socket, local, self.now).unwrap();
        let remote = SocketAddr::new(self.remote.into(), self.remote_port);
        let begun = self.stack.connect(socket, remote, self.now);
        assert_eq!(begun, Err(ConnectError::InProgress));
        let sent = self.poll();
        self.iss = sent[0].header.sequence;
        socket
    }

    pub(super) fn established(&mut self) -> SocketId {
        let socket = self.syn_sent();
        self.say(Flags::SYN | Flags::ACK, 0, 1, &[]);
        assert_eq!(self.state(socket), TcpState::Established);
        socket
    }

    pub(super) fn info(&self, socket: SocketId) -> ControlInfo {
        self.stack.control_info(socket).unwrap()
    }

    pub(super) fn state(&self, socket: SocketId) -> TcpState {
        self.info(socket).state.unwrap()
    }

    pub(super) fn write(&mut self, socket: SocketId, data: &[u8]) -> Result<usize, SendError> {
        self.stack.send(socket, &Payload::copy_from_slice(data), SendFlags::default(), self.now)
    }

    pub(super) fn read(&mut self, socket: SocketId, max: usize) -> Result<Vec<u8>, RecvError> {
        self.read_with(socket, max, RecvFlags::default())
    }

    pub(super) fn read_with(
        &mut self,
        socket: SocketId,
        max: usize,
        flags: RecvFlags,
    ) -> Result<Vec<u8>, RecvError> {
        let mut into = Vec::new();
        self.stack.recv(socket, max, flags, &mut into, self.now)?;
        Ok(into.iter().flat_map(|slice| slice.as_slice().to_vec()).collect())
    }

    pub(super) fn error(&mut self, socket: SocketId) -> Option<SocketFault> {
        self.stack.take_error(socket, self.now)
    }
}

/// The options of a Linux SYN with timestamps.
pub(super) fn full_options() -> Options {
    Options {
        mss: Some(1_460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 1_000, echo: 0 }),
        ..Options::NONE
    }
}

/// MSS and SACK only.
pub(super) fn sack_options() -> Options {
    Options { mss: Some(1_460), sack_permitted: true, ..Options::NONE }
}

pub(super) fn plain_options() -> Options {
    Options { mss: Some(1_460), ..Options::NONE }
}

pub(super) fn blocks(ranges: &[(SeqNumber, SeqNumber)]) -> SackBlocks {
    let mut all = SackBlocks::NONE;
    for (left, right) in ranges {
        all.push(*left, *right).unwrap();
    }
    all
}

/// Flags of what was sent.
pub(super) fn flags(seen: &[Seen]) -> Vec<Flags> {
    seen.iter().map(|seen| seen.header.flags).collect()
}
