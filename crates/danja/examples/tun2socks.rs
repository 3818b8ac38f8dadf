//! tun2socks: every TCP connection that the kernel routes into a TUN device goes on through a
//! SOCKS5 proxy (RFC 1928). The client is told that it is connected only when the proxy is.
//!
//! With a SOCKS5 proxy on port 1080 (`ssh -N -D 1080 HOST` is one), once, and then the example:
//! ```console
//! $ sudo ip tuntap add dev tun0 mode tun user "$USER"
//! $ sudo ip address add 192.168.77.1/24 dev tun0
//! $ sudo ip link set tun0 up
//! $ sudo ip route add 192.0.2.0/24 dev tun0    # what is to go through the proxy
//! $ cargo run -p danja --example tun2socks -- tun0 127.0.0.1:1080
//! ```

use danja::Host;
use danja::lan::tap::Builder;
use danja::net::{Domain, IncomingEvent, Socket, SocketKind, SocketOption, TcpStream};
use danja::stack::event::Incoming;
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream as Outside};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A client that was admitted and never finished its handshake is forgotten after this.
const FORGET: Duration = Duration::from_secs(130);

/// Connections of the proxy whose clients are admitted and not yet accepted: by both endpoints.
type Admitted = Arc<Mutex<HashMap<(SocketAddr, SocketAddr), (Instant, Outside)>>>;

/// The code of the ICMP "destination unreachable" (RFC 1812 §5.2.7.1) that says to the client
/// what the proxy's reply (RFC 1928 §6) says to us; `None` for a reset.
const fn verdict(reply: u8) -> Option<u8> {
    match reply {
        2 => Some(13), // not allowed by ruleset: communication administratively prohibited
        3 => Some(0),  // network unreachable
        5 => None,     // connection refused
        _ => Some(1),  // host unreachable, and whatever else the proxy could not do
    }
}

/// Connects to `to` through the proxy. The inner error is the proxy's reply.
fn connect(proxy: SocketAddr, to: SocketAddr) -> io::Result<Result<Outside, u8>> {
    let invalid = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, what));
    let SocketAddr::V4(to) = to else { return invalid("IPv4 only") };
    let mut outside = Outside::connect(proxy)?;
    outside.write_all(&[5, 1, 0])?; // version 5, one method: no authentication
    let mut method = [0; 2];
    outside.read_exact(&mut method)?;
    if method != [5, 0] {
        return invalid("the proxy wants authentication");
    }
    let mut request = vec![5, 1, 0, 1]; // CONNECT to an IPv4 address
    request.extend(to.ip().octets());
    request.extend(to.port().to_be_bytes());
    outside.write_all(&request)?;
    let mut reply = [0; 4];
    outside.read_exact(&mut reply)?;
    if reply[0] != 5 || reply[1] != 0 {
        return Ok(Err(reply[1]));
    }
    // The proxy's own endpoint, of no use here: an IPv4 or IPv6 address, or a name.
    let length = match reply[3] {
        1 => 4,
        4 => 16,
        3 => {
            let mut length = [0];
            outside.read_exact(&mut length)?;
            length[0].into()
        }
        _ => return invalid("the proxy's reply has no address"),
    };
    outside.read_exact(&mut vec![0; length + 2])?;
    Ok(Ok(outside))
}

/// Decides about one client.
fn decide(listener: &Socket, incoming: Incoming, proxy: SocketAddr, admitted: &Admitted) {
    let ends = (incoming.remote, incoming.local);
    let outcome = connect(proxy, incoming.local);
    say(&format!(
        "{} -> {}: {}",
        ends.0,
        ends.1,
        match &outcome {
            Ok(Ok(_)) => "admitted".to_owned(),
            Ok(Err(reply)) => format!("refused, the proxy's reply was {reply}"),
            Err(error) => format!("refused, the proxy failed: {error}"),
        }
    ));
    let refusal = match outcome {
        Ok(Ok(outside)) => {
            let mut waiting = admitted.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.retain(|_, (since, _)| since.elapsed() < FORGET);
            waiting.insert(ends, (Instant::now(), outside));
            // Too late (the client has gone): then it is forgotten, and the proxy hears of it.
            if listener.admit(incoming.id).is_err() {
                waiting.remove(&ends);
            }
            return;
        }
        Ok(Err(reply)) => verdict(reply),
        Err(_) => Some(1),
    };
    // An error says that the client has gone meanwhile.
    let _ = listener.refuse(incoming.id, refusal);
}

/// Copies both ways until both ends are done; an end of one direction is passed on.
fn splice(inside: &TcpStream, outside: &Outside) {
    let abort = || {
        let _ = inside.shutdown(Shutdown::Both);
        let _ = outside.shutdown(Shutdown::Both);
    };
    thread::scope(|both| {
        both.spawn(|| match io::copy(&mut &*inside, &mut &*outside) {
            Ok(_) => drop(outside.shutdown(Shutdown::Write)),
            Err(_) => abort(),
        });
        match io::copy(&mut &*outside, &mut &*inside) {
            Ok(_) => drop(inside.shutdown(Shutdown::Write)),
            Err(_) => abort(),
        }
    });
}

/// Serves the TUN interface `device`; returns only when something fails.
pub(crate) fn run(device: &str, proxy: SocketAddr) -> io::Result<()> {
    // All answers go back by the device, whose other end is any gateway that one names. Pings to
    // foreign addresses are nobody's: we cannot know who would answer.
    let host = Host::builder()
        .adapter(Builder::tun(device).open()?)
        .any_address()
        .gateway(Ipv4Addr::new(192, 0, 2, 1).into())
        .echo_to_application()
        .build()?;
    let listener = Socket::new(&host, Domain::Ipv4, SocketKind::Stream)?;
    listener.set_option(SocketOption::AnyPort(true))?;
    listener.set_option(SocketOption::Admitting(true))?;
    listener.bind(([0, 0, 0, 0], 0).into())?;
    listener.listen(1024)?;

    let admitted = Admitted::default();
    let (asking, waiting) = (listener.try_clone()?, Arc::clone(&admitted));
    thread::spawn(move || -> io::Result<()> {
        loop {
            if let IncomingEvent::Arrived(incoming) = asking.next_incoming()? {
                let (listener, waiting) = (asking.try_clone()?, Arc::clone(&waiting));
                thread::spawn(move || decide(&listener, incoming, proxy, &waiting));
            }
        }
    });
    loop {
        let (inside, peer) = listener.accept()?;
        let ends = (peer, inside.local_addr()?);
        let outside = admitted.lock().unwrap_or_else(PoisonError::into_inner).remove(&ends);
        let Some((_, outside)) = outside else { continue };
        thread::spawn(move || splice(&TcpStream::from_socket(inside), &outside));
    }
}

#[allow(dead_code, reason = "the test calls `run`")]
fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(device), Some(Ok(proxy))) =
        (arguments.next(), arguments.next().map(|proxy| proxy.parse()))
    else {
        say("usage: tun2socks DEVICE PROXY, as in: tun2socks tun0 127.0.0.1:1080");
        return ExitCode::from(2);
    };
    match run(&device, proxy) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("tun2socks: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn say(line: &str) {
    // A closed pipe is no reason to stop.
    let _ = writeln!(io::stdout(), "{line}");
}
