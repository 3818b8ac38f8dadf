//! LANs of several programs: a process of its own has the switch and the router, behind a UNIX
//! socket in the user's runtime directory; commands join it with their hosts. Carries no frame.
//!
//! - [`hello`]: what a command and a LAN's process say to each other before frames pass
//! - [`client`]: finding a LAN's process, starting it on demand, and asking it
//! - [`process`]: the LAN's process
//! - [`hosts`]: `danja hosts`

pub(crate) mod client;
pub(crate) mod hello;
pub(crate) mod hosts;
mod members;
pub(crate) mod process;

use crate::network::{PREFIX, ROUTER};
use danja_lan::MacAddress;
use danja_wire::ip::Cidr;
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// The sockets of LANs in the runtime directory are called so.
const KIND: &str = "lan";

/// A LAN's or a host's name: letters, digits and hyphens, as in a DNS label.
pub(crate) fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let edge = text.starts_with('-') || text.ends_with('-');
    if text.is_empty() || text.len() > 32 || edge || !text.chars().all(fits) {
        return Err(format!(
            "\u{2018}{text}\u{2019} cannot be a name: up to 32 letters, digits and hyphens, \
             such as web-1"
        ));
    }
    Ok(text.to_ascii_lowercase())
}

/// An address of a LAN with its prefix.
fn on_lan(address: Ipv4Addr) -> Option<Cidr> {
    Cidr::new(IpAddr::V4(address), PREFIX)
}

/// Whether a host may have this address: it is on the LAN, and nobody's by its nature.
fn may_have(address: Ipv4Addr) -> bool {
    let [.., last] = address.octets();
    let network = on_lan(ROUTER).is_some_and(|lan| lan.contains(IpAddr::V4(address)));
    // The network, the router, the machine, all hosts.
    network && !matches!(last, 0 | 2 | 3 | 255)
}

/// A hardware address that is written in text.
fn mac(text: &str) -> io::Result<MacAddress> {
    text.parse().map_err(|_| io::ErrorKind::InvalidData.into())
}

/// The lock under which a LAN's process is started, and ends. Held while the file is open.
fn lock_file(socket: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).write(true).open(socket.with_extension("lock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels() {
        assert_eq!(name("Web-1").unwrap(), "web-1");
        for wrong in ["", "-a", "a-", "a b", "a/b", "../x", "ü", &"x".repeat(33)] {
            assert!(name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn some_addresses_are_nobodys() {
        let may = |last| may_have(Ipv4Addr::new(10, 0, 2, last));
        assert!(may(1) && may(15) && may(254));
        assert!(![0, 2, 3, 255].into_iter().any(may));
        assert!(!may_have(Ipv4Addr::new(10, 0, 3, 15)));
    }
}
