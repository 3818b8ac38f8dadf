//! The router of the built-in LAN: the way out by the machine's own sockets, published ports, DNS
//! for the LAN's names, and a web page that shows the LAN. An application of the `danja` library;
//! needs no privileges.

mod builder;
mod counters;
mod dhcp;
mod dns;
mod flows;
pub mod http;
pub mod inspect;
mod lan;
mod outside;
pub mod page;
mod publish;
mod reach;
mod stop;

pub use builder::Builder;
pub use counters::Counters;
pub use flows::{FlowKind, FlowState, FlowView};
pub use lan::{Lan, Member};
pub use publish::Published;
pub use reach::{Endpoints, HostAccess, ParseError, Permissions, Ports};
pub use stop::Stop;

use danja::Host;
use danja::net::{SocketOption, UdpSocket};
use outside::DatagramPort;
use publish::Open;
use std::fmt;
use std::io;
use std::net::{self, IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

/// The services of a LAN's router, while this value lives.
///
/// ```
/// use danja::Host;
/// use danja::lan::{MacAddress, cable::Switch};
/// use danja_gateway::{Gateway, Lan};
///
/// # fn main() -> std::io::Result<()> {
/// let switch = Switch::new();
/// let lan = Lan::new();
/// let router = Host::builder()
///     .name("danja")
///     .adapter(switch.port(MacAddress([2, 0, 0, 0, 0, 2])))
///     .address("10.0.2.2/24".parse().unwrap())
///     .build()?;
/// let gateway = Gateway::start(router, &lan)?;
///
/// let host = Host::builder()
///     .name("mine")
///     .adapter(switch.port(MacAddress([2, 0, 0, 0, 0, 15])))
///     .address("10.0.2.15/24".parse().unwrap())
///     .dns(gateway.address())
///     .build()?;
/// lan.add(&host);
/// # Ok(())
/// # }
/// ```
pub struct Gateway {
    host: Host,
    address: IpAddr,
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
    shared: Arc<outside::Shared>,
    streams: outside::Streams,
    _datagrams: Option<outside::Datagrams>,
    /// Ports published so far.
    published: AtomicU64,
}

/// Web clients at once.
const CLIENTS: usize = 64;

/// What a host must be told while it is built, to be a way out of its LAN: after its adapter.
pub fn router(builder: danja::Builder) -> danja::Builder {
    builder.any_address().echo_to_application().hand_out_unclaimed()
}

impl Gateway {
    /// Starts the router's services on `host`, at its first address, with every default: the way
    /// out is open, the machine's loopback is not reached. Adds the host to `lan`.
    ///
    /// # Errors
    /// As [`Builder::start`].
    pub fn start(host: Host, lan: &Lan) -> io::Result<Self> {
        Self::builder(host, lan).start()
    }

    /// Begins a router on `host`.
    pub fn builder(host: Host, lan: &Lan) -> Builder {
        Builder::new(host, lan)
    }

    fn spawn(&mut self, name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(thread::Builder::new().name(name.to_owned()).spawn(body)?);
        Ok(())
    }

    /// Starts the DHCP server, where the LAN's network has addresses to lend.
    fn lend(&mut self, lan: &Lan) -> io::Result<()> {
        let interfaces = self.host.interfaces();
        let own = interfaces.iter().find_map(|interface| {
            let own = interface.addresses.iter().find(|own| own.address() == self.address)?;
            Some((*own, u16::try_from(interface.mtu).unwrap_or(u16::MAX), interface.id))
        });
        let (Some((own, mtu, interface)), IpAddr::V4(router)) = (own, self.address) else {
            return Ok(());
        };
        if own.prefix_len() > 27 {
            return Ok(());
        }
        let everybody = SocketAddr::from((Ipv4Addr::BROADCAST, dhcp::SERVER_PORT));
        let all = UdpSocket::bind(&self.host, everybody)?;
        let direct = UdpSocket::bind(&self.host, (self.address, dhcp::SERVER_PORT))?;
        direct.set_broadcast(true)?;
        direct.as_socket().set_option(SocketOption::BindToInterface(Some(interface)))?;
        let server = dhcp::Server::new(lan, &self.shared, own, router, mtu);
        let ended = self.stop.clone();
        self.spawn("dhcp", move || dhcp::serve(&all, &direct, server, &ended))
    }

    /// The router's address.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// The address by which the LAN knows the machine.
    pub fn host_address(&self) -> Option<IpAddr> {
        self.shared.rules.host
    }

    /// What it has counted.
    pub fn counters(&self) -> Counters {
        self.shared.counting.view()
    }

    /// What goes through it at this moment, in the order it came.
    pub fn flows(&self) -> Vec<FlowView> {
        self.shared.flows.view()
    }

    /// Gives the host of the LAN that has this address permissions of its own, instead of those
    /// that the router was built with; without any, it has those again. Connections that were
    /// admitted go on.
    pub fn permit(&self, client: IpAddr, permissions: Option<Permissions>) {
        self.shared.rules.permit(client, permissions);
    }

    /// Lets programs of this machine reach `to` on the LAN by TCP through a port of the machine,
    /// until the value is dropped. Port 0 lets the machine choose one.
    ///
    /// # Errors
    /// The machine's port cannot be had.
    pub fn publish(&self, on: SocketAddr, to: SocketAddr) -> io::Result<Published> {
        let listener = net::TcpListener::bind(on)?;
        let address = listener.local_addr()?;
        let number = self.published.fetch_add(1, Ordering::Relaxed);
        let listening = self.streams.publish(number, listener, to)?;
        Ok(Published { address, _open: Open::Streams(listening) })
    }

    /// As [`Self::publish`], by UDP. Each peer of the machine's port is seen on the LAN as a port of
    /// the router's; it is forgotten 30 s after its last datagram, or 120 s if there was an answer.
    ///
    /// # Errors
    /// The machine's port cannot be had, or the system gives no thread or descriptor.
    pub fn publish_datagrams(&self, on: SocketAddr, to: SocketAddr) -> io::Result<Published> {
        let socket = net::UdpSocket::bind(on)?;
        let address = socket.local_addr()?;
        let port = DatagramPort::start(&self.host, &self.shared, &self.stop, socket, to)?;
        Ok(Published { address, _open: Open::Datagrams(port) })
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.stop();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

/// The first address of a host that is not loopback.
fn first_address(host: &Host) -> Option<IpAddr> {
    let interfaces = host.interfaces();
    let mut addresses = interfaces.iter().flat_map(|interface| &interface.addresses);
    addresses
        .find(|address| !address.address().is_loopback())
        .map(|address| address.address())
        .filter(|address| *address != IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Compiles the examples in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
