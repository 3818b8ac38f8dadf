//! The clients of a host at work: what came and what is due goes into them, what they want done
//! goes to the stack, the resolver and the host's events. Decides nothing of the protocol.

use super::client::{Action, Client};
use super::message::Identity;
use super::{Change, Discards, Lease, LeaseView, Settings};
use crate::error::own;
use crate::host::{Host, HostEvent, Shared, before};
use crate::resolve;
use danja_stack::config::Route;
use danja_stack::event::Event;
use danja_stack::record::Recorded;
use danja_stack::socket::{Domain, RecvFlags, SendFlags, SocketKind, SocketOption};
use danja_stack::{Instant, InterfaceId, Medium, Payload, SocketId};
use danja_wire::ip::{Cidr, Version};
use rustix::io::Errno;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

// RFC 2131 §4.1.
const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// Bytes of messages that wait for a client.
const QUEUE: usize = 16_384;
/// Routes by DHCP come after those that the owner gave.
const METRIC: u32 = 1024;

/// The clients of a host.
#[derive(Default)]
pub(crate) struct Clients {
    list: Vec<Serving>,
    /// Who waits for a change.
    waiters: Vec<Waker>,
    /// How many changes there were.
    changes: u64,
}

/// A client, and what it has done to the host.
pub(crate) struct Serving {
    interface: InterfaceId,
    name: String,
    socket: SocketId,
    client: Client,
    /// The adapter's own.
    mtu: usize,
    /// What the application was told of.
    told: Option<Lease>,
    route: Option<Route>,
    servers: Vec<SocketAddr>,
    domain: Option<String>,
}

impl Serving {
    /// A client for an interface, with its socket.
    ///
    /// # Errors
    /// The interface is no Ethernet (`InvalidInput`), or the stack takes no more sockets.
    pub(crate) fn new(
        stack: &mut Recorded,
        interface: InterfaceId,
        settings: Settings,
        host: &str,
        now: Instant,
        random: &mut dyn FnMut() -> u64,
    ) -> io::Result<Self> {
        let view = stack.interfaces().into_iter().find(|it| it.id == interface);
        let view = view.ok_or_else(|| own(Errno::NODEV, "no such interface"))?;
        let Medium::Ethernet(mac) = view.medium else {
            let text = format!("{} carries no Ethernet, which DHCP needs", view.name);
            return Err(own(Errno::INVAL, text));
        };
        let socket = open(stack, interface, now)
            .ok_or_else(|| own(Errno::ADDRINUSE, "the client's port cannot be had"))?;
        let host_name = settings.host_name.or_else(|| label(host));
        let who = Identity { mac, host_name, client_id: settings.client_id };
        let client = Client::new(who, settings.probe, settings.request, now, random);
        Ok(Self {
            interface,
            name: view.name,
            socket,
            client,
            mtu: view.mtu,
            told: None,
            route: None,
            servers: Vec::new(),
            domain: None,
        })
    }

    /// Gives the client what came for it.
    fn receive(&mut self, stack: &mut Recorded, now: Instant, random: &mut dyn FnMut() -> u64) {
        let mut slices = Vec::new();
        while let Ok(received) =
            stack.recv(self.socket, usize::MAX, RecvFlags::default(), &mut slices, now)
        {
            if received.from.is_some_and(|from| from.port() == SERVER_PORT) {
                let bytes: Vec<u8> = slices.iter().flat_map(Payload::as_slice).copied().collect();
                self.client.on_message(&bytes, now, random);
            } else {
                self.client.discards.not_ours += 1;
            }
            slices.clear();
        }
    }

    fn on_event(&mut self, event: &Event, now: Instant, random: &mut dyn FnMut() -> u64) {
        match *event {
            Event::AddressReady { interface, address } if interface == self.interface => {
                self.client.on_claimed(address);
            }
            Event::AddressConflict { interface, address, given_up: true, .. }
                if interface == self.interface =>
            {
                self.client.on_conflict(address, now, random);
            }
            _ => {}
        }
    }

