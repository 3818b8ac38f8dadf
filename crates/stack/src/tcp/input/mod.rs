//! Segment arrival (RFC 9293 §3.10.7): one file a step of §3.10.7.4, called in the RFC's order.
//! Steps say what shall happen; it is applied here.

mod ack;
pub(super) mod closed;
mod fin;
mod reset;
mod sequence;
mod syn;
mod syn_sent;
mod text;
mod urgent;

pub(super) use sequence::{acceptable, is_old};

use super::conn::{Conn, Done};
use super::output;
use super::segment::Segment;
use super::tcb::{AckNeed, State};
use crate::counters::count;
use crate::discard::Discard;
use crate::socket::SocketFault;
use danja_wire::tcp::{Flags, Header};

/// What a step wants to happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// Go on with the next step.
    Continue,
    /// Drop the segment.
    Discard(Discard),
    /// Answer <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> and drop the segment.
    Acknowledge(Discard),
    /// The same within the limit of challenge ACKs (RFC 5961 §7).
    Challenge(Discard),
    /// Answer <SEQ=SEG.ACK><CTL=RST> and drop the segment.
    Reset(Discard),
    /// The connection is over without a segment.
    End(Option<SocketFault>),
    /// The connection is over: answer <SEQ=SEG.ACK><CTL=RST>.
    Abort(Discard),
    /// TIME-WAIT begins.
    TimeWait,
}

type Check = fn(&mut Conn<'_>, &mut Segment<'_>) -> Step;

/// RFC 9293 §3.10.7.4, first to eighth; the third (security and compartment) is not spoken.
const STEPS: [Check; 7] = [
    sequence::check,
    reset::check,
    syn::check,
    ack::check,
    urgent::check,
    text::process,
    fin::check,
];

/// A segment for a connection that has a control block.
pub(super) fn on_segment(conn: &mut Conn<'_>, segment: &mut Segment<'_>) {
    let totals = &mut conn.tcb.totals;
    totals.segments_in = totals.segments_in.saturating_add(u64::from(segment.wire_segments()));
    let step = if conn.tcb.state == State::SynSent {
        syn_sent::input(conn, segment)
    } else {
        run(conn, segment, &STEPS)
    };
    apply(conn, segment, step);
}

/// Runs steps until one does not continue.
fn run(conn: &mut Conn<'_>, segment: &mut Segment<'_>, steps: &[Check]) -> Step {
    for step in steps {
        match step(conn, segment) {
            Step::Continue => {}
            other => return other,
        }
    }
    Step::Continue
}

/// The steps after the fifth, for a segment that has just synchronized the connection.
fn run_from_urgent(conn: &mut Conn<'_>, segment: &mut Segment<'_>) -> Step {
    run(conn, segment, &[urgent::check, text::process, fin::check])
}

fn apply(conn: &mut Conn<'_>, segment: &Segment<'_>, step: Step) {
    match step {
        Step::Continue => {}
        Step::Discard(reason) => conn.core.discard(reason),
        Step::Acknowledge(reason) => {
            conn.core.discard(reason);
            conn.owe_ack(AckNeed::Now);
        }
        Step::Challenge(reason) => {
            conn.core.discard(reason);
            challenge(conn);
        }
        Step::Reset(reason) => {
            conn.core.discard(reason);
            reset(conn, segment);
        }
        Step::End(fault) => conn.end(fault),
        Step::Abort(reason) => {
            conn.core.discard(reason);
            reset(conn, segment);
            conn.end(None);
        }
        Step::TimeWait => {
            // FIN-WAIT-2 of an orphan may have begun, and ended, with this segment.
            if conn.done != Done::Closed {
                conn.done = Done::TimeWait;
            }
        }
    }
}

fn reset(conn: &mut Conn<'_>, segment: &Segment<'_>) {
    let header = Header { sequence: segment.ack, flags: Flags::RST, ..Header::default() };
    let options = conn.tcb.options.get();
    let (interface, marks) = (options.interface, (options.ttl, options.tos));
    let ends = (conn.tcb.local, conn.tcb.remote);
    output::send_bare(conn.core, ends, interface, marks, header);
}

/// A challenge ACK, if this connection has not had too many this second.
fn challenge(conn: &mut Conn<'_>) {
    let (now, limit) = (conn.core.now, conn.core.config.tcp.challenge_acks_per_second);
    let (second, challenges) = &mut conn.tcb.rare_mut().challenges;
    if may_challenge(second, challenges, now, limit) {
        count(&mut conn.core.counters.tcp_challenge_ack);
        conn.owe_ack(AckNeed::Now);
    } else {
        conn.core.discard(Discard::TcpChallengeLimited);
    }
}

// RFC 5961 §7: challenge ACKs are limited; per connection, since a limit shared by connections
// tells one peer about another (CVE-2016-5696).
pub(super) fn may_challenge(
    second: &mut danja_wire::Instant,
    challenges: &mut u32,
    now: danja_wire::Instant,
    limit: u32,
) -> bool {
    if now.saturating_since(*second) >= core::time::Duration::from_secs(1) {
        *second = now;
        *challenges = 0;
    }
    *challenges = challenges.saturating_add(1);
    *challenges <= limit
}
