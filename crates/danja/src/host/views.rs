//! What can be seen of a host: sockets with their control information, neighbours, routes,
//! interfaces, counters. Copies, made on request; changing them changes nothing.

use super::{Host, HostEvent};
use danja_stack::counters::Counters;
use danja_stack::views::{InterfaceView, NeighbourView, RouteView};
use danja_stack::{Config, ControlInfo, Instant, InterfaceId, SocketId};
use danja_wire::ip::Protocol;
use std::net::{IpAddr, SocketAddr};

impl Host {
    /// The host's name.
    pub fn name(&self) -> &str {
        &self.shared().name
    }

    /// The time of the host's clock.
    pub fn now(&self) -> Instant {
        self.shared().clock.now()
    }

    /// The control information of all sockets, then that of records which no socket owns:
    /// half-open connections, TIME-WAIT, orphans.
    ///
    /// ```
    /// # use danja::{Host, net::UdpSocket, lan::{MacAddress, cable::Switch}};
    /// # fn main() -> std::io::Result<()> {
    /// # let port = Switch::new().port(MacAddress([2, 0, 0, 0, 0, 1]));
    /// # let host = Host::builder()
    /// #     .adapter(port).address("10.0.0.1/24".parse().unwrap()).build()?;
    /// let socket = UdpSocket::bind(&host, "10.0.0.1:53")?;
    /// let seen = host.sockets();
    /// assert_eq!(seen.len(), 1);
    /// assert_eq!(seen[0].local, Some(socket.local_addr()?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn sockets(&self) -> Vec<ControlInfo> {
        self.shared().lock().stack.sockets()
    }

    /// A socket's control information; `None` if there is no such socket.
    pub fn control_info(&self, socket: SocketId) -> Option<ControlInfo> {
        self.shared().lock().stack.control_info(socket)
    }

    /// The control information that a packet from `remote` to `local` would find: of the
    /// connection, or of the listener or unconnected socket.
    pub fn find(
        &self,
        protocol: Protocol,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<ControlInfo> {
        self.shared().lock().stack.find(protocol, local, remote)
    }

    /// Neighbours (ARP), by interface and address.
    pub fn neighbours(&self) -> Vec<NeighbourView> {
        self.shared().lock().stack.neighbours()
    }

    /// Routes, the most specific first.
    pub fn routes(&self) -> Vec<RouteView> {
        self.shared().lock().stack.routes()
    }

    /// Interfaces in their order; the first is loopback.
    pub fn interfaces(&self) -> Vec<InterfaceView> {
        self.shared().lock().stack.interfaces()
    }

    /// What the stack counted, by Linux's names.
    ///
    /// ```
    /// # use danja::net::UdpSocket;
    /// # fn main() -> std::io::Result<()> {
    /// # let host = danja::Host::builder().build()?;
    /// # let socket = UdpSocket::bind(&host, "127.0.0.1:0")?;
    /// # socket.send_to(b"x", socket.local_addr()?)?;
    /// # socket.recv(&mut [0])?;
    /// assert_eq!(host.counters().udp_out_datagrams, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn counters(&self) -> Counters {
        self.shared().lock().stack.counters().clone()
    }

    /// What an interface's adapter has moved and dropped; `None` for loopback and for an
    /// interface that does not exist.
    pub fn adapter_counters(&self, interface: InterfaceId) -> Option<danja_lan::Counters> {
        Some(self.shared().port(interface)?.lock().adapter.counters())
    }

    /// Whether an address is one of the host's (or, on an any-address interface, any).
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.shared().lock().stack.has_address(address)
    }

    /// Bytes that the queues of all sockets hold, at their true cost.
    pub fn buffered(&self) -> usize {
        self.shared().lock().stack.buffered()
    }

    /// The stack's configuration.
    pub fn config(&self) -> Config {
        self.shared().lock().stack.config().clone()
    }

    /// The oldest event of the host itself (an address conflict, an adapter that failed) that
    /// was not asked for yet. The latest 64 are kept.
    pub fn next_event(&self) -> Option<HostEvent> {
        self.shared().lock().events.pop_front()
    }
}
