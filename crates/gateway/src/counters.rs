//! What the router has counted. Decides nothing.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($name:ident $doc:literal,)*) => {
        /// Counters of a router, as they were when they were asked for.
        #[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
        #[non_exhaustive]
        pub struct Counters {
            $(#[doc = $doc] pub $name: u64,)*
        }

        impl Counters {
            /// All, with their names.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)*].into_iter()
            }
        }

        /// The same, while they count.
        #[derive(Default, Debug)]
        pub(crate) struct Counting {
            $(pub(crate) $name: Count,)*
        }

        impl Counting {
            pub(crate) fn view(&self) -> Counters {
                Counters { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    tcp_admitted "Connections out of the LAN that the machine's sockets continued.",
    tcp_refused "Connections that their destination, or the machine's routes, refused.",
    tcp_prohibited "Connections that the rules forbid.",
    tcp_no_descriptors "Connections that found no descriptor, memory or port of the machine: their SYN was dropped, and may come again.",
    tcp_withdrawn "Connections that their client gave up before an answer.",
    tcp_reset "Connections that one side broke off; the other was reset.",
    published "Connections to published ports.",
    published_flows "Flows of datagrams to published ports.",
    published_dropped "Datagrams to published ports, and answers to them, that found no room, or nobody.",
    udp_flows "Flows of datagrams out of the LAN.",
    udp_flows_evicted "Flows that gave way to newer ones.",
    udp_prohibited "Datagrams that the rules forbid.",
    udp_dropped "Datagrams that the machine or the LAN had no room for.",
    echo_prohibited "Echo requests that the rules forbid, or for which the machine gives no ping socket.",
    icmp_errors "Errors of the machine's network that were passed on to the LAN.",
    ttl_expired "Packets whose time to live ended in the router.",
    packets_ignored "Packets that no router forwards: to groups, of other protocols, and answers to nobody.",
    dns_local "Questions about the LAN's own names.",
    dns_forwarded "Questions that a resolver of the machine answered.",
    dns_no_resolver "Questions that failed since the machine has no resolver, or the way out is closed.",
    dns_no_answer "Questions that no resolver answered in time.",
    dns_too_many "Questions that failed at once since too many were under way.",
    dhcp_leases "Addresses lent.",
    dhcp_exhausted "Clients that got no address since none was left.",
}

/// One counter.
#[derive(Default, Debug)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
