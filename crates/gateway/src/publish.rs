//! A port of the machine that leads to an endpoint of the LAN: each connection is continued by one
//! of the router's own sockets, both ways, with half close, reset and back-pressure. Reads nothing
//! of it.

use danja::Host;
use danja::net::TcpStream;
use rustix::net::sockopt::set_socket_linger;
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
/// How long a write waits before it looks whether the other direction has failed.
const GLANCE: Duration = Duration::from_millis(500);
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
            // The machine's program sees its connection reset, which is all it can be told.
            let _ = join(machine, &host, to);
            count.fetch_sub(1, Ordering::SeqCst);
        };
        if thread::Builder::new().name("published".to_owned()).spawn(connection).is_err() {
            open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Connects both sides and moves bytes until both directions have ended. What ends one side by
/// force (a reset, a time-out, a refused connection) resets the other: a transfer that was broken
/// off must not look like one that is complete.
fn join(machine: net::TcpStream, host: &Host, to: SocketAddr) -> io::Result<()> {
    let lan = TcpStream::connect_timeout(host, &to, PATIENCE).inspect_err(|_| {
        let _ = set_socket_linger(&machine, Some(Duration::ZERO));
    })?;
    machine.set_nodelay(true)?;
    lan.set_nodelay(true)?;
    // Who waits for room looks now and then whether the other direction has failed.
    machine.set_write_timeout(Some(GLANCE))?;
    lan.set_write_timeout(Some(GLANCE))?;
    let ends = Arc::new(Ends { machine, lan, broken: AtomicBool::new(false) });
    let other = Arc::clone(&ends);
    let up = thread::Builder::new().name("published up".to_owned()).spawn(move || {
        other.run(&mut &other.machine, &mut &other.lan, |end| end.lan.shutdown(Shutdown::Write));
    })?;
    ends.run(&mut &ends.lan, &mut &ends.machine, |end| end.machine.shutdown(Shutdown::Write));
    let _ = up.join();
    Ok(())
}

/// The two connections that are one.
struct Ends {
    machine: net::TcpStream,
    lan: TcpStream,
    /// One of them has ended by force.
    broken: AtomicBool,
}

impl Ends {
    /// Moves one direction to its end, and passes the end on.
    fn run(
        &self,
        from: &mut impl Read,
        to: &mut impl Write,
        finish: impl FnOnce(&Self) -> io::Result<()>,
    ) {
        let copied = self.copy(from, to);
        if self.broken.load(Ordering::SeqCst) {
            return;
        }
        if copied.and_then(|()| finish(self)).is_err() {
            self.reset();
        }
    }

    /// Makes both ends reset their connections when they are dropped, and wakes who reads.
    fn reset(&self) {
        self.broken.store(true, Ordering::SeqCst);
        // The end that has failed already has nothing to say to this.
        let _ = set_socket_linger(&self.machine, Some(Duration::ZERO));
        let _ = self.lan.set_linger(Some(Duration::ZERO));
        let _ = self.machine.shutdown(Shutdown::Read);
        let _ = self.lan.shutdown(Shutdown::Read);
    }

    /// Moves bytes until the source ends. What the target does not take is not read: that is the
    /// back-pressure.
    fn copy(&self, from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        loop {
            match from.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => self.write_all(to, chunk.get(..count).unwrap_or_default())?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn write_all(&self, to: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match to.write(bytes) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error)
                    if error.kind() == io::ErrorKind::WouldBlock
                        && !self.broken.load(Ordering::SeqCst) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
