//! Makes a host from what its owner says, and from nothing else: no file of the system is read.

use super::ledger::Enter;
use super::observe::Observer;
use super::shared::{BATCH, Core, Lane, Port, Shared};
use super::wake::Notifier;
use super::{Driver, Handle, Host, drive};
use crate::clock::{Clock, RealClock};
use crate::dhcp;
use crate::error::own;
use crate::resolve::Settings;
use danja_lan::{Adapter, Capabilities, Medium, Readiness};
use danja_stack::config::{Route, Unclaimed, Vlan};
use danja_stack::record::Recorded;
use danja_stack::socket::Congestion;
use danja_stack::views::InterfaceView;
use danja_stack::{Config, Instant, InterfaceConfig, InterfaceId, Seeds};
use danja_wire::ip::{Cidr, Version};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};
use siphasher::sip::SipHasher24;
use std::hash::Hasher;
use std::io;
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::Duration;

/// What a host is made of; from [`Host::builder`].
///
/// Methods about one interface ([`address`](Self::address), [`any_address`](Self::any_address),
/// …) mean the adapter that was given last, or the first if none was given yet.
///
/// ```
/// use danja::Host;
/// use danja::lan::{MacAddress, cable::Switch};
/// # fn main() -> std::io::Result<()> {
/// let (inside, outside) = (Switch::new(), Switch::new());
/// let router = Host::builder()
///     .name("router")
///     .adapter(inside.port(MacAddress([2, 0, 0, 0, 0, 1])))
///     .interface_name("inside")
///     .address("10.0.0.1/24".parse().unwrap())
///     .adapter(outside.port(MacAddress([2, 0, 0, 0, 0, 2])))
///     .interface_name("outside")
///     .address("192.0.2.7/24".parse().unwrap())
///     .gateway("192.0.2.1".parse().unwrap())
///     .dns("192.0.2.53".parse().unwrap())
///     .build()?;
/// let names: Vec<_> = router.interfaces().into_iter().map(|one| one.name).collect();
/// assert_eq!(names, ["lo", "inside", "outside"]);
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct Builder {
    name: String,
    config: Config,
    seeds: Option<Seeds>,
    clock: Option<Arc<dyn Clock>>,
    observer: Option<Arc<dyn Observer>>,
    recording: Option<Enter>,
    linger: Duration,
    adapters: Vec<Box<dyn Adapter>>,
    /// One for each adapter; before the first adapter, what is said of it.
    plans: Vec<Plan>,
    gateways: Vec<(Cidr, IpAddr)>,
    resolver: Settings,
}

#[derive(Default)]
struct Plan {
    name: Option<String>,
    addresses: Vec<Cidr>,
    any_address: bool,
    echo_to_application: bool,
    unclaimed: Unclaimed,
    probe: bool,
    dhcp: Option<dhcp::Settings>,
    /// Interfaces on VLANs of this one.
    vlans: Vec<(u16, Self)>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            name: "host".to_owned(),
            config: Config::default(),
            seeds: None,
            clock: None,
            observer: None,
            recording: None,
            linger: Duration::from_secs(2),
            adapters: Vec::new(),
            plans: vec![Plan::default()],
            gateways: Vec::new(),
            resolver: Settings::default(),
        }
    }
}

impl Builder {
    /// The host's name, for people: in events, in the thread's name. `host` if none is given.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// One more adapter, which gets an interface.
    pub fn adapter(mut self, adapter: impl Adapter + 'static) -> Self {
        self.adapters.push(Box::new(adapter));
        if self.adapters.len() > self.plans.len() {
            self.plans.push(Plan::default());
        }
        self
    }

    fn plan(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        if let Some(plan) = self.plans.last_mut() {
            let vlan = plan.vlans.pop();
            match vlan {
                None => change(plan),
                Some((id, mut plan_of_vlan)) => {
                    change(&mut plan_of_vlan);
                    plan.vlans.push((id, plan_of_vlan));
                }
            }
        }
        self
    }

    /// One more interface on the same adapter: on this VLAN (IEEE 802.1Q), 1 to 4094. What is said
    /// of an interface from here on is said of this one; untagged frames stay the adapter's own.
    ///
    /// ```
    /// use danja::{Host, lan::{MacAddress, cable::Switch}};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let lan = Switch::new();
    /// let host = Host::builder()
    ///     .adapter(lan.port(MacAddress([2, 0, 0, 0, 0, 1])))
    ///     .address("10.0.0.1/24".parse().unwrap())
    ///     .vlan(7)
    ///     .address("10.0.7.1/24".parse().unwrap())
    ///     .build()?;
    /// assert_eq!(host.interfaces()[2].name, "lan0.7");
    /// # Ok(())
    /// # }
    /// ```
    pub fn vlan(mut self, id: u16) -> Self {
        if let Some(plan) = self.plans.last_mut() {
            plan.vlans.push((id, Plan::default()));
        }
        self
    }

