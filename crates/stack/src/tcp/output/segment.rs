//! Builds segments: header, options, payload slices, checksum; and the bookkeeping of what was
//! said by them (acknowledgement, window).

use crate::core_state::Core;
use crate::counters::count;
use crate::packet::Outgoing;
use crate::socket::PathMtuDiscovery;
use crate::tcp::conn::Conn;
use crate::tcp::tcb::{AckNeed, Tcb};
use alloc::boxed::Box;
use core::net::SocketAddr;
use danja_wire::checksum::pseudo_header;
use danja_wire::ip::Protocol;
use danja_wire::tcp::{
    self, CHECKSUM_OFFSET, Flags, Header, MAX_HEADER_LEN, Options, SackBlocks, SeqNumber,
    Timestamps,
};
use danja_wire::{ChecksumState, Frame, Instant};

/// The most that headers of IP and TCP take, in bytes.
pub(super) const HEADERS_MAX: usize = 20 + MAX_HEADER_LEN;

/// What a segment shall be.
#[derive(Clone, Copy, Debug)]
pub(in crate::tcp) struct Shape {
    pub(in crate::tcp) seq: SeqNumber,
    /// Where its data starts in the send queue.
    pub(in crate::tcp) offset: usize,
    pub(in crate::tcp) length: u32,
    pub(in crate::tcp) flags: Flags,
}

impl Shape {
    /// A segment without data.
    pub(in crate::tcp) const fn control(flags: Flags) -> Self {
        Self { seq: SeqNumber(0), offset: 0, length: 0, flags }
    }
}

/// Looks the path up again if routes or addresses have changed; `false` if there is none.
pub(in crate::tcp) fn refresh_path(conn: &mut Conn<'_>) -> bool {
    let tcb = &mut *conn.tcb;
    if tcb.path.generation == conn.core.ip.generation() {
        return true;
    }
    // RFC 9293 §3.9.1.1 (MUST-45): the local address stays what it was.
    let interface = tcb.options.get().interface;
    match conn.core.ip.path(Some(tcb.local.ip()), tcb.remote.ip(), interface) {
        Ok(path) => {
            tcb.path = path;
            crate::tcp::mss::adapt(tcb);
            true
        }
        Err(fault) => {
            if let Some(socket) = conn.socket.as_deref_mut() {
                socket.soft_error = Some(Box::new(fault));
            }
            false
        }
    }
}

fn sack_blocks(conn: &mut Conn<'_>, options: &Options) -> SackBlocks {
    let mut blocks = SackBlocks::NONE;
    let mut room = options.sack_room();
    // RFC 2883 §4: the duplicate is the first block, and is reported once.
    let duplicate = conn.tcb.rare.as_mut().and_then(|rare| rare.duplicate.take());
    if let Some((left, right)) = duplicate
        && room > 0
    {
        blocks.push(left, right);
        room = room.saturating_sub(1);
    }
    let rcv_nxt = conn.tcb.rcv_nxt;
    let Some(socket) = conn.socket.as_deref() else { return blocks };
    for (left, right) in socket.receive.ranges().take(room) {
        blocks.push(rcv_nxt + left, rcv_nxt + right);
    }
    blocks
}

/// What a SYN offers, or a SYN-ACK agrees to: until the peer's SYN has come, `agreed` is what we
/// offer.
fn syn_options(tcb: &Tcb, options: &mut Options) {
    options.mss = tcb.agreed.mss_option();
    options.window_scale = tcb.agreed.window_scaling.then_some(tcb.agreed.rcv_wind_shift);
    options.sack_permitted = tcb.agreed.sack;
}

/// Builds a segment of the connection and notes what it says.
pub(in crate::tcp) fn emit(conn: &mut Conn<'_>, shape: &Shape) -> Option<Outgoing> {
    let now = conn.core.now;
    let mut flags = shape.flags;
    let mut options = Options::NONE;
    if conn.tcb.agreed.timestamps {
        // RFC 7323 §3.2: TSecr is TS.Recent, and TSopt is on every segment but RST.
        let value = conn.tcb.ts_now(now);
        options.timestamps = Some(Timestamps { value, echo: conn.tcb.ts_recent });
    }
    let window = if flags.contains(Flags::SYN) {
        syn_options(conn.tcb, &mut options);
        // RFC 7323 §2.2: the window in a SYN is never scaled.
        u16::try_from(conn.tcb.rcv_wnd()).unwrap_or(u16::MAX)
    } else {
        let window = super::announce(conn);
        if conn.tcb.agreed.sack && shape.length == 0 {
            options.sack = sack_blocks(conn, &options);
        }
        window
    };
    let mut frame = Frame::new();
    if shape.length > 0 {
        let pushed = push_data(conn, shape, &mut frame);
        // RFC 9293 §3.9.1.2 (MUST-61): PSH on the last segment of what was queued.
        let end = shape.offset.saturating_add(shape.length as usize);
        if pushed || end >= conn.tcb.queued() {
            flags |= Flags::PSH;
        }
    }
    let tcb = &mut *conn.tcb;
    let mut header = Header {
        source_port: tcb.local.port(),
        destination_port: tcb.remote.port(),
        sequence: shape.seq,
        acknowledgment: if flags.contains(Flags::ACK) { tcb.rcv_nxt } else { SeqNumber(0) },
        flags,
        window,
        urgent: 0,
        options,
    };
    mark_urgent(tcb, &mut header);
    if flags.contains(Flags::ACK) {
        tcb.last_ack_sent = tcb.rcv_nxt;
        tcb.ack = AckNeed::None;
        tcb.deadlines.delayed_ack = Instant::MAX;
        tcb.quick_acks = tcb.quick_acks.saturating_sub(1);
    }
    if shape.length > 0 || flags.sequence_len() > 0 {
        tcb.last_sent = now;
    }
    tcb.totals.segments_out = tcb.totals.segments_out.saturating_add(1);
    count(&mut conn.core.counters.tcp_out_segs);
    finish(conn, frame, &header)
}

