//! Where a command runs: the built-in LAN with its router, or a TAP device; with what is wrong
//! with the link, and what shall be shown of it. Speaks no protocol.

use crate::args::{AtPort, NetworkArgs, ShowArgs};
use crate::explain::Narrator;
use crate::failure::Failure;
use crate::output::talk;
use danja::Host;
use danja::clock::{Clock, RealClock};
use danja::lan::capture::{Capture, CaptureOptions, Captured};
use danja::lan::impair::Impaired;
use danja::lan::tap::Tap;
use danja::lan::{Adapter, MacAddress, cable::Switch};
use danja::net::ToEndpoints;
use danja::record::Recording;
use danja_gateway::{Gateway, Lan, Published, http::MachineServer, http::serve_machine, page};
use danja_stack::Seeds;
use danja_stack::views::TcpState;
use danja_wire::ip::Cidr;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// The built-in LAN's router.
const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 2);
/// The program's host on the built-in LAN.
const PROGRAM: Ipv4Addr = Ipv4Addr::new(10, 0, 2, 15);
/// The built-in LAN's prefix length.
const PREFIX: u8 = 24;
/// At the end of a command: how long closed connections may take to say goodbye. A lost FIN is
/// sent again after 200 ms or a few round trips.
const GOODBYE: Duration = Duration::from_secs(3);
/// How long a peer that is not ours may take to close its side, once it has heard of our FIN.
const POLITENESS: Duration = Duration::from_millis(300);
/// How long a network may take to lend an address: three questions, and the probes for it.
const LEASE: Duration = Duration::from_secs(40);
/// Between two looks at them.
const LOOK: Duration = Duration::from_millis(1);

/// What a command runs on. Clones are the same network.
#[derive(Clone)]
pub(crate) struct Network {
    /// The program's own host.
    pub(crate) host: Host,
    /// There is no DNS server.
    asks_nobody: bool,
    parts: Arc<Parts>,
}

struct Parts {
    lan: Lan,
    /// On the built-in LAN only.
    gateway: Option<Gateway>,
    narrator: Option<Arc<Narrator>>,
    capture: Option<Capture>,
    recording: Option<Recording>,
    /// Served while it lives.
    _inspect: Option<MachineServer>,
}

impl Network {
    /// Sets the network up; the program's host is called `name`.
    ///
    /// # Errors
    /// A device, file or port cannot be had: says which, and what to do.
    pub(crate) fn new(args: &NetworkArgs, name: &str) -> Result<Self, Failure> {
        Self::with(args, name, false)
    }

    /// As [`Self::new`]; if `shared`, a kernel's stack lives behind the same address, and what no
    /// socket of the host claims is handed out to it.
    ///
    /// # Errors
    /// Likewise.
    pub(crate) fn with(args: &NetworkArgs, name: &str, shared: bool) -> Result<Self, Failure> {
        let mut plan = Plan::new(args)?;
        plan.shared = shared;
        let lan = Lan::new();
        let (host, gateway) = match &args.tap.tap {
            None => plan.built_in(name, &lan)?,
            Some(device) => (plan.on_tap(name, device)?, None),
        };
        lan.add(&host);
        let inspect = args.show.inspect.map(|at| inspect(at, &lan)).transpose()?;
        let Plan { narrator, capture, recording, .. } = plan;
        let parts = Parts { lan, gateway, narrator, capture, recording, _inspect: inspect };
        let told = host.leases().into_iter().filter_map(|view| view.lease);
        let lent_dns = told.flat_map(|lease| lease.dns).next();
        let asks_nobody = parts.gateway.is_none() && args.tap.dns.is_none() && lent_dns.is_none();
        Ok(Self { host, asks_nobody, parts: Arc::new(parts) })
    }

    /// Whether it is the built-in LAN.
    pub(crate) fn is_built_in(&self) -> bool {
        self.parts.gateway.is_some()
    }

    /// The program's own address.
    pub(crate) fn address(&self) -> IpAddr {
        let interfaces = self.host.interfaces();
        let mut addresses = interfaces.iter().flat_map(|interface| &interface.addresses);
        addresses
            .find(|address| !address.address().is_loopback())
            .map_or(IpAddr::V4(PROGRAM), |address| address.address())
    }

    /// The server that is asked for names.
    pub(crate) fn name_server(&self, args: &NetworkArgs) -> Option<IpAddr> {
        if self.is_built_in() {
            return Some(IpAddr::V4(ROUTER));
        }
        let leases = self.host.leases().into_iter().filter_map(|view| view.lease);
        args.tap.dns.or_else(|| leases.flat_map(|lease| lease.dns).next().map(IpAddr::V4))
    }

