//! Makes a router: what it permits, where it looks names up, and its services on a host.

use crate::dns::System;
use crate::outside::{Datagrams, Shared, Streams};
use crate::reach::{Endpoints, HostAccess, Permissions, Rules};
use crate::stop::Stop;
use crate::{CLIENTS, Gateway, Lan, dns, first_address, http, page};
use danja::Host;
use danja::net::{Domain, Socket, SocketKind, SocketOption, TcpListener, UdpSocket};
use danja::stack::InterfaceId;
use danja::wire::ip::Cidr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, RwLock};

/// Clients of the LAN that wait for a verdict, and to be accepted: one program may open thousands
/// of connections at once.
const PENDING: usize = 16_384;

/// What a router is made of; from [`Gateway::builder`].
#[must_use]
pub struct Builder {
    host: Host,
    lan: Lan,
    host_address: Option<Ipv4Addr>,
    permissions: Permissions,
    resolv_conf: PathBuf,
    hosts: PathBuf,
    resolvers: Option<Vec<SocketAddr>>,
    notice: Box<dyn Fn(&str) + Send + Sync>,
}

impl Builder {
    pub(crate) fn new(host: Host, lan: &Lan) -> Self {
        Self {
            host,
            lan: lan.clone(),
            host_address: None,
            permissions: Permissions::new(),
            resolv_conf: PathBuf::from("/etc/resolv.conf"),
            hosts: PathBuf::from("/etc/hosts"),
            resolvers: None,
            notice: Box::new(|_| {}),
        }
    }

    /// Whether there is a way out of the LAN, by the machine's own sockets. There is, where the
    /// host's interface is any-address ([`crate::router`]).
    pub fn outside(mut self, outside: bool) -> Self {
        self.permissions = self.permissions.outside(outside);
        self
    }

    /// The address by which the LAN knows the machine itself. The third of the LAN's network
    /// without it.
    pub const fn host_address(mut self, address: Ipv4Addr) -> Self {
        self.host_address = Some(address);
        self
    }

    /// Whether the machine's own loopback is reached at that address. It is not, unless this says
    /// so.
    pub fn host_access(mut self, access: HostAccess) -> Self {
        self.permissions = self.permissions.host_access(access);
        self
    }

    /// Destinations that are reached, and then no others. `deny` goes before.
    pub fn allow(mut self, endpoints: impl IntoIterator<Item = Endpoints>) -> Self {
        self.permissions = self.permissions.allow(endpoints);
        self
    }

    /// Destinations that are not reached, whatever `allow` says.
    pub fn deny(mut self, endpoints: impl IntoIterator<Item = Endpoints>) -> Self {
        self.permissions = self.permissions.deny(endpoints);
        self
    }

