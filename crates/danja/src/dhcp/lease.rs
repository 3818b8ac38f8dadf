//! What a server has granted, and until when. Plain data.

use danja_stack::Instant;
use danja_wire::ip::Cidr;
use std::net::Ipv4Addr;
use std::time::Duration;

/// An address that a DHCP server has lent, and what else it said of the network.
#[non_exhaustive]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// The address, with its network.
    pub address: Cidr,
    /// The server that lent it.
    pub server: Ipv4Addr,
    /// Routers, the preferred one first.
    pub routers: Vec<Ipv4Addr>,
    /// DNS servers, the preferred one first.
    pub dns: Vec<Ipv4Addr>,
    /// The domain to search names in.
    pub domain: Option<String>,
    /// The link's MTU, in bytes, if the server named one that can be.
    pub mtu: Option<u16>,
    /// For how long it was lent, from the moment it was asked for; `None` for ever.
    pub duration: Option<Duration>,
    /// T1: when the server will be asked to extend it.
    pub renews: Instant,
    /// T2: when any server will be asked.
    pub rebinds: Instant,
    /// When it ends.
    pub expires: Instant,
}

impl Lease {
    /// A smaller MTU is a mistake or an attack: every host takes 576 bytes (RFC 1122 §3.3.2).
    pub(super) const MIN_MTU: u16 = 576;
}

/// What a server grants, before anybody has looked at a clock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Terms {
    pub(super) address: Cidr,
    /// 0xffffffff is for ever (RFC 2131 §3.3).
    pub(super) seconds: u32,
    /// T1 and T2, if the server chose them.
    pub(super) renewal: Option<u32>,
    pub(super) rebinding: Option<u32>,
    pub(super) routers: Vec<Ipv4Addr>,
    pub(super) dns: Vec<Ipv4Addr>,
    pub(super) domain: Option<String>,
    pub(super) mtu: Option<u16>,
}

impl Terms {
    /// Shorter leases would be nothing but traffic.
    const SHORTEST: u32 = 4;

    /// Whether it is lent for long enough.
    pub(super) const fn is_worth_it(&self) -> bool {
        self.seconds >= Self::SHORTEST
    }

    /// As lent by `server`, asked for at this moment. `random` spreads the renewals of many.
    pub(super) fn lease(&self, server: Ipv4Addr, asked: Instant, random: u64) -> Lease {
        let Self { address, routers, dns, domain, mtu, .. } = self.clone();
        let duration = self.duration();
        let (renews, rebinds) = match duration {
            None => (Instant::MAX, Instant::MAX),
            Some(whole) => {
                let (renewal, rebinding) = self.times(whole, random);
                (asked + renewal, asked + rebinding)
            }
        };
        let expires = duration.map_or(Instant::MAX, |whole| asked + whole);
        Lease { address, server, routers, dns, domain, mtu, duration, renews, rebinds, expires }
    }

    fn duration(&self) -> Option<Duration> {
        (self.seconds != u32::MAX).then(|| Duration::from_secs(u64::from(self.seconds)))
    }

    /// T1 and T2: the server's, if they are in order, or the defaults.
    fn times(&self, whole: Duration, random: u64) -> (Duration, Duration) {
        // RFC 2131 §4.4.5: T1 MUST be earlier than T2, which, in turn, MUST be earlier than the
        // time at which the lease will expire.
        if let (Some(renewal), Some(rebinding)) = (self.renewal, self.rebinding)
            && (1..rebinding).contains(&renewal)
            && rebinding < self.seconds
        {
            let seconds = |count| Duration::from_secs(u64::from(count));
            return (seconds(renewal), seconds(rebinding));
        }
        // RFC 2131 §4.4.5: T1 defaults to (0.5 * duration_of_lease), T2 to (0.875 *
        // duration_of_lease), with some random "fuzz": up to a thirty-second part earlier.
        let fuzz = (whole / 32).mul_f64((random % 1024) as f64 / 1024.0);
        (whole / 2 - fuzz, whole * 7 / 8 - fuzz)
    }
}