    /// Looks a name up, as the program's host sees it; an address is itself.
    pub(crate) fn look_up(&self, name: &str) -> io::Result<IpAddr> {
        if let Ok(address) = name.parse() {
            return spoken(address);
        }
        let found = (name, 0).endpoints(&self.host).map_err(|error| self.no_name(error))?;
        found.first().map(SocketAddr::ip).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// An error of the resolver, with what can be done about it.
    pub(crate) fn no_name(&self, error: io::Error) -> io::Error {
        if !self.is_built_in() {
            if self.asks_nobody {
                let text = format!("{error}\n--dns SERVER names one, such as --dns 192.168.7.1.");
                return io::Error::new(error.kind(), text);
            }
            return error;
        }
        let names: Vec<String> =
            self.parts.lan.hosts().iter().map(|host| host.name().to_owned()).collect();
        let text = format!(
            "{error}\nThe built-in LAN knows these names: {}. It has no way out to other networks \
             yet; --tap NAME --address A/P --dns SERVER attaches to one.",
            names.join(", ")
        );
        io::Error::new(error.kind(), text)
    }

    /// Lets programs of this machine reach a port of the program's host; `None` without a router
    /// of our own.
    ///
    /// # Errors
    /// The machine's port cannot be had.
    pub(crate) fn publish(&self, on: AtPort, port: u16) -> Result<Option<Published>, Failure> {
        let Some(gateway) = &self.parts.gateway else { return Ok(None) };
        let to = SocketAddr::new(self.address(), port);
        gateway.publish(on.0, to).map(Some).map_err(|error| {
            Failure::new(format_args!(
                "the port {} of this machine cannot be had: {error}. Choose another: --publish {}",
                on.0,
                another(on.0)
            ))
        })
    }

    /// The command is done: says goodbye to peers, ends the story and the capture.
    pub(crate) fn finish(&self) {
        self.host.flush(GOODBYE);
        let patience = if self.is_built_in() { GOODBYE } else { POLITENESS };
        let until = Instant::now() + patience;
        while Instant::now() < until && self.parts.lan.hosts().iter().any(says_goodbye) {
            thread::sleep(LOOK);
        }
        let end = || self.parts.narrator.iter().for_each(|narrator| narrator.end());
        match &self.parts.recording {
            None => end(),
            // What is told, and what is recorded, end at one moment.
            Some(recording) => {
                if let Err(error) = recording.finish_after(end) {
                    talk(&format!("danja: the recording is not complete: {error}"));
                }
            }
        }
        if let Some(capture) = &self.parts.capture
            && let Err(error) = capture.finish()
        {
            talk(&format!("danja: the capture is not complete: {error}"));
        }
    }
}

/// An address of a protocol that the stack speaks.
pub(crate) fn spoken(address: IpAddr) -> io::Result<IpAddr> {
    if address.is_ipv6() {
        let text = format!("{address} is an IPv6 address; only IPv4 is spoken so far");
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    Ok(address)
}

/// What was asked for, before there is a host.
struct Plan<'a> {
    args: &'a NetworkArgs,
    /// One for all hosts, so that the story has one time.
    clock: Arc<RealClock>,
    narrator: Option<Arc<Narrator>>,
    capture: Option<Capture>,
    recording: Option<Recording>,
    /// The program's host shares its address with a kernel.
    shared: bool,
}

impl<'a> Plan<'a> {
    fn new(args: &'a NetworkArgs) -> Result<Self, Failure> {
        let clock = Arc::new(RealClock::new());
        let ShowArgs { story, pcap, record, .. } = &args.show;
        let narrator = Narrator::wanted(story);
        let capture = match pcap {
            None => None,
            Some(path) => {
                let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                let passed = Duration::from_nanos(clock.now().as_nanos());
                let zero = since_epoch.unwrap_or_default().saturating_sub(passed);
                let options = CaptureOptions::new(zero)
                    .with_comment(format!("danja {}", env!("CARGO_PKG_VERSION")));
                let made = Capture::create(path, options).map_err(|error| {
                    Failure::new(format_args!("{} cannot be written: {error}", path.display()))
                })?;
                Some(made)
            }
        };
        let recording = record.as_ref().map(|path| {
            Recording::create(path).map_err(|error| {
                Failure::new(format_args!("{} cannot be written: {error}", path.display()))
            })
        });
        let recording = recording.transpose()?;
        Ok(Self { args, clock, narrator, capture, recording, shared: false })
    }