    /// Does what the client wants done; says what the application is to be told.
    fn act(
        &mut self,
        stack: &mut Recorded,
        now: Instant,
        resolver: &mut resolve::Settings,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some(action) = self.client.poll_action() {
            match action {
                Action::Broadcast(message) => {
                    self.send(stack, Ipv4Addr::BROADCAST, None, message, now);
                }
                Action::Unicast { to, from, message } => {
                    self.send(stack, to, Some(from), message, now);
                }
                Action::Configure { lease, before } => {
                    self.configure(stack, &lease, before.as_deref(), now, resolver);
                }
                Action::Remove(lease, why) => {
                    self.remove(stack, &lease, now, resolver);
                    self.told = None;
                    changes.push(Change::Lost(*lease, why));
                }
            }
        }
        let lease = self.client.lease();
        if lease != self.told.as_ref()
            && let Some(lease) = lease
        {
            let new = self.told.replace(lease.clone()).is_none();
            let make = if new { Change::Bound } else { Change::Renewed };
            changes.push(make(lease.clone()));
        }
        changes
    }

    /// What cannot be sent is as lost: it will be sent again.
    fn send(
        &self,
        stack: &mut Recorded,
        to: Ipv4Addr,
        from: Option<Ipv4Addr>,
        message: Vec<u8>,
        now: Instant,
    ) {
        let to = Some(SocketAddr::from((to, SERVER_PORT)));
        let flags = SendFlags { to, from: from.map(IpAddr::V4), ..SendFlags::default() };
        let _ = stack.send(self.socket, &Payload::from(message), flags, now);
    }

    fn configure(
        &mut self,
        stack: &mut Recorded,
        lease: &Lease,
        before: Option<&Lease>,
        now: Instant,
        resolver: &mut resolve::Settings,
    ) {
        let mtu = lease.mtu.map_or(self.mtu, |mtu| self.mtu.min(usize::from(mtu)));
        stack.set_mtu(self.interface, mtu, now);
        if before.is_none_or(|before| before.address != lease.address) {
            if let Some(before) = before {
                stack.remove_address(self.interface, before.address.address(), now);
            }
            if !stack.add_address(self.interface, lease.address, now) {
                // The interface has it already, by its owner's word: nobody will claim it.
                self.client.on_claimed(lease.address.address());
            }
        }
        let destination = Cidr::any(Version::V4);
        let route = lease.routers.first().map(|router| Route {
            destination,
            gateway: Some(IpAddr::V4(*router)),
            interface: self.interface,
            metric: METRIC,
        });
        if route != self.route {
            self.unroute(stack, now);
            self.route = route.filter(|route| stack.add_route(*route, now));
        }
        self.forget_names(resolver);
        let known = |server: &SocketAddr| !resolver.servers.contains(server);
        let servers = lease.dns.iter().map(|server| SocketAddr::from((*server, 53)));
        self.servers = servers.filter(known).collect();
        resolver.servers.extend(&self.servers);
        self.domain = lease.domain.clone().filter(|domain| !resolver.search.contains(domain));
        resolver.search.extend(self.domain.clone());
    }

    fn remove(
        &mut self,
        stack: &mut Recorded,
        lease: &Lease,
        now: Instant,
        resolver: &mut resolve::Settings,
    ) {
        self.unroute(stack, now);
        stack.remove_address(self.interface, lease.address.address(), now);
        stack.set_mtu(self.interface, self.mtu, now);
        self.forget_names(resolver);
    }

    fn unroute(&mut self, stack: &mut Recorded, now: Instant) {
        if let Some(route) = self.route.take() {
            stack.remove_route(route, now);
        }
    }

    fn forget_names(&mut self, resolver: &mut resolve::Settings) {
        let servers = mem::take(&mut self.servers);
        resolver.servers.retain(|server| !servers.contains(server));
        if let Some(domain) = self.domain.take() {
            resolver.search.retain(|known| *known != domain);
        }
    }

