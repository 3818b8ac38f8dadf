//! Worlds of hosts on one simulated Ethernet, in virtual time, from one seed. One thread, no
//! wall clock, no system call: the same seed and the same calls give the same bytes on the wire.
//!
//! A [`World`] holds [`Stack`](danja_stack::Stack)s, one a host, each with a cable of its own to
//! the segment; each direction of a cable is an [`Impairment`]. Call a stack with
//! [`World::call`], then let time pass with [`World::run_until`] or [`World::step`]: what
//! happens to sockets, and alarms that were set, come out as [`Happening`]s in the order of time.
//!
//! ```
//! use danja_sim::world::{Happening, HostConfig, Impairment, World};
//! use danja_stack::socket::{Domain, SendFlags, SocketKind};
//! use danja_stack::{Payload, Ready};
//! use std::net::SocketAddr;
//! use std::time::Duration;
//!
//! let mut world = World::new(7);
//! let link = Impairment::default().with_delay(Duration::from_millis(10)).with_jitter(Duration::from_millis(2));
//! let asker = world.host(HostConfig::new("asker").link(link));
//! let answerer = world.host(HostConfig::new("answerer").mtu(9000));
//!
//! let to = SocketAddr::from((world.address(answerer), 7));
//! let server = world.call(answerer, |stack, now| {
//!     let socket = stack.socket(Domain::Ipv4, SocketKind::Datagram, now).unwrap();
//!     stack.bind(socket, to, now).unwrap();
//!     socket
//! });
//! world.call(asker, |stack, now| {
//!     let socket = stack.socket(Domain::Ipv4, SocketKind::Datagram, now).unwrap();
//!     let flags = SendFlags { to: Some(to), ..SendFlags::default() };
//!     stack.send(socket, &Payload::from_static(b"hello"), flags, now).unwrap();
//! });
//!
//! let mut heard = Vec::new();
//! let until = world.now() + Duration::from_secs(1);
//! world.run_until(until, |world, happening| {
//!     if let Happening::Socket { host, socket, ready } = happening
//!         && host == answerer && socket == server && ready.intersects(Ready::READABLE)
//!     {
//!         let at = world.now();
//!         world.call(host, |stack, now| {
//!             stack.recv(socket, 100, Default::default(), &mut heard, now).unwrap();
//!         });
//!         assert!(at.saturating_since(world.start()) >= Duration::from_millis(16));
//!     }
//! }).unwrap();
//! assert_eq!(heard, [Payload::from_static(b"hello")]);
//! ```

mod capture;
mod digest;
mod happening;
mod host;
mod link;
mod random;
mod segment;
mod simulation;
#[cfg(test)]
mod tests;
pub mod workload;

pub use capture::capture;
pub use danja_lan::impair::{Bursts, ImpairCounters, Impairment, Loss};
pub use happening::{Direction, Happening, Livelock, Observer, Passing};
pub use host::{Burst, HostConfig, HostCounters, HostId};
pub use link::LinkCounters;
pub use random::Random;
pub use segment::Segment;
pub use simulation::World;