    /// The LAN in the process: the program's host, and the router.
    fn built_in(&self, name: &str, lan: &Lan) -> Result<(Host, Option<Gateway>), Failure> {
        let switch = Switch::new();
        let cable = "cable";
        let router = self
            .host("danja", "lan0", switch.port(mac_of(ROUTER)), Some(address(ROUTER)), cable)
            .build()
            .map_err(Failure::new)?;
        let gateway = Gateway::start(router, lan).map_err(Failure::new)?;
        let port = switch.port(mac_of(PROGRAM));
        let host = self
            .on_link(name, port, Some(address(PROGRAM)), cable)
            .dns(IpAddr::V4(ROUTER))
            .gateway(IpAddr::V4(ROUTER))
            .build()
            .map_err(Failure::new)?;
        Ok((host, Some(gateway)))
    }

    /// The program's host on a TAP device.
    fn on_tap(&self, name: &str, device: &str) -> Result<Host, Failure> {
        let tap = &self.args.tap;
        let mac = match tap.address.map(Cidr::address) {
            Some(IpAddr::V4(address)) => mac_of(address),
            Some(IpAddr::V6(_)) => return Err(Failure::new("--address takes an IPv4 address")),
            None => mac_beside(device),
        };
        let ours = tap.address.unwrap_or_else(|| address(PROGRAM));
        let adapter = Tap::open(device, mac)
            .map_err(|error| Failure::new(error.advice(across(ours, tap.via))))?;
        let mut builder = self.on_link(name, adapter, tap.address, &format!("tap {device}"));
        if let Some(gateway) = tap.via {
            builder = builder.gateway(gateway);
        }
        if let Some(server) = tap.dns {
            builder = builder.dns(server);
        }
        if !tap.dhcp {
            return builder.build().map_err(Failure::new);
        }
        let host = builder.dhcp().build().map_err(Failure::new)?;
        talk(&format!("asking for an address on {device} (DHCP)"));
        let lease = host.wait_for_lease(LEASE).map_err(|error| {
            Failure::new(format_args!(
                "{error}. Is there a DHCP server on the other side of {device}? --address A/P \
                 does without"
            ))
        })?;
        let from = format!("has {} from {}", lease.address, lease.server);
        talk(&match lease.duration {
            Some(time) => format!("{from}, for {} s", time.as_secs()),
            None => from,
        });
        Ok(host)
    }

    /// The program's host behind its link, with all that is wrong with it, and captured.
    fn on_link(
        &self,
        name: &str,
        adapter: impl Adapter + 'static,
        address: Option<Cidr>,
        driver: &str,
    ) -> danja::Builder {
        let builder = self.impaired(name, adapter, address, driver);
        if self.shared { builder.hand_out_unclaimed() } else { builder }
    }

    fn impaired(
        &self,
        name: &str,
        adapter: impl Adapter + 'static,
        address: Option<Cidr>,
        driver: &str,
    ) -> danja::Builder {
        let impairment = self.args.link.impairment();
        if impairment.is_none() {
            return self.captured(name, adapter, address, driver);
        }
        let seed = self.args.link.seed.unwrap_or_else(|| {
            // Only the impairments follow from it; what must be secret does not.
            self.clock.now().as_nanos() ^ u64::from(std::process::id()) << 32
        });
        let impaired = Impaired::new(adapter, impairment, impairment, seed);
        self.captured(name, impaired, address, &format!("{driver}, impaired"))
    }

    fn captured(
        &self,
        name: &str,
        adapter: impl Adapter + 'static,
        address: Option<Cidr>,
        driver: &str,
    ) -> danja::Builder {
        match &self.capture {
            None => self.host(name, "lan0", adapter, address, driver),
            Some(capture) => {
                let captured = Captured::new(adapter, capture, "lan0");
                self.host(name, "lan0", captured, address, driver)
            }
        }
    }

