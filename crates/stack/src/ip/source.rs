//! Which of our addresses a packet is sent from (RFC 6724 §5), of an interface's candidates.

use core::net::IpAddr;
use danja_wire::ip::Cidr;

/// The best of `candidates` for `destination` by `next_hop`; of equals, the first.
pub(super) fn select(
    candidates: impl Iterator<Item = Cidr>,
    destination: IpAddr,
    next_hop: IpAddr,
) -> Option<IpAddr> {
    let rank = |cidr: &Cidr| {
        let address = cidr.address();
        // RFC 6724 §5, Rule 1: prefer the same address.
        let same = address == destination;
        // Rule 2: prefer appropriate scope: the smallest that reaches the destination.
        let (ours, theirs) = (scope(address), scope(destination));
        let reaches = ours >= theirs;
        let nearness = if reaches { u8::MAX.saturating_sub(ours) } else { ours };
        // Rule 5.5: prefer addresses of the next hop's own network (IPv4 has no advertisements; the
        // network says the same).
        let beside = cidr.contains(next_hop);
        // Rule 8: longest matching prefix, as far as our own prefix goes (§2.2).
        let common = common_prefix(address, destination).min(cidr.prefix_len());
        (same, reaches, nearness, beside, common)
    };
    candidates
        .filter(|cidr| cidr.address().is_ipv4() == destination.is_ipv4())
        .fold(None, |best: Option<Cidr>, next| match best {
            Some(best) if rank(&best) >= rank(&next) => Some(best),
            _ => Some(next),
        })
        .map(Cidr::address)
}

/// RFC 6724 §3.1, §3.2: link-local 2, global 14 (private addresses are global here).
fn scope(address: IpAddr) -> u8 {
    const LINK_LOCAL: u8 = 2;
    const GLOBAL: u8 = 14;
    let local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_loopback(),
    };
    if local { LINK_LOCAL } else { GLOBAL }
}

fn common_prefix(a: IpAddr, b: IpAddr) -> u8 {
    let bits = match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        _ => 0,
    };
    u8::try_from(bits).unwrap_or(u8::MAX)
}
