//! Sets a namespace's network up from outside, by what its first process opened there: a device
//! with the host's own addresses and routes, and a resolv.conf with its DNS servers.

use super::device::Device;
use super::discarded::Discarded;
use super::pump;
use super::resolver;
use super::rtnetlink::Routes;
use super::split::{Outward, Split};
use super::tcp::{BACKLOG, Continued};
use super::worker::Worker;
use crate::sys::namespace::Descriptors;
use danja::Host;
use danja::stack::InterfaceId;
use danja_lan::{Adapter, MacAddress, packet, tap};
use rustix::fd::{AsFd, OwnedFd};
use std::fmt::Write;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The device's name in the namespace, as the host's own interface is called.
const NAME: &str = "lan0";
/// Likewise of the other end of a pair, in a namespace between.
const FAR: &str = "far0";
/// The hardware address of the program's end of a pair; nobody asks for it.
const NEAR: [u8; 6] = [2, 0, 10, 0, 2, 15];
/// `lo` is the first interface of every namespace.
const LOOPBACK: u32 = 1;
/// Towards the program the inner host needs any route at all; this network is nobody's.
const ANYWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// What the program's kernel sends into.
enum Kind {
    /// A TUN device.
    Tun(OwnedFd),
    /// A pair of Ethernet interfaces, whose far end is read by a packet socket.
    Pair {
        packet: OwnedFd,
        /// A netlink socket of the namespace between.
        far: OwnedFd,
        /// The program's namespace.
        network: OwnedFd,
    },
}

/// What was opened in a namespace.
pub(crate) struct Equipment {
    routes: OwnedFd,
    kind: Kind,
    resolv: Option<OwnedFd>,
    /// Where there is no resolv.conf: a UDP socket of the namespace.
    resolver: Option<OwnedFd>,
}

impl Equipment {
    /// `None` if something is missing.
    pub(crate) fn new(mut opened: [Option<OwnedFd>; Descriptors::COUNT]) -> Option<Self> {
        let mut take = |place: usize| opened.get_mut(place).and_then(Option::take);
        let routes = take(Descriptors::ROUTES)?;
        let kind = match take(Descriptors::TUN) {
            Some(tun) => Kind::Tun(tun),
            None => Kind::Pair {
                packet: take(Descriptors::PACKET)?,
                far: take(Descriptors::FAR_ROUTES)?,
                network: take(Descriptors::NETWORK)?,
            },
        };
        let (resolv, resolver) = (take(Descriptors::RESOLV), take(Descriptors::RESOLVER));
        Some(Self { routes, kind, resolv, resolver })
    }

    /// Whether a pair of interfaces takes a TUN device's place.
    pub(crate) const fn is_pair(&self) -> bool {
        matches!(self.kind, Kind::Pair { .. })
    }

    /// Makes the device, and lets it go.
    ///
    /// # Errors
    /// What the system refused.
    pub(crate) fn try_device(self) -> io::Result<()> {
        open(self.kind, &Routes::new(self.routes)?, 1500, None).map(drop)
    }

    /// Gives the namespace the addresses, routes and DNS servers of `host` on `interface`.
    ///
    /// # Errors
    /// What the system refused.
    pub(crate) fn connect(self, host: &Host, interface: InterfaceId) -> io::Result<Connected> {
        let view = host.interfaces().into_iter().find(|it| it.id == interface);
        let view = view.ok_or(io::ErrorKind::NotFound)?;
        let mtu = u32::try_from(view.mtu).ok();
        let routes = Routes::new(self.routes)?;
        routes.up(LOOPBACK, None, true)?;
        let (device, index) = open(self.kind, &routes, view.mtu, mtu)?;
        for address in &view.addresses {
            if let (IpAddr::V4(v4), prefix) = (address.address(), address.prefix_len()) {
                routes.add_address(index, v4, prefix)?;
            }
        }
        for route in host.routes().into_iter().filter(|route| route.interface == interface) {
            let Some(IpAddr::V4(gateway)) = route.gateway else { continue };
            if let IpAddr::V4(to) = route.destination.address() {
                routes.add_route(index, (to, route.destination.prefix_len()), Some(gateway))?;
            }
        }
        if let Some(file) = self.resolv {
            write_all(&file, resolv_conf(host).as_bytes())?;
        }
        let resolver = self.resolver.map(|socket| resolver::start(socket, host)).transpose()?;
        let device = Device::new(device)?;
        let discarded = Discarded::default();
        Ok(Connected {
            device,
            resolver,
            outward: Outward { host: host.clone(), interface, discarded },
        })
    }
}