    /// The interface's name, such as `lan0` (which is the name the first gets by itself).
    pub fn interface_name(self, name: impl Into<String>) -> Self {
        self.plan(|plan| plan.name = Some(name.into()))
    }

    /// One more address of the interface, with its network.
    pub fn address(self, address: Cidr) -> Self {
        self.plan(|plan| plan.addresses.push(address))
    }

    /// The interface takes packets to any address, and sends from any.
    pub fn any_address(self) -> Self {
        self.plan(|plan| plan.any_address = true)
    }

    /// With [`Self::any_address`]: echo requests to addresses that are not the host's are handed
    /// out instead of answered.
    pub fn echo_to_application(self) -> Self {
        self.plan(|plan| plan.echo_to_application = true)
    }

    /// Packets that no socket of this interface claims are not answered but handed out by
    /// [`Host::poll_unclaimed`].
    pub fn hand_out_unclaimed(self) -> Self {
        self.plan(|plan| plan.unclaimed = Unclaimed::HandOut)
    }

    /// The interface's addresses are probed for before they are used (RFC 5227), for up to 7 s.
    pub fn probe_addresses(self) -> Self {
        self.plan(|plan| plan.probe = true)
    }

    /// The interface asks for its address by DHCP, with [`dhcp::Settings`]' defaults. The host is
    /// made at once; [`Host::wait_for_lease`] waits for the address.
    ///
    /// # Examples
    /// ```
    /// use danja::{Host, lan::{MacAddress, cable::Switch}};
    /// use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let lan = Switch::new();
    /// let host = Host::builder().adapter(lan.port(MacAddress([2, 0, 0, 0, 0, 1]))).dhcp().build()?;
    /// // Nobody else is on this LAN.
    /// let error = host.wait_for_lease(Duration::from_millis(10)).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    /// # Ok(())
    /// # }
    /// ```
    pub fn dhcp(self) -> Self {
        self.dhcp_with(dhcp::Settings::default())
    }

    /// As [`Self::dhcp`], with other settings.
    pub fn dhcp_with(self, settings: dhcp::Settings) -> Self {
        self.plan(|plan| plan.dhcp = Some(settings))
    }

    /// The gateway to everywhere else; it must be in the network of an interface.
    pub fn gateway(mut self, gateway: IpAddr) -> Self {
        self.gateways.push((Cidr::any(Version::of(gateway)), gateway));
        self
    }

    /// A route through a gateway that is in the network of an interface.
    pub fn route(mut self, destination: Cidr, gateway: IpAddr) -> Self {
        self.gateways.push((destination, gateway));
        self
    }

    /// One more DNS server (port 53), asked in the order given.
    pub fn dns(mut self, server: IpAddr) -> Self {
        self.resolver.servers.push(SocketAddr::new(server, 53));
        self
    }

    /// One more domain that is tried after a name without a dot.
    pub fn search(mut self, domain: impl Into<String>) -> Self {
        self.resolver.search.push(domain.into());
        self
    }

    /// A name that is known without asking, as from `/etc/hosts`.
    pub fn known_name(mut self, name: impl Into<String>, address: IpAddr) -> Self {
        self.resolver.names.push((name.into(), address));
        self
    }

    /// All settings of the resolver at once.
    pub fn resolver(mut self, settings: Settings) -> Self {
        self.resolver = settings;
        self
    }

    /// The stack's configuration.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The congestion control of connections whose socket names none: a part of [`Self::config`],
    /// after which it is to be said.
    pub const fn congestion(mut self, which: Congestion) -> Self {
        self.config.tcp.congestion = which;
        self
    }

    /// Entropy; without it the operating system gives it.
    pub const fn seeds(mut self, seeds: Seeds) -> Self {
        self.seeds = Some(seeds);
        self
    }

    /// The clock to live by; without it the machine's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Who hears of every call and frame. See [`Observer`].
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Writes all that goes into the host's stack to a recording, for [`Replay`](crate::record::Replay).
    #[cfg(feature = "record")]
    pub fn record(mut self, recording: &crate::record::Recording) -> Self {
        self.recording = Some(recording.enter());
        self
    }

    /// How long the last handle's drop may wait for closed sockets' data to be delivered. 2 s;
    /// it returns at once when nothing is left to deliver.
    pub const fn linger(mut self, at_most: Duration) -> Self {
        self.linger = at_most;
        self
    }

