//! TCP/IP in your own process: hosts with a protocol stack of their own, and `std::net`'s sockets
//! on them.
//!
//! A [`Host`] is made of [LAN adapters](lan) and addresses; sockets of [`net`] are made from it,
//! and carry the names, signatures and semantics of `std::net`. Contains no protocol logic: that
//! is [`stack`]'s.
//!
//! ```
//! use danja::net::{TcpListener, TcpStream};
//! use danja::{Host, lan::MacAddress, lan::cable::Switch};
//! use std::io::{Read, Write};
//!
//! # fn main() -> std::io::Result<()> {
//! // A LAN in the process, and two hosts on it.
//! let lan = Switch::new();
//! let host = |name: &str, number: u8| {
//!     Host::builder()
//!         .name(name)
//!         .adapter(lan.port(MacAddress([2, 0, 0, 0, 0, number])))
//!         .address(format!("10.0.0.{number}/24").parse().unwrap())
//!         .known_name("server", "10.0.0.1".parse().unwrap())
//!         .build()
//! };
//! let (server, client) = (host("server", 1)?, host("client", 2)?);
//!
//! let listener = TcpListener::bind(&server, "0.0.0.0:80")?;
//! let worker = std::thread::spawn(move || -> std::io::Result<()> {
//!     let (mut stream, _) = listener.accept()?;
//!     stream.write_all(b"a page")
//! });
//! let mut stream = TcpStream::connect(&client, "server:80")?;
//! let mut page = String::new();
//! stream.read_to_string(&mut page)?;
//! assert_eq!(page, "a page");
//! worker.join().unwrap()?;
//!
//! // What a connection is made of can be looked at.
//! println!("{:?}", client.sockets());
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

pub mod clock;
pub mod dhcp;
mod error;
mod host;
pub mod net;
#[cfg(feature = "record")]
pub mod record;
pub mod resolve;
#[cfg(feature = "tokio")]
pub mod tokio;

/// LAN drivers.
pub use danja_lan as lan;
/// The protocol stack.
pub use danja_stack as stack;
/// The wire formats.
pub use danja_wire as wire;

pub use danja_stack::{Config, ControlInfo, SocketId};
pub use error::{Error, cause, errno};
pub use host::{Builder, Driver, Host, HostEvent, observe};

/// Compiles the examples in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