/// Makes the device, with its end in the namespace up; that end's number.
fn open(
    kind: Kind,
    routes: &Routes,
    size: usize,
    mtu: Option<u32>,
) -> io::Result<(Box<dyn Adapter>, u32)> {
    match kind {
        Kind::Tun(tun) => {
            let adapter = tap::Builder::tun(NAME).create(tun, size).map_err(io::Error::other)?;
            let index = routes.index(NAME)?;
            routes.up(index, mtu, false)?;
            Ok((Box::new(adapter), index))
        }
        Kind::Pair { packet, far, network } => {
            let far = Routes::new(far)?;
            far.pair(FAR, NAME, NEAR, network.as_fd())?;
            let index = routes.index(NAME)?;
            routes.up(index, mtu, false)?;
            far.up(far.index(FAR)?, mtu, false)?;
            let opened = packet::Builder::ip(FAR, MacAddress(NEAR)).descriptor(packet).open();
            Ok((Box::new(opened.map_err(io::Error::other)?), index))
        }
    }
}

fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = rustix::io::write(file, bytes)?;
        bytes = bytes.get(count..).unwrap_or_default();
    }
    Ok(())
}

/// resolv.conf(5), as the host's resolver is set up.
fn resolv_conf(host: &Host) -> String {
    let mut text = String::new();
    host.configure_resolver(|settings| {
        for server in settings.servers.iter().map(SocketAddr::ip) {
            let _ = writeln!(text, "nameserver {server}");
        }
        if !settings.search.is_empty() {
            let _ = writeln!(text, "search {}", settings.search.join(" "));
        }
    });
    text
}

/// A namespace with its network, which nothing carries packets for yet.
pub(crate) struct Connected {
    device: Device,
    outward: Outward,
    resolver: Option<Worker>,
}

impl Connected {
    /// Begins to carry packets. `continues`: TCP is the program's kernel's, and goes on by sockets
    /// of the host.
    ///
    /// # Errors
    /// No threads or descriptors are to be had.
    pub(crate) fn start(self, continues: bool) -> io::Result<Under> {
        let Self { device, outward, resolver } = self;
        let continued = if continues {
            let adapter = Split::new(device.clone(), outward.clone());
            Some(Continued::start(inner(adapter)?, &outward.host)?)
        } else {
            None
        };
        let discarded = outward.discarded.clone();
        let pump = pump::start(device, outward, !continues)?;
        Ok(Under { discarded, _pump: pump, continued, _resolver: resolver })
    }
}

/// The host that is everybody towards the program's kernel.
fn inner(adapter: Split) -> io::Result<Host> {
    let mut config = danja::Config::default();
    // All its clients have one address.
    config.limits.pending = BACKLOG;
    config.limits.pending_per_source = BACKLOG;
    Host::builder()
        .name("inner")
        .adapter(adapter)
        .any_address()
        .gateway(IpAddr::V4(ANYWHERE))
        .config(config)
        .build()
}

/// Carries packets between a namespace and a host until it is dropped.
pub(crate) struct Under {
    pub(crate) discarded: Discarded,
    _pump: Worker,
    continued: Option<Continued>,
    _resolver: Option<Worker>,
}

impl Under {
    /// After the program's end: what it has sent goes on to the host.
    pub(crate) fn drain(&self) {
        if let Some(continued) = &self.continued {
            continued.drain();
        }
    }
}