    /// Makes the host and starts its thread.
    ///
    /// # Errors
    /// No adapter takes what was said of an interface, a gateway is in no interface's network
    /// (`InvalidInput`), or the system gives no descriptor, thread or entropy.
    pub fn build(self) -> io::Result<Host> {
        let linger = self.linger;
        start(self.make(Notifier::new()?)?, linger)
    }

    /// Makes a host without a thread: it works when its [`Driver`] is told to, in a simulation
    /// or an event loop of the application's own.
    ///
    /// # Errors
    /// As [`Self::build`]; or an adapter waits by a descriptor instead of a waker
    /// (`InvalidInput`): such a one needs the thread.
    pub fn build_driven(self) -> io::Result<(Host, Driver)> {
        let linger = self.linger;
        let shared = self.make(Notifier::driven())?;
        if let Some(port) = shared.ports.iter().find(|port| port.descriptor.is_some()) {
            let text = format!(
                "{}'s adapter waits by a descriptor; only those with a waker can be driven",
                port.name
            );
            return Err(own(Errno::INVAL, text));
        }
        shared.clock.register(Waker::from(Arc::clone(&shared.notifier)));
        let driver = Driver::new(Arc::clone(&shared));
        Ok((Host { handle: Arc::new(Handle { shared, thread: Mutex::new(None), linger }) }, driver))
    }

    fn make(self, notifier: Notifier) -> io::Result<Arc<Shared>> {
        self.check()?;
        let clock = self.clock.unwrap_or_else(|| Arc::new(RealClock::new()));
        let seeds = match self.seeds {
            Some(seeds) => seeds,
            None => Seeds { secret: draw()?, public: draw()? },
        };
        let random = (random_key(&seeds), AtomicU64::new(0));
        let notifier = Arc::new(notifier);
        let now = clock.now();
        let entered = self.recording.map(|enter| enter(&self.name, now));
        let (tape, ledger) = entered.map(|it| (it.tape, (it.ledger, it.number))).unzip();
        let mut stack = Recorded::new(self.config, seeds, tape);
        let mut ports = Vec::new();
        let mut asking = Vec::new();
        for (adapter, mut plan) in self.adapters.into_iter().zip(self.plans) {
            let (settings, vlans) = (plan.dhcp.clone(), mem::take(&mut plan.vlans));
            let can = adapter.capabilities();
            let port = add_port(&mut stack, adapter, plan, ports.len(), &notifier, now)?;
            asking.extend(settings.map(|settings| (port.id, settings)));
            for (id, plan) in vlans {
                let settings = plan.dhcp.clone();
                let vlan = Vlan { parent: port.id, id };
                let name = format!("{}.{id}", port.name);
                let added = stack.add_interface(describe(plan, name, can, Some(vlan)), now);
                let added = added.ok_or_else(|| {
                    let text = format!("{} cannot be on VLAN {id}, or is already", port.name);
                    own(Errno::INVAL, text)
                })?;
                asking.extend(settings.map(|settings| (added, settings)));
            }
            ports.push(port);
        }
        let mut clients = Vec::new();
        for (interface, settings) in asking {
            let mut random = || draw_u64(&random);
            let (name, stack) = (&self.name, &mut stack);
            let client = dhcp::Serving::new(stack, interface, settings, name, now, &mut random)?;
            clients.push(client);
        }
        let has_dhcp = !clients.is_empty();
        for (destination, gateway) in self.gateways {
            add_route(&mut stack, destination, gateway, now)?;
        }
        Ok(Arc::new(Shared {
            name: self.name,
            observed: self.observer.is_some(),
            core: Mutex::new(Core::new(stack, self.observer, ledger)),
            may_be_led: !notifier.is_driven()
                && ports.iter().all(|port: &Port| port.descriptor.is_none()),
            driving: Mutex::new(Vec::with_capacity(BATCH)),
            ports,
            clock,
            notifier,
            adapters_until: AtomicU64::new(u64::MAX),
            stops_at: AtomicU64::new(u64::MAX),
            waiters: AtomicU64::new(1),
            resolver: Mutex::new(self.resolver),
            dhcp: Mutex::new(dhcp::Clients::new(clients)),
            has_dhcp,
            dhcp_due: AtomicU64::new(u64::MAX),
            random,
        }))
    }

    fn check(&self) -> io::Result<()> {
        let without = self.plans.len() > self.adapters.len();
        if without && self.plans.iter().any(|plan| !plan.addresses.is_empty()) {
            let text = "an address was given, but no adapter: an interface needs both";
            return Err(own(Errno::INVAL, text));
        }
        Ok(())
    }
}

fn draw() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    let mut filled = 0;
    while filled < seed.len() {
        filled += getrandom(&mut seed[filled..], GetRandomFlags::empty())?;
    }
    Ok(seed)
}

