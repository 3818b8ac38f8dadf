//! Hosts on a cable in one process.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use danja::lan::MacAddress;
use danja::lan::cable::Switch;
use danja::{Builder, Host};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Longer than anything takes on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// The address of host `number` on the test LAN.
pub(crate) const fn address(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 0, 0, number))
}

/// An endpoint of host `number`.
pub(crate) const fn endpoint(number: u8, port: u16) -> SocketAddr {
    SocketAddr::new(address(number), port)
}

/// Host `number`, not yet built.
pub(crate) fn builder(lan: &Switch, number: u8) -> Builder {
    Host::builder()
        .name(format!("host{number}"))
        .adapter(lan.port(MacAddress([2, 0, 0, 0, 0, number])))
        .address(format!("10.0.0.{number}/24").parse().unwrap())
}

pub(crate) fn host(lan: &Switch, number: u8) -> Host {
    builder(lan, number).build().unwrap()
}

/// Hosts 1 and 2 on one LAN.
pub(crate) fn two_hosts() -> (Host, Host) {
    let lan = Switch::new();
    (host(&lan, 1), host(&lan, 2))
}

/// Runs `body` and fails if it has not returned in time; a hang is a failure, not a hang.
pub(crate) fn in_time<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = mpsc::channel();
    let worker = thread::spawn(move || {
        let value = body();
        let _ = done.send(());
        value
    });
    match result.recv_timeout(LONG) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("not done in {LONG:?}"),
        _ => worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

/// Bytes that show where they are: a shifted or repeated piece is seen.
pub(crate) fn pattern(start: u64, buffer: &mut [u8]) {
    for (position, byte) in (start..).zip(buffer) {
        *byte = (position ^ (position >> 8) ^ (position >> 16).wrapping_mul(31)) as u8;
    }
}
