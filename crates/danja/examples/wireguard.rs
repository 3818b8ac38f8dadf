//! A WireGuard tunnel between two hosts: packets are sealed by `boringtun`, and pass through UDP
//! sockets of this machine. No device, no route, no privilege.
//!
//! `cargo run -p danja --example wireguard`

use boringtun::noise::{Tunn, TunnResult};
use boringtun::x25519::{PublicKey, StaticSecret};
use danja::Host;
use danja::lan::{Adapter, Capabilities, Medium, Readiness, Room};
use danja::net::{TcpListener, TcpStream};
use danja::wire::{Frame, Instant, Offload, Payload};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

/// How often WireGuard looks at its own timers: new keys, keep-alive.
const TICK: Duration = Duration::from_millis(250);
/// Largest packet inside; its sealed form fits into 1500 bytes, over IPv6 too.
const MTU: usize = 1420;
/// How many bytes are fetched through the tunnel.
const BYTES: usize = 1 << 20;

/// One end of the tunnel: an adapter that seals what the stack sends.
struct WireGuard {
    tunnel: Tunn,
    /// Connected to the other end, and does not block.
    outside: UdpSocket,
    /// The only source from which the peer may send ("cryptokey routing").
    peer: Ipv4Addr,
    tick: Instant,
    buffer: Box<[u8; 2048]>,
}

impl WireGuard {
    /// Opens a datagram from outside. Forgeries and replays are errors of `boringtun`, and end
    /// here as silently as WireGuard wants it.
    fn open(&mut self, datagram: &[u8], frames: &mut Vec<Frame>) {
        let mut result = self.tunnel.decapsulate(None, datagram, &mut self.buffer[..]);
        // A handshake's answer; after it, the packets that waited for the handshake.
        while let TunnResult::WriteToNetwork(answer) = result {
            let _ = self.outside.send(answer);
            result = self.tunnel.decapsulate(None, &[], &mut self.buffer[..]);
        }
        if let TunnResult::WriteToTunnelV4(packet, source) = result
            && source == self.peer
        {
            let packet = Payload::copy_from_slice(packet);
            frames.push(Frame::received(packet, Offload::default()));
        }
    }
}

impl Adapter for WireGuard {
    fn capabilities(&self) -> Capabilities {
        Capabilities { medium: Medium::Ip, mtu: MTU, checksum: false, max_segmented: 0 }
    }
    fn receive(&mut self, now: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        if now >= self.tick {
            self.tick = now + TICK;
            if let TunnResult::WriteToNetwork(bytes) =
                self.tunnel.update_timers(&mut self.buffer[..])
            {
                let _ = self.outside.send(bytes);
            }
        }
        let mut datagram = [0; 2048];
        for _ in 0..max {
            match self.outside.recv(&mut datagram) {
                Ok(length) => self.open(&datagram[..length], frames),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                // The other end is not there (yet): ICMP said so. No failure of ours.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(error) => return Err(error),
            }
        }
        Ok(max)
    }
    fn room(&mut self, _: Instant) -> Room {
        Room::UNLIMITED
    }
    fn transmit(&mut self, _: Instant, frames: &mut Vec<Frame>) -> io::Result<()> {
        for frame in frames.drain(..) {
            // Before the handshake the packet is kept, and the handshake begun.
            let sealed = self.tunnel.encapsulate(&frame.to_vec(), &mut self.buffer[..]);
            if let TunnResult::WriteToNetwork(bytes) = sealed {
                // What does not go now is lost, as on any wire.
                let _ = self.outside.send(bytes);
            }
        }
        Ok(())
    }
    fn readiness(&self) -> Readiness<'_> {
        Readiness::Descriptor(self.outside.as_fd())
    }
    fn poll_timeout(&self) -> Option<Instant> {
        Some(self.tick)
    }
}

/// What a peer is: its key, its place outside, its address inside.
struct Peer {
    secret: StaticSecret,
    outside: UdpSocket,
    inside: Ipv4Addr,
}

impl Peer {
    fn new(number: u8) -> io::Result<Self> {
        let mut secret = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut secret)?;
        let outside = UdpSocket::bind("127.0.0.1:0")?;
        outside.set_nonblocking(true)?;
        Ok(Self { secret: secret.into(), outside, inside: Ipv4Addr::new(10, 8, 0, number) })
    }

    /// The host of this peer; all that it has is the tunnel to the other.
    fn host(&self, other: &Self) -> io::Result<Host> {
        self.outside.connect(other.outside.local_addr()?)?;
        let key = PublicKey::from(&other.secret);
        let adapter = WireGuard {
            tunnel: Tunn::new(self.secret.clone(), key, None, None, 0, None),
            outside: self.outside.try_clone()?,
            peer: other.inside,
            tick: Instant::ZERO,
            buffer: Box::new([0; 2048]),
        };
        let address = format!("{}/24", self.inside).parse().map_err(io::Error::other)?;
        Host::builder().adapter(adapter).interface_name("wg0").address(address).build()
    }
}

pub(crate) fn main() -> io::Result<()> {
    let (one, two) = (Peer::new(1)?, Peer::new(2)?);
    let (server, client) = (one.host(&two)?, two.host(&one)?);

    let page: Vec<u8> = (0..BYTES).map(|n| (n ^ (n >> 8)) as u8).collect();
    let listener = TcpListener::bind(&server, "0.0.0.0:80")?;
    let sent = page.clone();
    let serve = thread::spawn(move || listener.accept()?.0.write_all(&sent));

    let mut stream = TcpStream::connect(&client, (one.inside, 80))?;
    let mut fetched = Vec::new();
    stream.read_to_end(&mut fetched)?;
    serve.join().map_err(|_| io::Error::other("the server's thread panicked"))??;
    assert!(fetched == page, "what came is not what was sent");

    let info = stream.control_info().ok_or_else(|| io::Error::other("no control information"))?;
    let tcp = info.tcp.ok_or_else(|| io::Error::other("no connection"))?;
    assert_eq!(tcp.path_mtu as usize, MTU, "segments are made for the tunnel");
    // A closed pipe is no reason to stop.
    let _ = writeln!(
        io::stdout(),
        "{} bytes through the tunnel; {:?} {:?} <-> {:?}, segments of {} bytes, round trip {:?}",
        tcp.bytes_received,
        info.state,
        info.local,
        info.remote,
        tcp.snd_mss,
        tcp.srtt
    );
    Ok(())
}