    /// What hosts reach that have no permissions of their own ([`Gateway::permit`]); instead of
    /// what was said so far.
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = permissions;
        self
    }

    /// The file that names the machine's resolvers; `/etc/resolv.conf` without it.
    pub fn resolv_conf(mut self, path: impl Into<PathBuf>) -> Self {
        self.resolv_conf = path.into();
        self
    }

    /// The machine's hosts file; `/etc/hosts` without it.
    pub fn hosts_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.hosts = path.into();
        self
    }

    /// These resolvers instead of those that the file names.
    pub fn resolvers(mut self, servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.resolvers = Some(servers.into_iter().collect());
        self
    }

    /// Who hears, once each, of what the machine does not permit or has no more of.
    pub fn notices(mut self, hear: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.notice = Box::new(hear);
        self
    }

    /// Starts the services, and adds the host to the LAN.
    ///
    /// # Errors
    /// The host has no address, a port is taken, or the system gives no thread or descriptor.
    pub fn start(self) -> io::Result<Gateway> {
        let address = first_address(&self.host).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the host has no address")
        })?;
        let datagrams = UdpSocket::bind(&self.host, SocketAddr::new(address, 53))?;
        let stream = TcpListener::bind(&self.host, SocketAddr::new(address, 53))?;
        let web = TcpListener::bind(&self.host, SocketAddr::new(address, 80))?;
        let rules = self.rules(address);
        let front = front(&self.host)?;
        let shared = Shared::new(rules, self.notice);
        let system = System::new(&self.resolv_conf, &self.hosts, self.resolvers);
        let upstream = dns::Upstream { system: Arc::new(system), shared: Arc::clone(&shared) };
        let datagrams_out = place(&self.host, address)
            .map(|place| Datagrams::start(&self.host, &shared, place))
            .transpose()?;
        let streams = Streams::start(&self.host, &shared, front)?;
        // From here on it exists, so that what goes wrong ends what has been started.
        let mut gateway = Gateway {
            host: self.host,
            address,
            stop: Stop::new(),
            threads: Vec::new(),
            shared,
            streams,
            _datagrams: datagrams_out,
            published: AtomicU64::new(0),
        };
        let names = dns::Names::new(&self.lan, Some(upstream));
        let (known, ended) = (names.clone(), gateway.stop.clone());
        gateway.spawn("dns udp", move || dns::serve_datagrams(&datagrams, &known, &ended))?;
        let ended = gateway.stop.clone();
        gateway.spawn("dns tcp", move || dns::serve_streams(&stream, &names, &ended))?;
        gateway.lend(&self.lan)?;
        let (shown, ended) = (self.lan.clone(), gateway.stop.clone());
        let answer = move |request: &http::Request| page::answer(request, &shown);
        gateway.spawn("page", move || http::serve(&web, CLIENTS, &ended, answer))?;
        if let Some(host) = gateway.host_address() {
            self.lan.name("host", host);
        }
        self.lan.add_router(&gateway.host);
        Ok(gateway)
    }

    /// The rules; on the way the host gets the machine's address, too.
    fn rules(&self, address: IpAddr) -> Rules {
        let interfaces = self.host.interfaces();
        let found = interfaces.iter().find_map(|interface| {
            let own = interface.addresses.iter().find(|own| own.address() == address)?;
            Some((interface.id, *own))
        });
        let host = found.and_then(|(interface, own)| {
            let third = || third(own.network());
            let host = IpAddr::V4(self.host_address.or_else(third)?);
            let there = host == address
                || self.host.add_address(interface, Cidr::new(host, own.prefix_len())?);
            there.then_some(host).filter(|host| *host != address)
        });
        let own = self.host.interfaces();
        let addresses = || own.iter().flat_map(|interface| interface.addresses.iter().copied());
        let router = match address {
            IpAddr::V4(router) => router,
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        };
        Rules {
            router,
            own: addresses().map(Cidr::address).collect(),
            lan: addresses()
                .filter(|own| !own.address().is_loopback())
                .map(Cidr::network)
                .collect(),
            host,
            permissions: self.permissions.clone(),
            clients: RwLock::default(),
        }
    }
}

/// The interface with this address, and its MTU.
fn place(host: &Host, address: IpAddr) -> Option<(InterfaceId, usize)> {
    let interfaces = host.interfaces();
    let found = interfaces
        .iter()
        .find(|interface| interface.addresses.iter().any(|own| own.address() == address))?;
    Some((found.id, found.mtu))
}

/// The third address of a network, if it has so many.
fn third(network: Cidr) -> Option<Ipv4Addr> {
    let IpAddr::V4(base) = network.address() else { return None };
    let third = Ipv4Addr::from(u32::from(base).checked_add(3)?);
    network
        .contains(third.into())
        .then_some(third)
        .filter(|third| network.broadcast() != Some(*third))
}

/// The listener of all that no other listens for, which answers nobody before it knows what the
/// machine says.
fn front(host: &Host) -> io::Result<Option<Socket>> {
    host.configure(|config| {
        let limits = &mut config.limits;
        limits.pending = limits.pending.max(PENDING);
        limits.pending_per_source = limits.pending_per_source.max(PENDING);
    });
    let listener = Socket::new(host, Domain::Ipv4, SocketKind::Stream)?;
    listener.set_option(SocketOption::AnyPort(true))?;
    listener.set_option(SocketOption::Admitting(true))?;
    listener.bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)))?;
    listener.listen(PENDING)?;
    Ok(Some(listener))
}
