//! Administration of a running host: addresses, routes, interfaces, configuration, and packets
//! that no socket claims. What DHCP and a launcher use.

use super::Host;
use super::shared::Shared;
use danja_stack::config::Route;
use danja_stack::discard::Discard;
use danja_stack::record::Recorded;
use danja_stack::{Config, Instant, InterfaceId, Payload};
use danja_wire::ip::Cidr;
use std::net::IpAddr;
use std::task::{Context, Poll};

impl Shared {
    fn administer<T>(&self, act: impl FnOnce(&mut Recorded, Instant) -> T) -> T {
        let mut core = self.lock();
        let now = self.clock.now();
        let result = act(&mut core.stack, now);
        self.settle(core, now);
        result
    }
}

impl Host {
    /// Adds an address with its connected route; `false` if there is no such interface, or it
    /// has the address already.
    pub fn add_address(&self, interface: InterfaceId, address: Cidr) -> bool {
        self.shared().administer(|stack, now| stack.add_address(interface, address, now))
    }

    /// Removes an address and its connected route; `false` if it is not there.
    pub fn remove_address(&self, interface: InterfaceId, address: IpAddr) -> bool {
        self.shared().administer(|stack, now| stack.remove_address(interface, address, now))
    }

    /// Adds a route; `false` if it is there already or its interface is not.
    pub fn add_route(&self, route: Route) -> bool {
        self.shared().administer(|stack, now| stack.add_route(route, now))
    }

    /// Removes a route; `false` if it is not there.
    pub fn remove_route(&self, route: Route) -> bool {
        self.shared().administer(|stack, now| stack.remove_route(route, now))
    }

    /// Takes an interface up or down; `false` if there is no such interface.
    pub fn set_up(&self, interface: InterfaceId, up: bool) -> bool {
        let changed = self.shared().administer(|stack, now| stack.set_up(interface, up, now));
        self.shared().link_changed(interface, up);
        changed
    }

    /// Changes the configuration while the host runs; a limit that is lowered applies to what
    /// comes. `change` is called while the host is locked, so it must not call the host.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let host = danja::Host::builder().build()?;
    /// // Give up sooner where nobody answers.
    /// host.configure(|config| config.tcp.syn_retries = 2);
    /// assert_eq!(host.config().tcp.syn_retries, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn configure(&self, change: impl FnOnce(&mut Config)) {
        self.shared().administer(|stack, _| stack.configure(change));
    }

    /// Changes the resolver's settings. `change` must not call the host.
    pub fn configure_resolver(&self, change: impl FnOnce(&mut crate::resolve::Settings)) {
        let resolver = &self.shared().resolver;
        change(&mut resolver.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    /// A whole IP packet that no socket claimed, from an interface that hands them out
    /// ([`Builder::hand_out_unclaimed`](crate::Builder::hand_out_unclaimed)). If there is none,
    /// the task is woken when there is; one task an interface, the latest that asked. `None`
    /// when the host has ended.
    pub fn poll_unclaimed(
        &self,
        interface: InterfaceId,
        context: &Context<'_>,
    ) -> Poll<Option<Payload>> {
        let mut core = self.shared().lock();
        let packet = core.stack.poll_unclaimed(interface);
        if packet.is_some() || core.ended {
            return Poll::Ready(packet);
        }
        core.waiters.add_unclaimed(interface, context.waker());
        Poll::Pending
    }

    /// As [`Host::poll_unclaimed`], without waiting.
    ///
    /// ```
    /// use danja::stack::Payload;
    /// use danja::{Host, lan::cable};
    /// # fn main() -> std::io::Result<()> {
    /// let (end, _far) = cable::pair();
    /// let host = Host::builder()
    ///     .adapter(end)
    ///     .address("10.0.0.1/24".parse().unwrap())
    ///     .hand_out_unclaimed()
    ///     .build()?;
    /// let interface = host.interfaces()[1].id;
    /// // What a second stack behind this address would look at, and its way out.
    /// if let Some(packet) = host.try_unclaimed(interface) {
    ///     println!("{} bytes that no socket claims", packet.len());
    /// }
    /// assert!(host.inject(interface, Payload::from_static(b"no packet")).is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_unclaimed(&self, interface: InterfaceId) -> Option<Payload> {
        self.shared().lock().stack.poll_unclaimed(interface)
    }

    /// Sends a packet that has its own IP header.
    ///
    /// # Errors
    /// The packet is malformed, or the interface has no room or no way to the destination.
    pub fn inject(&self, interface: InterfaceId, packet: Payload) -> Result<(), Discard> {
        self.shared().administer(|stack, now| stack.inject(interface, packet, now))
    }
}
