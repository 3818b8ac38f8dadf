//! The LAN that the examples run on: two hosts of one process and the cable between them, good or
//! bad. Has nothing of the libraries that the examples show; each of these has a file of its own
//! under `examples`, to be read and copied, and `tests/examples.rs` runs them all.

use danja::Host;
use danja::lan::MacAddress;
use danja::lan::cable::{Port, Switch};
use danja::lan::impair::{Impaired, Impairment};
use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

/// Two hosts that know the first one by the name `server`.
#[derive(Debug)]
pub struct Lan {
    /// 10.0.0.1.
    pub server: Host,
    /// 10.0.0.2.
    pub client: Host,
}

impl Lan {
    /// Joined by a cable.
    ///
    /// # Errors
    /// Those of [`danja::Builder::build`].
    pub fn new() -> io::Result<Self> {
        let lan = Switch::new();
        Ok(Self { server: host(1, |port| port, &lan)?, client: host(2, |port| port, &lan)? })
    }

    /// Joined by a line that takes 10 ms and loses 1 % of the packets, each way; which ones,
    /// `seed` decides.
    ///
    /// # Errors
    /// Those of [`danja::Builder::build`].
    pub fn bad(seed: u64) -> io::Result<Self> {
        let lan = Switch::new();
        let line = Impairment::default().with_delay(Duration::from_millis(10)).with_loss(0.01);
        Ok(Self {
            server: host(1, |port| port, &lan)?,
            client: host(2, |port| Impaired::new(port, line, line, seed), &lan)?,
        })
    }
}

/// Host `number`, with `wrap` around its adapter.
fn host<A: danja::lan::Adapter + 'static>(
    number: u8,
    wrap: impl FnOnce(Port) -> A,
    lan: &Switch,
) -> io::Result<Host> {
    Host::builder()
        .adapter(wrap(lan.port(MacAddress([2, 0, 0, 0, 0, number]))))
        .address(format!("10.0.0.{number}/24").parse().map_err(io::Error::other)?)
        .known_name("server", Ipv4Addr::new(10, 0, 0, 1).into())
        .build()
}

/// The project's README, whose programs are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// The same in Korean.
#[cfg(doctest)]
#[doc = include_str!("../../../README.ko.md")]
struct ReadmeKo;