/// Whether there is out-of-order or duplicate data to report by SACK.
pub(super) fn has_report(conn: &Conn<'_>) -> bool {
    let duplicate = conn.tcb.rare.as_ref().is_some_and(|rare| rare.duplicate.is_some());
    let beyond = conn.socket.as_deref().is_some_and(|s| s.receive.out_of_order_bytes() > 0);
    conn.tcb.agreed.sack && (duplicate || beyond)
}

fn push_data(conn: &mut Conn<'_>, shape: &Shape, frame: &mut Frame) -> bool {
    let Some(busy) = conn.tcb.busy.as_mut() else { return false };
    busy.queue.slices(shape.offset, shape.length as usize, |slice| frame.push(slice))
}

// RFC 9293 §3.8.5 (MUST-62), RFC 6093 §3: the pointer names the octet after the urgent data.
fn mark_urgent(tcb: &mut Tcb, header: &mut Header) {
    let Some(rare) = tcb.rare.as_mut() else { return };
    let Some(up) = rare.snd_up else { return };
    if up.le(tcb.snd_una) {
        rare.snd_up = None;
    } else if header.sequence.lt(up) && !header.flags.contains(Flags::SYN) {
        header.flags |= Flags::URG;
        header.urgent = u16::try_from(up.since(header.sequence)).unwrap_or(u16::MAX);
    }
}

/// What IP is told of a segment: the application's TTL (RFC 9293 §3.9.2, MUST-49) and DS field
/// (RFC 9293 §3.9.1.9, MUST-48, SHLD-21, SHLD-22), as they are now.
fn finish(conn: &mut Conn<'_>, frame: Frame, header: &Header) -> Option<Outgoing> {
    let tcb = &*conn.tcb;
    let options = tcb.options.get();
    let ttl = if options.ttl == 0 { conn.core.config.ip.ttl } else { options.ttl };
    let offload = conn.core.ip.checksum_offload(tcb.path.interface);
    let size = if frame.payload_len() > tcb.snd_mss as usize { tcb.snd_mss } else { 0 };
    let mut packet = Outgoing {
        source: tcb.local.ip(),
        destination: tcb.remote.ip(),
        protocol: Protocol::TCP,
        ttl,
        tos: options.tos,
        dont_fragment: options.mtu_discover != PathMtuDiscovery::Never,
        frame,
    };
    seal(&mut packet, header, size, offload)?;
    Some(packet)
}

/// Writes the header before the payload and completes the checksum, or leaves it to the
/// adapter. `segment_size` is not 0 if the frame is to be cut.
fn seal(packet: &mut Outgoing, header: &Header, segment_size: u32, offload: bool) -> Option<()> {
    let header_len = header.header_len();
    header.emit(packet.frame.prepend(header_len)?).ok()?;
    let length = u32::try_from(packet.frame.len()).ok()?;
    let mut sum = pseudo_header(packet.source, packet.destination, Protocol::TCP.0, length);
    let field = if offload || segment_size > 0 {
        packet.frame.offload.checksum =
            ChecksumState::Partial { start: 0, offset: CHECKSUM_OFFSET as u16 };
        packet.frame.offload.segment_size = u16::try_from(segment_size).ok()?;
        sum.fold()
    } else {
        // Headers are whole words long.
        sum.add_words(packet.frame.header().as_chunks().0);
        for slice in packet.frame.slices() {
            sum.add_bytes(slice.as_slice());
        }
        sum.finish()
    };
    tcp::set_checksum(packet.frame.header_mut(), field)
}

/// A segment without data that belongs to no control block.
pub(in crate::tcp) fn control_packet(
    core: &Core,
    (local, remote): (SocketAddr, SocketAddr),
    (ttl, tos): (u8, u8),
    mut header: Header,
) -> Option<Outgoing> {
    header.source_port = local.port();
    header.destination_port = remote.port();
    let mut packet = Outgoing {
        source: local.ip(),
        destination: remote.ip(),
        protocol: Protocol::TCP,
        ttl: if ttl == 0 { core.config.ip.ttl } else { ttl },
        tos,
        dont_fragment: true,
        frame: Frame::new(),
    };
    seal(&mut packet, &header, 0, false)?;
    Some(packet)
}

/// The same, straight to the control queue.
pub(in crate::tcp) fn send_bare(
    core: &mut Core,
    ends: (SocketAddr, SocketAddr),
    interface: Option<crate::InterfaceId>,
    marks: (u8, u8),
    header: Header,
) {
    count(&mut core.counters.tcp_out_segs);
    if header.flags.contains(Flags::RST) {
        count(&mut core.counters.tcp_out_rsts);
    }
    if let Some(packet) = control_packet(core, ends, marks, header) {
        crate::ip::send(core, interface, packet);
    }
}

/// The RST of an abort: <SEQ=SND.NXT><CTL=RST>, with ACK as Linux sends it.
pub(in crate::tcp) fn reset(conn: &mut Conn<'_>) {
    let tcb = &*conn.tcb;
    let options = tcb.options.get();
    let header = Header {
        sequence: tcb.snd_nxt,
        acknowledgment: tcb.rcv_nxt,
        flags: Flags::RST | Flags::ACK,
        ..Header::default()
    };
    let (marks, interface) = ((options.ttl, options.tos), options.interface);
    send_bare(conn.core, (tcb.local, tcb.remote), interface, marks, header);
}
