//! A port of the machine that leads to an endpoint of the LAN: each connection is continued by one
//! of the router's own sockets, both ways, with half close and back-pressure. Reads nothing of it.

use danja::Host;
use danja::net::TcpStream;
use std::io::{self, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Connections at once; more wait in the machine's own queue.
const CONNECTIONS: usize = 256;
/// How long the LAN's side may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// After an accept that failed (no descriptors left, as a rule), before the next.
const PAUSE: Duration = Duration::from_millis(50);
/// Moved at once in one direction, in bytes.
const CHUNK: usize = 64 * 1024;

/// A published port; it is closed when this is dropped. Connections under way go on.
#[derive(Debug)]
pub struct Published {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Published {
    pub(crate) fn new(host: &Host, on: SocketAddr, to: SocketAddr) -> io::Result<Self> {
        let listener = net::TcpListener::bind(on)?;
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let (host, over) = (host.clone(), Arc::clone(&ended));
        let thread = thread::Builder::new()
            .name(format!("publish {}", address.port()))
            .spawn(move || accept(&listener, &host, to, &over))?;
        Ok(Self { address, ended, thread: Some(thread) })
    }

    /// The machine's endpoint, with the port that was chosen.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // The machine's `accept` ends with a connection, so it gets one.
        if net::TcpStream::connect_timeout(&reachable(self.address), Duration::from_secs(1)).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

/// An address by which a listener on this address is reached from the machine itself.
fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn accept(listener: &net::TcpListener, host: &Host, to: SocketAddr, ended: &AtomicBool) {
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        if open.load(Ordering::SeqCst) >= CONNECTIONS && !ended.load(Ordering::SeqCst) {
            thread::sleep(PAUSE);
            continue;
        }
        let accepted = listener.accept();
        if ended.load(Ordering::SeqCst) {
            return;
        }
        let Ok((machine, _)) = accepted else {
            thread::sleep(PAUSE);
            continue;
        };
        let (host, count) = (host.clone(), Arc::clone(&open));
        count.fetch_add(1, Ordering::SeqCst);
        let connection = move || {
            // The machine's program sees its connection end, which is all it can be told.
            let _ = join(machine, &host, to);
            count.fetch_sub(1, Ordering::SeqCst);
        };
        if thread::Builder::new().name("published".to_owned()).spawn(connection).is_err() {
            open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Connects both sides and moves bytes until both directions have ended.
fn join(machine: net::TcpStream, host: &Host, to: SocketAddr) -> io::Result<()> {
    let lan = TcpStream::connect_timeout(host, &to, PATIENCE)?;
    machine.set_nodelay(true)?;
    lan.set_nodelay(true)?;
    let (mut from_machine, mut to_machine) = (machine.try_clone()?, machine);
    let (mut from_lan, mut to_lan) = (lan.try_clone()?, lan);
    let up = thread::Builder::new().name("published up".to_owned()).spawn(move || {
        if copy(&mut from_machine, &mut to_lan).is_ok() {
            let _ = to_lan.shutdown(Shutdown::Write);
        } else {
            // One side is gone: the other shall know, in both directions.
            let _ = to_lan.shutdown(Shutdown::Both);
            let _ = from_machine.shutdown(Shutdown::Both);
        }
    })?;
    if copy(&mut from_lan, &mut to_machine).is_ok() {
        let _ = to_machine.shutdown(Shutdown::Write);
    } else {
        let _ = to_machine.shutdown(Shutdown::Both);
        let _ = from_lan.shutdown(Shutdown::Both);
    }
    let _ = up.join();
    Ok(())
}

/// Moves bytes until the source ends. What the target does not take is not read: that is the
/// back-pressure.
fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(chunk.get(..count).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