    fn story(&self) -> String {
        let Client { sent, discards, .. } = &self.client;
        let state = self.client.state().name();
        let Discards { malformed, not_ours, unexpected, unacceptable } = discards;
        let bad = malformed + not_ours + unexpected + unacceptable;
        format!("{} is in {state}, {sent} messages sent, {bad} answers of no use", self.name)
    }

    fn view(&self) -> LeaseView {
        LeaseView {
            interface: self.interface,
            state: self.client.state(),
            lease: self.client.lease().cloned(),
            sent: self.client.sent,
            discards: self.client.discards,
        }
    }
}

/// A socket at the client's port of one interface. RFC 2131 §3.6: each interface has its own.
fn open(stack: &mut Recorded, interface: InterfaceId, now: Instant) -> Option<SocketId> {
    let socket = stack.socket(Domain::Ipv4, SocketKind::Datagram, now).ok()?;
    for option in [
        SocketOption::ReuseAddress(true),
        SocketOption::Broadcast(true),
        SocketOption::BindToInterface(Some(interface)),
        SocketOption::ReceiveBuffer(QUEUE),
    ] {
        stack.set_option(socket, option, now).ok()?;
    }
    stack.bind(socket, SocketAddr::from((Ipv4Addr::UNSPECIFIED, CLIENT_PORT)), now).ok()?;
    Some(socket)
}

/// The host's name, if it can be one on a network.
fn label(name: &str) -> Option<String> {
    let fits = (1..=63).contains(&name.len());
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (fits && letters).then(|| name.to_owned())
}

impl Clients {
    pub(crate) const fn new(list: Vec<Serving>) -> Self {
        Self { list, waiters: Vec::new(), changes: 0 }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn lease(&self) -> Option<&Lease> {
        self.list.iter().find_map(|serving| serving.client.lease())
    }

    /// Everybody who waits: something has changed, or the host has ended.
    pub(crate) fn take_waiters(&mut self) -> Vec<Waker> {
        mem::take(&mut self.waiters)
    }

    fn wait(&mut self, waker: &Waker) {
        if !self.waiters.iter().any(|known| known.will_wake(waker)) {
            self.waiters.push(waker.clone());
        }
    }

    /// What the clients would say of a wait in vain.
    fn story(&self) -> String {
        let told: Vec<_> = self.list.iter().map(Serving::story).collect();
        told.join("; ")
    }
}

/// The locks are taken in this order: the clients', the stack's, the resolver's.
impl Shared {
    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.dhcp.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the clients what came and what is due. Called by whoever makes the host work.
    pub(crate) fn serve_dhcp(&self) {
        if self.has_dhcp {
            self.drive_clients(|serving, claims, stack, now, random| {
                claims.iter().for_each(|event| serving.on_event(event, now, random));
                serving.receive(stack, now, random);
                serving.client.on_timeout(now, random);
            });
        }
    }

    /// Lets `act` change each client, does what they want done, and sets the next deadline.
    fn drive_clients(
        &self,
        mut act: impl FnMut(&mut Serving, &[Event], &mut Recorded, Instant, &mut dyn FnMut() -> u64),
    ) {
        let mut clients = self.clients();
        let mut core = self.lock();
        if core.ended {
            return;
        }
        let now = self.clock.now();
        let claims = mem::take(&mut core.claims);
        let mut random = || self.random_u64();
        let mut resolver = self.resolver.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut due, before) = (Instant::MAX, clients.changes);
        let Clients { list, changes, .. } = &mut *clients;
        for serving in list {
            act(serving, &claims, &mut core.stack, now, &mut random);
            for change in serving.act(&mut core.stack, now, &mut resolver) {
                *changes += 1;
                core.tell(HostEvent::Lease { interface: serving.interface, change });
            }
            due = due.min(serving.client.poll_timeout().unwrap_or(Instant::MAX));
        }
        drop(resolver);
        self.dhcp_due.store(due.as_nanos(), Ordering::SeqCst);
        let changed = clients.changes != before;
        let wakers = if changed { clients.take_waiters() } else { Vec::new() };
        drop(clients);
        self.settle(core, now);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// An interface can send again, or can not any more.
    pub(crate) fn link_changed(&self, interface: InterfaceId, up: bool) {
        if self.has_dhcp {
            self.drive_clients(|serving, _, _, now, random| {
                if serving.interface == interface {
                    serving.client.on_link(up, now, random);
                }
            });
            self.wake_thread();
        }
    }

