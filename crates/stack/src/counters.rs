//! Counters by Linux's names (`nstat`), and discards by their own.

use crate::discard::Discard;

macro_rules! counters {
    ($($field:ident $name:literal $doc:literal,)*) => {
        /// What was counted since the stack was made. Names are those of Linux's
        /// `/proc/net/snmp` and `/proc/net/netstat`.
        #[non_exhaustive]
        #[derive(Clone, Debug)]
        pub struct Counters {
            $(#[doc = $doc] pub $field: u64,)*
            discards: [u64; Discard::ALL.len()],
        }

        impl Counters {
            pub(crate) const fn new() -> Self {
                Self { $($field: 0,)* discards: [0; Discard::ALL.len()] }
            }

            /// Linux's name and the value of each counter.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($name, self.$field),)*].into_iter()
            }
        }
    };
}

counters! {
    ip_in_receives "IpInReceives" "IP packets received.",
    ip_in_delivers "IpInDelivers" "IP packets handed to a transport.",
    ip_out_requests "IpOutRequests" "IP packets sent.",
    ip_in_hdr_errors "IpInHdrErrors" "IP packets with a wrong header.",
    ip_in_addr_errors "IpInAddrErrors" "IP packets with an address that is wrong or not ours.",
    ip_out_no_routes "IpOutNoRoutes" "Packets for which there was no route.",
    ip_reasm_timeout "IpReasmTimeout" "Datagrams whose reassembly took too long.",
    ip_reasm_reqds "IpReasmReqds" "Fragments received.",
    ip_reasm_oks "IpReasmOKs" "Datagrams put together.",
    ip_reasm_fails "IpReasmFails" "Datagrams whose reassembly failed.",
    ip_frag_oks "IpFragOKs" "Datagrams fragmented.",
    ip_frag_creates "IpFragCreates" "Fragments made.",
    ip_frag_fails "IpFragFails" "Datagrams that had to be fragmented and might not.",
    icmp_in_msgs "IcmpInMsgs" "ICMP messages received.",
    icmp_in_echos "IcmpInEchos" "Echo requests received.",
 icmp_in_echo_reps "IcmpInEchoReps" "Echo replies received.",
    icmp_in_dest_unreachs "IcmpInDestUnreachs" "Destination unreachable messages received.",
    icmp_in_time_excds "IcmpInTimeExcds" "Time exceeded messages received.",
    icmp_in_parm_probs "IcmpInParmProbs" "Parameter problem messages received.",
    icmp_in_src_quenchs "IcmpInSrcQuenchs" "Source quenches received (and ignored).",
    icmp_in_redirects "IcmpInRedirects" "Redirects received.",
    icmp_out_dest_unreachs "IcmpOutDestUnreachs" "Destination unreachable messages sent.",
    icmp_out_time_excds "IcmpOutTimeExcds" "Time exceeded messages sent.",
    icmp_out_parm_probs "IcmpOutParmProbs" "Parameter problem messages sent.",
    icmp_in_errors "IcmpInErrors" "ICMP messages received that were wrong.",
    icmp_out_msgs "IcmpOutMsgs" "ICMP messages sent.",
    icmp_out_echo_reps "IcmpOutEchoReps" "Echo replies sent.",
    udp_in_datagrams "UdpInDatagrams" "Datagrams delivered.",
    udp_out_datagrams "UdpOutDatagrams" "Datagrams sent.",
    udp_no_ports "UdpNoPorts" "Datagrams to a port nobody listens on.",
    udp_in_errors "UdpInErrors" "Datagrams received that were wrong.",
    udp_rcvbuf_errors "UdpRcvbufErrors" "Datagrams lost to a full queue.",
    tcp_active_opens "TcpActiveOpens" "Connections opened by us.",
    tcp_passive_opens "TcpPassiveOpens" "Connections opened by peers.",
    tcp_attempt_fails "TcpAttemptFails" "Connections that failed in SYN-SENT or SYN-RECEIVED.",
    tcp_estab_resets "TcpEstabResets" "Established connections that were reset.",
    tcp_curr_estab "TcpCurrEstab" "Connections in ESTABLISHED or CLOSE-WAIT now.",
    tcp_in_segs "TcpInSegs" "Segments received.",
    tcp_out_segs "TcpOutSegs" "Segments sent, but for those with retransmitted data only.",
    tcp_retrans_segs "TcpRetransSegs" "Segments retransmitted.",
    tcp_in_errs "TcpInErrs" "Segments received that were wrong.",
    tcp_out_rsts "TcpOutRsts" "RST segments sent.",
    tcp_timeouts "TcpExtTCPTimeouts" "Retransmission time-outs.",
    tcp_fast_retrans "TcpExtTCPFastRetrans" "Fast retransmissions.",
    tcp_sack_recovery "TcpExtTCPSackRecovery" "Recoveries with SACK.",
    tcp_reno_recovery "TcpExtTCPRenoRecovery" "Recoveries without SACK.",
    tcp_spurious_rtos "TcpExtTCPSpuriousRTOs" "Time-outs found to be spurious.",
    tcp_ofo_queue "TcpExtTCPOFOQueue" "Segments queued out of order.",
    tcp_ofo_merge "TcpExtTCPOFOMerge" "Out-of-order segments that overlapped what was there.",
    tcp_dsack_old_sent "TcpExtTCPDSACKOldSent" "D-SACKs sent for old data.",
    tcp_dsack_ofo_sent "TcpExtTCPDSACKOfoSent" "D-SACKs sent for out-of-order data.",
    tcp_dsack_recv "TcpExtTCPDSACKRecv" "D-SACKs received.",
    tcp_challenge_ack "TcpExtTCPChallengeACK" "Challenge ACKs sent.",
    tcp_syn_challenge "TcpExtTCPSYNChallenge" "Challenge ACKs sent for a SYN.",
    tcp_listen_overflows "TcpExtListenOverflows" "Handshakes lost to a full accept queue.",
    tcp_listen_drops "TcpExtListenDrops" "SYNs a listener dropped.",
    tcp_syncookies_sent "TcpExtSyncookiesSent" "SYN cookies sent.",
    tcp_syncookies_recv "TcpExtSyncookiesRecv" "SYN cookies that came back.",
    tcp_syncookies_failed "TcpExtSyncookiesFailed" "SYN cookies that were wrong.",
    tcp_time_wait "TcpExtTW" "Connections that ended TIME-WAIT by time.",
    tcp_time_wait_recycled "TcpExtTWRecycled" "TIME-WAIT records reused for a new connection.",
    tcp_time_wait_overflow "TcpExtTCPTimeWaitOverflow" "TIME-WAIT records given up.",
    tcp_abort_on_close "TcpExtTCPAbortOnClose" "Resets because a socket was closed with unread data.",
    tcp_abort_on_data "TcpExtTCPAbortOnData" "Resets because data came after close.",
    tcp_abort_on_timeout "TcpExtTCPAbortOnTimeout" "Connections given up by time-out.",
    tcp_abort_on_linger "TcpExtTCPAbortOnLinger" "Resets by linger.",
    tcp_keep_alive "TcpExtTCPKeepAlive" "Keep-alive probes sent.",
    tcp_delayed_acks "TcpExtDelayedACKs" "Delayed acknowledgements sent.",
    tcp_paws_estab "TcpExtPAWSEstab" "Segments discarded for an old timestamp.",
    tcp_win_probe "TcpExtTCPWinProbe" "Zero-window probes sent.",
    tcp_rcv_pruned "TcpExtRcvPruned" "Times out-of-order data was pruned.",
    arp_requests_sent "ArpRequestsSent" "ARP requests sent.",
    arp_replies_sent "ArpRepliesSent" "ARP replies sent.",
    arp_received "ArpReceived" "ARP packets received.",
    clock_backwards "ClockBackwards" "Times the caller's clock went back (it was clamped).",
    not_this_shard "NotThisShard" "Packets for another shard.",
}

impl Counters {
    /// Counts a discarded packet.
    pub(crate) fn discard(&mut self, reason: Discard) {
        if let Some(count) = self.discards.get_mut(reason as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// How many packets were discarded for a reason.
    pub fn discarded(&self, reason: Discard) -> u64 {
        self.discards.get(reason as usize).copied().unwrap_or(0)
    }

    /// Every reason and how often it was met.
    pub fn discards(&self) -> impl Iterator<Item = (Discard, u64)> {
        Discard::ALL.iter().map(|reason| (*reason, self.discarded(*reason)))
    }
}

/// Adds one to a counter.
pub(crate) const fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
