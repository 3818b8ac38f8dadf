//! Errors about segments we sent: ICMP (RFC 9293 §3.9.2.2, RFC 5927, RFC 5461) and silent
//! neighbours.

use super::conn::Conn;
use super::record::Record;
use super::tcb::{Phase, State};
use super::{RecordId, Tcp, loss, mss};
use crate::core_state::Core;
use crate::discard::Discard;
use crate::ip;
use crate::packet::{ErrorKind, TransportError};
use alloc::boxed::Box;
use danja_wire::tcp::SeqNumber;

pub(super) fn on_error(
    tcp: &mut Tcp,
    core: &mut Core,
    error: &TransportError,
) -> Result<(), Discard> {
    // RFC 9293 §3.9.2.2 (MUST-54): to the connection that caused it.
    let id = tcp
        .demux
        .find(core, &tcp.records, error.local, error.remote)
        .ok_or(Discard::IcmpUnvalidated)?;
    match tcp.records.get(id.0) {
        Some(Record::Connection(_)) => {
            tcp.with_conn(core, id, |conn| on_connection(conn, error)).unwrap_or(Ok(()))
        }
        Some(Record::HalfOpen(half)) => {
            let (una, nxt) = (half.iss, half.iss + 1);
            validate(error.sequence, una, nxt)?;
            on_half_open(tcp, core, id, error);
            Ok(())
        }
        _ => Err(Discard::IcmpUnvalidated),
    }
}

// RFC 5927 §4.1: the quoted sequence number must be of data that was sent and is not
// acknowledged yet.
fn validate(quoted: Option<SeqNumber>, una: SeqNumber, nxt: SeqNumber) -> Result<(), Discard> {
    match quoted {
        Some(seq) if !seq.in_window(una, nxt.since(una)) => Err(Discard::IcmpUnvalidated),
        _ => Ok(()),
    }
}

fn on_connection(conn: &mut Conn<'_>, error: &TransportError) -> Result<(), Discard> {
    validate(error.sequence, conn.tcb.snd_una, conn.tcb.snd_nxt)?;
    let opening = !matches!(conn.tcb.state, State::Synchronized(_));
    match error.what {
        ErrorKind::TooBig { mtu } => too_big(conn, error, mtu),
        // RFC 5927 §5.2, RFC 5461 §4: hard errors end a connection only while it is opened.
        ErrorKind::Hard | ErrorKind::Neighbour if opening => conn.end(Some(error.fault)),
        // RFC 5461 §4: widely implemented, and no standard's.
        ErrorKind::Soft if opening && conn.core.config.tcp.soft_errors_end_opening => {
            conn.end(Some(error.fault));
        }
        ErrorKind::Soft if opening => {
            // RFC 9293 §3.9.2.2 (MUST-56): never aborts; told if the attempt fails.
            soft(conn, error);
        }
        ErrorKind::Hard | ErrorKind::Soft | ErrorKind::Neighbour => soft(conn, error),
    }
    Ok(())
}

fn soft(conn: &mut Conn<'_>, error: &TransportError) {
    if let Some(socket) = conn.socket.as_deref_mut() {
        socket.soft_error = Some(Box::new(error.fault));
    }
}

// RFC 1191 §6.4: the segment size follows, and what was too big is sent again at once; no
// congestion is meant by it (SHLD: no slow start).
fn too_big(conn: &mut Conn<'_>, error: &TransportError, mtu: usize) {
    if error.sequence.is_none() {
        return;
    }
    let mtu = ip::lower_path_mtu(conn.core, error.remote.ip(), mtu);
    let tcb = &mut *conn.tcb;
    if mtu >= tcb.path.mtu {
        return;
    }
    tcb.path.mtu = mtu;
    let before = tcb.snd_mss;
    mss::adapt(tcb);
    let resendable = matches!(
        tcb.state,
        State::Synchronized(
            Phase::Established
                | Phase::CloseWait
                | Phase::FinWait1
                | Phase::Closing
                | Phase::LastAck
        )
    );
    if tcb.snd_mss >= before || !resendable {
        return;
    }
    let (una, nxt) = (tcb.snd_una, tcb.snd_nxt);
    if let Some(busy) = tcb.busy.as_mut() {
        busy.records.mark_lost(una, nxt);
        tcb.recovery.force = true;
    }
    loss::restart_timer(conn);
}

fn on_half_open(tcp: &mut Tcp, core: &mut Core, id: RecordId, error: &TransportError) {
    match error.what {
        // As Linux: a SYN-ACK that cannot be delivered drops the request.
        ErrorKind::Hard => {
            crate::counters::count(&mut core.counters.tcp_attempt_fails);
            tcp.delete(core, id, None);
        }
        ErrorKind::TooBig { mtu } => {
            ip::lower_path_mtu(core, error.remote.ip(), mtu);
        }
        ErrorKind::Soft | ErrorKind::Neighbour => {}
    }
}
