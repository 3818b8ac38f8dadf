//! `ioctl` about interfaces (`netdevice(7)`): those of our host, not of the machine. Changes none.

use super::super::call::Call;
use danja::Host;
use danja::stack::views::InterfaceView;
use danja::stack::{InterfaceId, Medium};
use rustix::io::Errno;
use std::net::{IpAddr, Ipv4Addr};

/// `struct ifreq`: a name, and what is asked about it.
const REQUEST: usize = 40;
const NAME: usize = 16;

const SIOCGIFNAME: u32 = 0x8910;
const SIOCGIFCONF: u32 = 0x8912;
const SIOCGIFFLAGS: u32 = 0x8913;
const SIOCGIFADDR: u32 = 0x8915;
const SIOCGIFDSTADDR: u32 = 0x8917;
const SIOCGIFBRDADDR: u32 = 0x8919;
const SIOCGIFNETMASK: u32 = 0x891b;
const SIOCGIFMETRIC: u32 = 0x891d;
const SIOCGIFMTU: u32 = 0x8921;
const SIOCGIFHWADDR: u32 = 0x8927;
const SIOCGIFINDEX: u32 = 0x8933;
const SIOCGIFTXQLEN: u32 = 0x8942;

/// Linux's kinds of hardware.
const ARPHRD_ETHER: u16 = 1;
const ARPHRD_LOOPBACK: u16 = 772;
const ARPHRD_NONE: u16 = 0xfffe;

/// Answers a request of this range.
pub(super) fn control(host: &Host, call: &Call) -> Result<i64, Errno> {
    let place = call.pointer(2);
    let interfaces = host.interfaces();
    let request = call.number(1) as u32;
    if request == SIOCGIFCONF {
        return list(&interfaces, call);
    }
    let mut asked: [u8; REQUEST] = call.read(place)?;
    let (name, answer) = asked.split_at_mut(NAME);
    if request == SIOCGIFNAME {
        let index = answer.first_chunk().map_or(0, |index| i32::from_ne_bytes(*index));
        let found = interfaces.iter().find(|found| number(found) == index).ok_or(Errno::NODEV)?;
        name.copy_from_slice(&padded(&found.name));
    } else {
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(NAME);
        let found = interfaces.iter().find(|found| found.name.as_bytes() == &name[..end]);
        let bytes = value(found.ok_or(Errno::NODEV)?, request)?;
        answer[..bytes.len()].copy_from_slice(&bytes);
    }
    call.write(place, &asked).map(|()| 0)
}

/// Linux counts from one.
fn number(interface: &InterfaceView) -> i32 {
    i32::from(interface.id.0) + 1
}

fn padded(name: &str) -> [u8; NAME] {
    let mut bytes = [0; NAME];
    // The last stays zero.
    for (byte, letter) in bytes[..NAME - 1].iter_mut().zip(name.bytes()) {
        *byte = letter;
    }
    bytes
}

/// The first address and its mask.
fn address(interface: &InterfaceView) -> Option<(Ipv4Addr, Ipv4Addr)> {
    interface.addresses.iter().find_map(|cidr| match cidr.address() {
        IpAddr::V4(address) => {
            let host_bits = 32u32.saturating_sub(u32::from(cidr.prefix_len()));
            let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
            Some((address, Ipv4Addr::from_bits(mask)))
        }
        IpAddr::V6(_) => None,
    })
}

/// A `sockaddr_in` without a port.
fn named(address: Ipv4Addr) -> Vec<u8> {
    let family = (libc::AF_INET as u16).to_ne_bytes();
    [&family[..], &[0; 2], &address.octets(), &[0; 8]].concat()
}

fn value(interface: &InterfaceView, request: u32) -> Result<Vec<u8>, Errno> {
    let loopback = interface.id == InterfaceId::LOOPBACK;
    let known = || address(interface).ok_or(Errno::ADDRNOTAVAIL);
    let value = match request {
        SIOCGIFADDR => return known().map(|(address, _)| named(address)),
        // As Linux: one's own, where there is no peer.
        SIOCGIFDSTADDR => return known().map(|(address, _)| named(address)),
        SIOCGIFNETMASK => return known().map(|(_, mask)| named(mask)),
        SIOCGIFBRDADDR if loopback => return Ok(named(Ipv4Addr::UNSPECIFIED)),
        SIOCGIFBRDADDR => {
            let (address, mask) = known()?;
            return Ok(named(Ipv4Addr::from_bits(address.to_bits() | !mask.to_bits())));
        }
        SIOCGIFHWADDR => {
            let (kind, bytes) = match interface.medium {
                _ if loopback => (ARPHRD_LOOPBACK, [0; 6]),
                Medium::Ethernet(address) => (ARPHRD_ETHER, address.0),
                Medium::Ip => (ARPHRD_NONE, [0; 6]),
            };
            return Ok([&kind.to_ne_bytes()[..], &bytes].concat());
        }
        SIOCGIFFLAGS => return Ok(flags(interface).to_ne_bytes().to_vec()),
        SIOCGIFMETRIC => 0,
        SIOCGIFMTU => i32::try_from(interface.mtu).unwrap_or(i32::MAX),
        SIOCGIFINDEX => number(interface),
        SIOCGIFTXQLEN => 1000,
        // To change them takes a privilege.
        _ => return Err(Errno::PERM),
    };
    Ok(value.to_ne_bytes().to_vec())
}

fn flags(interface: &InterfaceView) -> i16 {
    let kind = match interface.medium {
        _ if interface.id == InterfaceId::LOOPBACK => libc::IFF_LOOPBACK,
        Medium::Ethernet(_) => libc::IFF_BROADCAST | libc::IFF_MULTICAST,
        Medium::Ip => libc::IFF_POINTOPOINT | libc::IFF_NOARP | libc::IFF_MULTICAST,
    };
    let up = if interface.up { libc::IFF_UP } else { 0 };
    let running = if interface.up && interface.link { libc::IFF_RUNNING } else { 0 };
    (kind | up | running) as i16
}

/// SIOCGIFCONF: the interfaces that have an address, as many as there is room for.
fn list(interfaces: &[InterfaceView], call: &Call) -> Result<i64, Errno> {
    let place = call.pointer(2);
    let asked: [u8; 16] = call.read(place)?;
    let (room, into) = asked.split_at(8);
    let room = room.first_chunk().map_or(0, |room| i32::from_ne_bytes(*room));
    let into = into.first_chunk().map_or(0, |into| u64::from_ne_bytes(*into));
    let with_address = interfaces.iter().filter_map(|interface| {
        let (address, _) = address(interface)?;
        Some([&padded(&interface.name)[..], &named(address), &[0; 8]].concat())
    });
    let all: Vec<Vec<u8>> = with_address.collect();
    let fit = if into == 0 {
        all.len()
    } else {
        (usize::try_from(room).unwrap_or(0) / REQUEST).min(all.len())
    };
    if into != 0 {
        call.write(into, &all[..fit].concat())?;
    }
    let length = i32::try_from(fit * REQUEST).unwrap_or(i32::MAX);
    call.write(place, &length.to_ne_bytes()).map(|()| 0)
}
