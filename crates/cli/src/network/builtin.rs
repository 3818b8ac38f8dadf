//! The built-in LAN: the program's host, and the router, on a switch in the process.

use super::plan::Plan;
use crate::failure::Failure;
use crate::output::talk;
use danja::Host;
use danja::lan::{
    MacAddress,
    cable::{Switch, SwitchConfig},
};
use danja_gateway::{Gateway, Lan};
use danja_wire::ip::Cidr;
use std::net::{IpAddr, Ipv4Addr};

/// The built-in LAN's router.
pub(crate) const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
/// The program's host on the built-in LAN.
pub(crate) const PROGRAM: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// The built-in LAN's prefix length.
pub(crate) const PREFIX: u8 = 24;

impl Plan<'_> {
    /// The LAN in the process: the program's host, and the router.
    pub(super) fn built_in(
        &self,
        name: &str,
        lan: &Lan,
    ) -> Result<(Host, Option<Gateway>), Failure> {
        let mut limits = SwitchConfig::default();
        if let Some(mtu) = self.args.tap.mtu {
            limits = limits.with_mtu(mtu);
        }
        let switch = Switch::with_config(limits);
        let cable = "cable";
        let port = switch.port(mac_of(ROUTER));
        let router =
            danja_gateway::router(self.host("danja", "lan0", port, Some(address(ROUTER)), cable))
                .build()
                .map_err(Failure::new)?;
        let gateway = Gateway::builder(router, lan).notices(|text| talk(&format!("danja: {text}")));
        let permissions = self.args.gateway.permissions();
        let gateway = gateway.permissions(permissions).start().map_err(Failure::new)?;
        let port = switch.port(mac_of(PROGRAM));
        let host = self
            .on_link(name, port, Some(address(PROGRAM)), cable)
            .dns(IpAddr::V4(ROUTER))
            .gateway(IpAddr::V4(ROUTER))
            .build()
            .map_err(Failure::new)?;
        // What the machine finds unreachable is so, for our program as for its others.
        host.configure(|config| config.tcp.soft_errors_end_opening = true);
        Ok((host, Some(gateway)))
    }
}

/// An address of the built-in LAN with its prefix. The length is a constant in range.
pub(crate) fn address(address: Ipv4Addr) -> Cidr {
    Cidr::new(IpAddr::V4(address), PREFIX).unwrap_or_else(|| Cidr::host(IpAddr::V4(address)))
}

/// A locally administered hardware address, told from the IP address: easy to read in a capture.
pub(crate) fn mac_of(address: Ipv4Addr) -> MacAddress {
    let [a, b, c, d] = address.octets();
    MacAddress([2, 0, a, b, c, d])
}