    fn host(
        &self,
        name: &str,
        interface: &str,
        adapter: impl Adapter + 'static,
        address: Option<Cidr>,
        driver: &str,
    ) -> danja::Builder {
        let mut builder = Host::builder()
            .name(name)
            .clock(Arc::clone(&self.clock) as Arc<dyn Clock>)
            .adapter(adapter)
            .interface_name(interface);
        if let Some(id) = self.args.tap.vlan {
            builder = builder.vlan(id);
        }
        if let Some(address) = address {
            builder = builder.address(address);
        }
        if let Some(narrator) = &self.narrator {
            narrator.introduce(name, interface, driver);
            builder = builder.observer(Arc::clone(narrator) as Arc<_>);
        }
        if let Some(recording) = &self.recording {
            recording.introduce(name, interface, driver);
            builder = builder.record(recording);
        }
        if let Some(seed) = self.args.link.seed {
            builder = builder.seeds(seeds(seed, name));
        }
        builder
    }
}

/// The kernel's address at the other end of a cable: the router's, if it is on the same network,
/// else the first that is free there.
fn across(ours: Cidr, via: Option<IpAddr>) -> Cidr {
    let network = ours.network();
    let free = match network.address() {
        IpAddr::V4(base) if ours.prefix_len() < 31 => {
            let host = |number| Ipv4Addr::from(u32::from(base).wrapping_add(number));
            let first = IpAddr::V4(host(1));
            if first == ours.address() { IpAddr::V4(host(2)) } else { first }
        }
        other => other,
    };
    let router = via.filter(|router| network.contains(*router));
    Cidr::new(router.unwrap_or(free), ours.prefix_len()).unwrap_or(ours)
}

/// Another port than one that cannot be had.
fn another(taken: SocketAddr) -> u16 {
    match taken.port() {
        // What lies below is not for ordinary users.
        0..1024 | u16::MAX => 8080,
        port => port + 1,
    }
}

/// Whether one side of a connection has closed and the other has not yet done its part. (Nobody
/// waits for TIME-WAIT.)
fn says_goodbye(host: &Host) -> bool {
    use TcpState::{CloseWait, Closing, FinWait1, FinWait2, LastAck};
    host.sockets()
        .iter()
        .any(|info| matches!(info.state, Some(FinWait1 | FinWait2 | Closing | CloseWait | LastAck)))
}

fn inspect(at: AtPort, lan: &Lan) -> Result<MachineServer, Failure> {
    let shown = lan.clone();
    let server = serve_machine(at.0, move |request| page::answer(request, &shown));
    let server = server.map_err(|error| {
        Failure::new(format_args!(
            "the port {} of this machine cannot be had: {error}. Choose another: --inspect {}",
            at.0,
            another(at.0)
        ))
    })?;
    talk(&format!("the LAN can be seen at http://{}/", server.address()));
    Ok(server)
}

/// An address of the built-in LAN with its prefix. The length is a constant in range.
fn address(address: Ipv4Addr) -> Cidr {
    Cidr::new(IpAddr::V4(address), PREFIX).unwrap_or_else(|| Cidr::host(IpAddr::V4(address)))
}

/// A locally administered hardware address, told from the IP address: easy to read in a capture.
fn mac_of(address: Ipv4Addr) -> MacAddress {
    let [a, b, c, d] = address.octets();
    MacAddress([2, 0, a, b, c, d])
}

/// A hardware address for the stack's end of a device, told from the kernel's own end, so that a
/// DHCP server knows the program again while the device lives.
fn mac_beside(device: &str) -> MacAddress {
    let read = std::fs::read_to_string(format!("/sys/class/net/{device}/address"));
    let kernel = read.ok().and_then(|text| text.trim().parse::<MacAddress>().ok());
    // In a network namespace the files may be those of another: then it is one of its own.
    let mut mac = kernel.unwrap_or_else(|| {
        let [.., a, b, c, d, e, f] = RandomState::new().build_hasher().finish().to_be_bytes();
        MacAddress([a, b, c, d, e, f])
    });
    // Locally administered, one station's, and not the kernel's.
    mac.0[0] = mac.0[0] & !1 | 2;
    mac.0[5] ^= 0x80;
    mac
}

/// Seeds for a run that can be repeated: different for each host, and anything but secret.
fn seeds(seed: u64, name: &str) -> Seeds {
    let mut state = name.bytes().fold(seed, |state, byte| mix(state ^ u64::from(byte)));
    let mut draw = || {
        let mut bytes = [0; 32];
        for eight in bytes.chunks_exact_mut(8) {
            state = mix(state);
            eight.copy_from_slice(&state.to_le_bytes());
        }
        bytes
    };
    Seeds { secret: draw(), public: draw() }
}

/// One step of the SplitMix64 generator.
const fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_address_lies_on_the_same_network() {
        let across = |ours: &str, via: Option<&str>| {
            across(ours.parse().unwrap(), via.map(|via| via.parse().unwrap())).to_string()
        };
        assert_eq!(across("10.9.0.2/24", None), "10.9.0.1/24");
        assert_eq!(across("10.9.0.1/24", None), "10.9.0.2/24");
        assert_eq!(across("10.9.0.2/24", Some("10.9.0.254")), "10.9.0.254/24");
        assert_eq!(across("10.9.0.2/24", Some("10.8.0.1")), "10.9.0.1/24");
    }

    #[test]
    fn another_port_is_one_that_a_user_may_have() {
        let another = |port| another(SocketAddr::from(([127, 0, 0, 1], port)));
        assert_eq!((another(80), another(8080), another(u16::MAX)), (8080, 8081, 8080));
    }
}
