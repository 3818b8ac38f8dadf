//! The program's host on a device of the machine: its address given, or asked for (DHCP).

use super::builtin::{PROGRAM, address, mac_of};
use super::plan::Plan;
use crate::failure::Failure;
use crate::output::talk;
use danja::Host;
use danja::lan::packet::PacketSocket;
use danja::lan::tap::Tap;
use danja::lan::{Adapter, MacAddress, SmallerMtu};
use danja_wire::ip::Cidr;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// How long a network may take to lend an address: three questions, and the probes for it.
const LEASE: Duration = Duration::from_secs(40);

impl Plan<'_> {
    /// The program's host on a TAP device.
    pub(super) fn on_tap(&self, name: &str, device: &str) -> Result<Host, Failure> {
        let mac = self.mac_on(device)?;
        let ours = self.args.tap.address.unwrap_or_else(|| address(PROGRAM));
        let adapter = Tap::open(device, mac)
            .map_err(|error| Failure::new(error.advice(across(ours, self.args.tap.via))))?;
        self.on_device(name, device, adapter, "tap")
    }

    /// The program's host beside the machine's own on one of its network interfaces.
    pub(super) fn on_nic(&self, name: &str, device: &str) -> Result<Host, Failure> {
        let adapter = PacketSocket::open(device, self.mac_on(device)?).map_err(Failure::new)?;
        self.on_device(name, device, adapter, "nic")
    }

    /// The hardware address of the program's host there.
    fn mac_on(&self, device: &str) -> Result<MacAddress, Failure> {
        match self.args.tap.address.map(Cidr::address) {
            Some(IpAddr::V4(address)) => Ok(mac_of(address)),
            Some(IpAddr::V6(_)) => Err(Failure::new("--address takes an IPv4 address")),
            None => Ok(mac_beside(device)),
        }
    }

    fn on_device(
        &self,
        name: &str,
        device: &str,
        adapter: impl Adapter + 'static,
        kind: &str,
    ) -> Result<Host, Failure> {
        let tap = &self.args.tap;
        let own = adapter.capabilities().mtu;
        let mtu = tap.mtu.unwrap_or(own);
        if mtu > own {
            return Err(Failure::new(format_args!(
                "{device} carries packets of {own} bytes, not of {mtu}: write --mtu {own} or less, \
                 or, for more:\n  sudo ip link set {device} mtu {mtu}"
            )));
        }
        let adapter = SmallerMtu::new(adapter, mtu);
        let mut builder = self.on_link(name, adapter, tap.address, &format!("{kind} {device}"));
        if let Some(gateway) = tap.via {
            builder = builder.gateway(gateway);
        }
        if let Some(server) = tap.dns {
            builder = builder.dns(server);
        }
        if !tap.dhcp {
            return builder.build().map_err(Failure::new);
        }
        let host = builder.dhcp().build().map_err(Failure::new)?;
        talk(&format!("asking for an address on {device} (DHCP)"));
        let lease = host.wait_for_lease(LEASE).map_err(|error| {
            Failure::new(format_args!(
                "{error}. Is there a DHCP server on the other side of {device}? --address A/P \
                 does without"
            ))
        })?;
        let from = format!("has {} from {}", lease.address, lease.server);
        talk(&match lease.duration {
            Some(time) => format!("{from}, for {} s", time.as_secs()),
            None => from,
        });
        Ok(host)
    }
}

/// The kernel's address at the other end of a cable: the router's, if it is on the same network,
/// else the first that is free there.
fn across(ours: Cidr, via: Option<IpAddr>) -> Cidr {
    let network = ours.network();
    let free = match network.address() {
        IpAddr::V4(base) if ours.prefix_len() < 31 => {
            let host = |number| Ipv4Addr::from(u32::from(base).wrapping_add(number));
            let first = IpAddr::V4(host(1));
            if first == ours.address() { IpAddr::V4(host(2)) } else { first }
        }
        other => other,
    };
    let router = via.filter(|router| network.contains(*router));
    Cidr::new(router.unwrap_or(free), ours.prefix_len()).unwrap_or(ours)
}

/// A hardware address for the stack's end of a device, told from the kernel's own end, so that a
/// DHCP server knows the program again while the device lives.
fn mac_beside(device: &str) -> MacAddress {
    let read = std::fs::read_to_string(format!("/sys/class/net/{device}/address"));
    let kernel = read.ok().and_then(|text| text.trim().parse::<MacAddress>().ok());
    // In a network namespace the files may be those of another: then it is one of its own.
    let mut mac = kernel.unwrap_or_else(|| {
        let [.., a, b, c, d, e, f] = RandomState::new().build_hasher().finish().to_be_bytes();
        MacAddress([a, b, c, d, e, f])
    });
    // Locally administered, one station's, and not the kernel's.
    mac.0[0] = mac.0[0] & !1 | 2;
    mac.0[5] ^= 0x80;
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_address_lies_on_the_same_network() {
        let across = |ours: &str, via: Option<&str>| {
            across(ours.parse().unwrap(), via.map(|via| via.parse().unwrap())).to_string()
        };
        assert_eq!(across("10.9.0.2/24", None), "10.9.0.1/24");
        assert_eq!(across("10.9.0.1/24", None), "10.9.0.2/24");
        assert_eq!(across("10.9.0.2/24", Some("10.9.0.254")), "10.9.0.254/24");
        assert_eq!(across("10.9.0.2/24", Some("10.8.0.1")), "10.9.0.1/24");
    }
}
