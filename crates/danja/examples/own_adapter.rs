//! An adapter of one's own: IP packets in datagrams of a UNIX socket. Two hosts, each with one
//! end, exchange a line.
//!
//! `cargo run -p danja --example own_adapter`

use danja::Host;
use danja::lan::{Adapter, Capabilities, Medium, Readiness, Room};
use danja::net::{TcpListener, TcpStream};
use danja::wire::{Frame, Instant, Offload, Payload};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::thread;

/// One end of a pair of sockets that do not block.
struct Datagrams(UnixDatagram);

impl Adapter for Datagrams {
    fn capabilities(&self) -> Capabilities {
        // The stack makes each frame whole: summed, and no larger than the MTU.
        Capabilities { medium: Medium::Ip, mtu: 1500, checksum: false, max_segmented: 0 }
    }
    fn receive(&mut self, _: Instant, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        let mut buffer = [0; 1500];
        for count in 0..max {
            match self.0.recv(&mut buffer) {
                Ok(length) => {
                    let packet = Payload::copy_from_slice(&buffer[..length]);
                    frames.push(Frame::received(packet, Offload::default()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(count),
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
            // What does not go now is lost, as on any wire; TCP sends it again.
            let _ = self.0.send(&frame.to_vec());
        }
        Ok(())
    }
    fn readiness(&self) -> Readiness<'_> {
        Readiness::Descriptor(self.0.as_fd())
    }
}

fn host(end: UnixDatagram, number: u8) -> io::Result<Host> {
    end.set_nonblocking(true)?;
    Host::builder()
        .adapter(Datagrams(end))
        .address(format!("10.0.0.{number}/24").parse().map_err(io::Error::other)?)
        .build()
}

pub(crate) fn main() -> io::Result<()> {
    let (near, far) = UnixDatagram::pair()?;
    let (server, client) = (host(near, 1)?, host(far, 2)?);

    let listener = TcpListener::bind(&server, "0.0.0.0:7")?;
    let echo = thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line)?;
        stream.write_all(line.as_bytes())
    });

    let mut stream = TcpStream::connect(&client, "10.0.0.1:7")?;
    stream.write_all(b"a line in datagrams\n")?;
    let mut line = String::new();
    stream.read_to_string(&mut line)?;
    assert_eq!(line, "a line in datagrams\n");
    // A closed pipe is no reason to stop.
    let _ = write!(io::stdout(), "echoed: {line}");
    echo.join().map_err(|_| io::Error::other("the server's thread panicked"))?
}
