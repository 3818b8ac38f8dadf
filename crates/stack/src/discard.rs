//! Why a packet was not used: every packet is consumed, answered, handed out, or counted here.

macro_rules! discards {
    ($($variant:ident $name:literal $fault:literal $doc:literal,)*) => {
        /// A named reason for which a packet was discarded.
        #[non_exhaustive]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum Discard {
            $(#[doc = $doc] $variant,)*
        }

        impl Discard {
            /// All reasons, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name under which it is counted.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether it tells of a failure (a limit, a broken peer), rather than of ordinary
            /// traffic that was not for us.
            pub const fn is_failure(self) -> bool {
                match self { $(Self::$variant => $fault,)* }
            }
        }
    };
}

discards! {
    LinkTruncated "link_truncated" true "A frame shorter than its link header.",
    LinkOtherHost "link_other_host" false "A frame to another hardware address.",
    LinkUnknownType "link_unknown_type" false "A frame of an unknown EtherType.",
    VlanUnknown "vlan_unknown" false "A frame of a VLAN that no interface is on.",
    VlanNested "vlan_nested" false "A frame with a tag inside a tag (IEEE 802.1ad).",
    InterfaceDown "interface_down" true "The interface is down, or its link is.",
    NoSuchInterface "no_such_interface" true "A frame for an interface the stack does not have.",
    ArpMalformed "arp_malformed" true "An ARP packet with wrong types, lengths or addresses.",
    ArpNotForUs "arp_not_for_us" false "An ARP packet that is about other hosts.",
    ArpConflict "arp_conflict" true "An ARP packet of a station that uses one of our addresses (RFC 5227).",
    ArpUntrusted "arp_untrusted" true "An ARP packet that would overwrite a freshly confirmed neighbour.",
    IpMalformed "ip_malformed" true "An IP header with wrong version, length or options.",
    IpChecksum "ip_checksum" true "An IP header whose checksum is wrong.",
    IpBadSource "ip_bad_source" true "A source address no single host can have, or one of ours from outside.",
    IpBadDestination "ip_bad_destination" true "A destination address that cannot be on a wire.",
    IpNotForUs "ip_not_for_us" false "A packet to an address that is not ours.",
    IpSourceRoute "ip_source_route" true "A packet with a source route (RFC 7126).",
    IpLinkBroadcast "ip_link_broadcast" true "A unicast packet in a broadcast frame (RFC 1122 §3.3.6).",
    IpUnknownProtocol "ip_unknown_protocol" false "A protocol that no socket takes.",
    IpVersion6 "ip_version_6" false "An IPv6 packet on a stack that speaks IPv4.",
    FragmentMalformed "fragment_malformed" true "A fragment of odd length or past 65,535 bytes.",
    FragmentOverlap "fragment_overlap" true "A datagram whose fragments overlap with other bytes.",
    FragmentEcn "fragment_ecn" true "A datagram whose fragments' ECN fields contradict each other (RFC 3168 §5.3).",
    FragmentLimit "fragment_limit" true "A reassembly limit was reached.",
    FragmentTimeout "fragment_timeout" true "A datagram whose fragments did not all come in time.",
    IcmpMalformed "icmp_malformed" true "An ICMP message too short or with a wrong checksum.",
    IcmpIgnored "icmp_ignored" false "An ICMP message that asks for nothing (source quench, unknown types).",
    IcmpUnvalidated "icmp_unvalidated" true "An ICMP error whose quote fits no connection or no data in flight.",
    IcmpNoSocket "icmp_no_socket" false "An echo reply that no ping socket waits for.",
    IcmpRateLimited "icmp_rate_limited" true "An ICMP error not sent because of the rate limit.",
    UdpMalformed "udp_malformed" true "A UDP header whose length or checksum is wrong.",
    UdpNoSocket "udp_no_socket" false "A datagram to a port nobody listens on.",
    UdpQueueFull "udp_queue_full" true "A datagram for a socket whose queue is full.",
    TcpMalformed "tcp_malformed" true "A TCP header with wrong lengths.",
    TcpOptions "tcp_options" true "A TCP option of an illegal length (RFC 9293 MUST-7).",
    TcpChecksum "tcp_checksum" true "A TCP segment whose checksum is wrong (RFC 9293 MUST-3).",
    TcpNotUnicast "tcp_not_unicast" true "A TCP segment to a broadcast or multicast address (RFC 9293 MUST-57).",
    TcpNoSocket "tcp_no_socket" false "A segment that belongs to no connection or listener.",
    TcpFlags "tcp_flags" true "A combination of flags that means nothing in this state.",
    TcpSequence "tcp_sequence" true "A segment outside the receive window.",
    TcpAck "tcp_ack" true "An acknowledgement of something never sent, or too old.",
    TcpPaws "tcp_paws" true "An old timestamp (RFC 7323 §5).",
    TcpNoTimestamp "tcp_no_timestamp" true "No timestamp on a connection that agreed on them.",
    TcpSynInWindow "tcp_syn" true "A SYN on a synchronized connection (RFC 5961 §4).",
    TcpReset "tcp_reset" true "A RST that is not at the exact sequence number (RFC 5961 §3), or ignored in TIME-WAIT.",
    TcpChallengeLimited "tcp_challenge_limited" true "A challenge ACK not sent because of the rate limit.",
    TcpAfterClose "tcp_after_close" true "Data for a socket that is closed.",
    TcpBacklog "tcp_backlog" true "A SYN or ACK for a listener whose queue is full.",
    TcpHalfOpenLimit "tcp_half_open_limit" true "A SYN beyond the limit of half-open connections.",
    TcpPendingLimit "tcp_pending_limit" true "A SYN beyond the limit of pending records.",
    TcpMemory "tcp_memory" true "Data for which the memory budget had no room.",
    TcpOutOfOrderLimit "tcp_out_of_order_limit" true "Out-of-order data beyond the limit of ranges.",
    TcpWindowFull "tcp_window_full" true "Data beyond a closed window.",
    TcpTimeWaitLimit "tcp_time_wait_limit" true "A TIME-WAIT record given up for a newer one.",
    TcpLand "tcp_land" true "A SYN whose source is its destination.",
    NeighbourQueueFull "neighbour_queue_full" true "A packet beyond the queue of an unresolved neighbour.",
    NeighbourUnreachable "neighbour_unreachable" true "A packet to a neighbour that does not answer.",
    NeighbourLimit "neighbour_limit" true "A neighbour beyond the limit of the cache.",
    NoRoute "no_route" true "A packet for which there is no route.",
    TooBig "too_big" true "A packet larger than the path MTU that may not be fragmented.",
    ControlQueueFull "control_queue_full" true "A frame of the stack's own beyond the interface's queue.",
    UnclaimedQueueFull "unclaimed_queue_full" true "An unclaimed packet beyond the queue to the application.",
    LoopbackQueueFull "loopback_queue_full" true "A packet beyond the loopback queue.",
}