    /// Whoever waits for a lease of a host that has ended waits in vain.
    pub(crate) fn end_dhcp(&self, wakers: &mut Vec<Waker>) {
        wakers.append(&mut self.clients().take_waiters());
    }
}

/// DHCP.
impl Host {
    /// The interfaces that ask for their addresses, and what they have.
    pub fn leases(&self) -> Vec<LeaseView> {
        self.shared().clients().list.iter().map(Serving::view).collect()
    }

    /// Waits until an interface has a lease whose address can be used, and gives the first.
    ///
    /// # Errors
    /// `TimedOut`: the text says how far the clients have come; `InvalidInput` if no interface
    /// asks ([`Builder::dhcp`](crate::Builder::dhcp)); or the host has ended.
    pub fn wait_for_lease(&self, timeout: Duration) -> io::Result<Lease> {
        self.block_on(self.wait_for_lease_async(timeout))
    }

    /// As [`Host::wait_for_lease`], for a task of any executor; the time is the host's.
    ///
    /// # Errors
    /// As [`Host::wait_for_lease`].
    pub async fn wait_for_lease_async(&self, timeout: Duration) -> io::Result<Lease> {
        let shared = self.shared();
        if shared.clients().is_empty() {
            let text = "no interface of the host asks for an address by DHCP";
            return Err(own(Errno::INVAL, text));
        }
        let leased = poll_fn(|context| {
            let mut clients = shared.clients();
            if let Some(lease) = clients.lease() {
                return Poll::Ready(Ok(lease.clone()));
            }
            clients.wait(context.waker());
            match shared.lock().ended {
                true => Poll::Ready(Err(own(Errno::NETDOWN, "the host has ended"))),
                false => Poll::Pending,
            }
        });
        before(self, self.now() + timeout, leased).await.unwrap_or_else(|| {
            let story = shared.clients().story();
            let text = format!("no DHCP server has lent an address within {timeout:?}: {story}");
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        })
    }

    /// Waits until there have been more changes of leases than `seen` since the host was made,
    /// and gives how many. What they are is in [`Host::leases`], and in order in
    /// [`Host::next_event`].
    ///
    /// # Errors
    /// The host has ended.
    pub async fn lease_changes(&self, seen: u64) -> io::Result<u64> {
        let shared = self.shared();
        poll_fn(|context| {
            let mut clients = shared.clients();
            if clients.changes > seen {
                return Poll::Ready(Ok(clients.changes));
            }
            clients.wait(context.waker());
            match shared.lock().ended {
                true => Poll::Ready(Err(own(Errno::NETDOWN, "the host has ended"))),
                false => Poll::Pending,
            }
        })
        .await
    }

    /// Gives the interface's lease back (RFC 2131 §4.4.6); its address is gone at once, and no
    /// other is asked for. `false` if it has none.
    pub fn release_lease(&self, interface: InterfaceId) -> bool {
        let mut released = false;
        self.shared().drive_clients(|serving, _, _, _, random| {
            if serving.interface == interface {
                released |= serving.client.release(random);
            }
        });
        // It needs its address to be sent.
        self.shared().drive_clients(|serving, _, _, _, _| {
            if serving.interface == interface && released {
                serving.client.on_released();
            }
        });
        released
    }
}