/// A key of the host's own, from the secret seed; the stack's keys cannot be told from it.
fn random_key(seeds: &Seeds) -> SipHasher24 {
    let half = |label: u64| {
        let mut hasher = SipHasher24::new();
        hasher.write(&seeds.secret);
        hasher.write_u64(label);
        hasher.finish()
    };
    SipHasher24::new_with_keys(half(1), half(2))
}

/// The next of the numbers that follow from the key.
pub(super) fn draw_u64((key, counter): &(SipHasher24, AtomicU64)) -> u64 {
    let mut hasher = *key;
    hasher.write_u64(counter.fetch_add(1, Ordering::Relaxed));
    hasher.finish()
}

fn start(shared: Arc<Shared>, linger: Duration) -> io::Result<Host> {
    let body = Arc::clone(&shared);
    shared.clock.register(Waker::from(Arc::clone(&shared.notifier)));
    // If no thread can be had, the handle's end undoes what was done.
    let handle = Arc::new(Handle { shared, thread: Mutex::new(None), linger });
    // A zero byte would end the name, and make the thread's builder panic.
    let name = format!("danja {}", body.name).replace('\0', " ");
    let thread = thread::Builder::new().name(name).spawn(move || drive::run(&body))?;
    *handle.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    Ok(Host { handle })
}

/// An interface as the stack takes it; `name` is for one that has none.
fn describe(plan: Plan, name: String, can: Capabilities, vlan: Option<Vlan>) -> InterfaceConfig {
    let medium = match can.medium {
        Medium::Ethernet(address) => danja_stack::Medium::Ethernet(address),
        Medium::Ip => danja_stack::Medium::Ip,
    };
    let mut config = InterfaceConfig::new(&plan.name.unwrap_or(name), medium, can.mtu);
    config.addresses = plan.addresses;
    config.any_address = plan.any_address;
    config.echo_to_application = plan.echo_to_application;
    config.unclaimed = plan.unclaimed;
    config.checksum_offload = can.checksum;
    config.max_segmented = can.max_segmented;
    config.probe_addresses = plan.probe || plan.dhcp.as_ref().is_some_and(|dhcp| dhcp.probe);
    config.learns_address = plan.dhcp.is_some();
    config.vlan = vlan;
    config
}

fn add_port(
    stack: &mut Recorded,
    mut adapter: Box<dyn Adapter>,
    plan: Plan,
    index: usize,
    notifier: &Arc<Notifier>,
    now: Instant,
) -> io::Result<Port> {
    let can = adapter.capabilities();
    let hands_out = plan.unclaimed == Unclaimed::HandOut;
    let config = describe(plan, format!("lan{index}"), can, None);
    let name = config.name.clone();
    let added = stack.add_interface(config, now);
    let id = added.ok_or_else(|| own(Errno::INVAL, "the stack takes no more interfaces"))?;
    let descriptor = match adapter.readiness() {
        Readiness::Descriptor(descriptor) => Some(descriptor.try_clone_to_owned()?),
        Readiness::Waker => None,
    };
    let link_descriptor = match adapter.link_events() {
        Some(events) => Some(events.try_clone_to_owned()?),
        None => None,
    };
    let link = adapter.link();
    if !link {
        stack.set_link(id, false, now);
    }
    adapter.set_waker(Waker::from(Arc::clone(notifier)));
    Ok(Port {
        id,
        name,
        medium: can.medium,
        descriptor,
        link_descriptor,
        link_stale: AtomicBool::new(false),
        link: AtomicBool::new(link),
        hands_out,
        blocked: AtomicBool::new(false),
        failed: AtomicBool::new(false),
        lane: Mutex::new(Lane { adapter, frames: Vec::new() }),
    })
}

/// A route by the interface in whose network the gateway is.
fn add_route(
    stack: &mut Recorded,
    destination: Cidr,
    gateway: IpAddr,
    now: Instant,
) -> io::Result<()> {
    let networks = stack.interfaces();
    let holds = |address: &Cidr| address.contains(gateway);
    let mut outside = networks.iter().filter(|network| network.id != InterfaceId::LOOPBACK);
    // Where packets have no link header the gateway is whoever is at the other end.
    let holds = |network: &&InterfaceView| {
        network.medium == danja_stack::Medium::Ip || network.addresses.iter().any(holds)
    };
    let found = outside.find(holds);
    let Some(found) = found else {
        let text = format!("the gateway {gateway} is in no interface's network");
        return Err(own(Errno::INVAL, text));
    };
    let route = Route { destination, gateway: Some(gateway), interface: found.id, metric: 0 };
    stack.add_route(route, now);
    Ok(())
}
