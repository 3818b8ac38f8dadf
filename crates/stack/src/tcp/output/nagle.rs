//! Whether a segment smaller than a full one may go now: Nagle's algorithm (RFC 9293 §3.7.4,
//! RFC 896) in Minshall's form, as in Linux, and cork.

use crate::tcp::tcb::Tcb;

/// Whether the last `length` bytes queued may be sent as a small segment.
pub(super) fn permits(tcb: &Tcb, length: u32) -> bool {
    if length == 0 || tcb.fin_queued || tcb.push_out {
        return true;
    }
    let options = tcb.options.get();
    if options.cork || tcb.more_coming {
        return false;
    }
    // RFC 9293 §3.7.4 (MUST-17): an application can turn the algorithm off. Otherwise a small
    // segment waits while another one is not acknowledged.
    options.no_delay || !(tcb.snd_sml.gt(tcb.snd_una) && tcb.snd_sml.le(tcb.snd_nxt))
}
