//! Where a command runs: the built-in LAN with its router, or a TAP device; with what is wrong
//! with the link, and what shall be shown of it. Speaks no protocol.

mod builtin;
mod device;
mod joined;
mod plan;

use crate::args::{AtPort, NetworkArgs, Publish, Transport};
use crate::explain::Narrator;
use crate::failure::Failure;
use crate::output::talk;
use crate::report::Reporter;
pub(crate) use builtin::{PREFIX, PROGRAM, ROUTER, address, mac_of};
use danja::Host;
use danja::lan::capture::Capture;
use danja::net::ToEndpoints;
use danja::record::Recording;
use danja_gateway::inspect::Inspection;
use danja_gateway::{Gateway, Lan, Published, http::MachineServer, http::serve_machine, page};
use danja_stack::views::TcpState;
use plan::Plan;
use std::io;
use std::iter;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// At the end of a command: how long closed connections may take to say goodbye. A lost FIN is
/// sent again after 200 ms or a few round trips.
const GOODBYE: Duration = Duration::from_secs(3);
/// How long a peer that is not ours may take to close its side, once it has heard of our FIN.
const POLITENESS: Duration = Duration::from_millis(300);
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
    reporter: Option<Arc<Reporter>>,
    capture: Option<Capture>,
    recording: Option<Recording>,
    /// By which the user's other commands look inside.
    inspection: Option<Inspection>,
    /// The LAN of several programs that the host is on.
    joined: Option<String>,
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
        let name = args.tap.name.as_deref().unwrap_or(name);
        let (host, gateway) = match (&args.tap.tap, &args.tap.nic, &args.tap.lan) {
            (Some(device), ..) => (plan.on_tap(name, device)?, None),
            (None, Some(device), _) => (plan.on_nic(name, device)?, None),
            (None, None, Some(lan)) => (plan.on_lan(name, lan)?, None),
            (None, None, None) => plan.built_in(name, &lan)?,
        };
        lan.add(&host);
        lan.set_link(host.name(), &plan.link);
        let inspection = inspection(host.name(), &lan);
        let inspect = args.show.inspect.map(|at| inspect(at, &lan)).transpose()?;
        let Plan { narrator, capture, recording, reporter, .. } = plan;
        let joined = args.tap.lan.clone();
        let parts = Parts {
            lan,
            gateway,
            narrator,
            reporter,
            capture,
            recording,
            inspection,
            joined,
            _inspect: inspect,
        };
        let told = host.leases().into_iter().filter_map(|view| view.lease);
        let lent_dns = told.flat_map(|lease| lease.dns).next();
        let has_router = parts.gateway.is_some() || parts.joined.is_some();
        let asks_nobody = !has_router && args.tap.dns.is_none() && lent_dns.is_none();
        Ok(Self { host, asks_nobody, parts: Arc::new(parts) })
    }

    /// Whether it is a LAN of ours: the built-in one, or one of several programs.
    pub(crate) fn is_built_in(&self) -> bool {
        self.parts.gateway.is_some() || self.parts.joined.is_some()
    }

    /// Whether it is a LAN of several programs.
    pub(crate) fn is_shared(&self) -> bool {
        self.parts.joined.is_some()
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
        let own = || self.parts.lan.hosts().iter().map(|host| host.name().to_owned()).collect();
        let names: Vec<String> = match &self.parts.joined {
            None => own(),
            Some(lan) => iter::once("danja".to_owned()).chain(joined::names(lan)).collect(),
        };
        let lan = self.parts.joined.as_ref();
        let lan = lan.map_or_else(|| "built-in LAN".to_owned(), |lan| format!("LAN {lan}"));
        let text = format!("{error}\nThe {lan} itself knows these names: {}.", names.join(", "));
        io::Error::new(error.kind(), text)
    }

    /// This process has a network namespace whose kernel shares the program's address: its sockets
    /// are shown with the host's.
    pub(crate) fn shares_with(&self, process: i32) {
        self.parts.lan.set_process(self.host.name(), process.unsigned_abs());
    }

    /// Lets programs of this machine reach a port of the program's host, `port` where none is
    /// named; `None` without a router of our own.
    ///
    /// # Errors
    /// The machine's port cannot be had.
    pub(crate) fn publish(
        &self,
        publish: &Publish,
        port: u16,
    ) -> Result<Option<Publishing>, Failure> {
        let (on, transport) = (publish.on.0, publish.transport);
        let to = SocketAddr::new(self.address(), publish.port.unwrap_or(port));
        let published = match (&self.parts.gateway, &self.parts.joined) {
            (Some(gateway), _) => open(gateway, on, to, transport)
                .map(Publishing::Here)
                .map_err(|error| error.to_string()),
            (None, Some(lan)) => joined::publish(lan, on, to, transport)
                .map(|(address, socket)| Publishing::Lan { address, _socket: socket }),
            (None, None) => return Ok(None),
        };
        published.map(Some).map_err(|error| {
            let kind = if transport == Transport::Udp { "/udp" } else { "" };
            Failure::new(format_args!(
                "the port {on}{kind} of this machine cannot be had: {error}. Choose another: \
                 --publish {}{kind}",
                another(on)
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
        self.parts.inspection.iter().for_each(Inspection::end);
        self.parts.reporter.iter().for_each(|reporter| reporter.tell());
        if let Some(capture) = &self.parts.capture
            && let Err(error) = capture.finish()
        {
            talk(&format!("danja: the capture is not complete: {error}"));
        }
    }
}

/// A port of the machine that leads to the program's host, until it is dropped.
pub(crate) enum Publishing {
    /// By the router in this process.
    Here(Published),
    /// By the router of a LAN of several programs.
    Lan { address: SocketAddr, _socket: OwnedFd },
}

impl Publishing {
    /// Where it is on the machine.
    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Here(published) => published.address(),
            Self::Lan { address, .. } => *address,
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

/// Publishes a port.
pub(crate) fn open(
    gateway: &Gateway,
    on: SocketAddr,
    to: SocketAddr,
    transport: Transport,
) -> io::Result<Published> {
    match transport {
        Transport::Tcp => gateway.publish(on, to),
        Transport::Udp => gateway.publish_datagrams(on, to),
    }
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

/// Lets the user's other commands look inside; without it the command does its work all the same.
fn inspection(name: &str, lan: &Lan) -> Option<Inspection> {
    let started = Inspection::start(name, lan);
    let say = |error| talk(&format!("danja: other commands cannot look inside this one: {error}"));
    started.map_err(say).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_port_is_one_that_a_user_may_have() {
        let another = |port| another(SocketAddr::from(([127, 0, 0, 1], port)));
        assert_eq!((another(80), another(8080), another(u16::MAX)), (8080, 8081, 8080));
    }
}
