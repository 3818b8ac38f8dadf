//! The router of the built-in LAN: DNS for the LAN's names, published ports, and a web page that
//! shows the LAN. An application of the `danja` library; needs no privileges.
//!
//! The way out to other networks is not here yet: names that are not the LAN's are refused.

mod dns;
pub mod http;
pub mod inspect;
mod lan;
pub mod page;
mod publish;
mod stop;

pub use lan::{Lan, Member};
pub use publish::Published;
pub use stop::Stop;

use danja::Host;
use danja::net::{TcpListener, UdpSocket};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
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
#[derive(Debug)]
pub struct Gateway {
    host: Host,
    address: IpAddr,
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
}

/// Web clients at once.
const CLIENTS: usize = 64;

impl Gateway {
    /// Starts DNS (UDP and TCP port 53) and the page (port 80) on `host`, at its first address,
    /// and adds it to `lan`.
    ///
    /// # Errors
    /// The host has no address, a port is taken, or the system gives no thread.
    pub fn start(host: Host, lan: &Lan) -> io::Result<Self> {
        let address = first_address(&host).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the host has no address")
        })?;
        let datagrams = UdpSocket::bind(&host, SocketAddr::new(address, 53))?;
        let stream = TcpListener::bind(&host, SocketAddr::new(address, 53))?;
        let web = TcpListener::bind(&host, SocketAddr::new(address, 80))?;
        // From here on it exists, so that what goes wrong ends what has been started.
        let mut gateway = Self { host, address, stop: Stop::new(), threads: Vec::new() };

        let names = dns::Names::new(lan);
        let (known, ended) = (names.clone(), gateway.stop.clone());
        gateway.spawn("dns udp", move || dns::serve_datagrams(&datagrams, &known, &ended))?;
        let ended = gateway.stop.clone();
        gateway.spawn("dns tcp", move || dns::serve_streams(&stream, &names, &ended))?;
        let (shown, ended) = (lan.clone(), gateway.stop.clone());
        let answer = move |request: &http::Request| page::answer(request, &shown);
        gateway.spawn("page", move || http::serve(&web, CLIENTS, &ended, answer))?;
        lan.add_router(&gateway.host);
        Ok(gateway)
    }

    fn spawn(&mut self, name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
        self.threads.push(thread::Builder::new().name(name.to_owned()).spawn(body)?);
        Ok(())
    }

    /// The router's address.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Lets programs of this machine reach `to` on the LAN through a port of the machine, until
    /// the value is dropped. Port 0 lets the machine choose one.
    ///
    /// # Errors
    /// The machine's port cannot be had.
    pub fn publish(&self, on: SocketAddr, to: SocketAddr) -> io::Result<Published> {
        Published::new(&self.host, on, to)
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
