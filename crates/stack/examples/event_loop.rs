//! The stack by itself: no host, no thread, no clock. Two stacks on a wire that loses a frame: one
//! sends a line, the other sends it back. An event loop of your own has one stack, and a device
//! where this one has the wire.
//!
//! `cargo run -p danja-stack --example event_loop`

use danja_stack::config::InterfaceConfig;
use danja_stack::interface::Room;
use danja_stack::socket::{ConnectError, Domain, RecvFlags, SendFlags, Shutdown, SocketKind};
use danja_stack::{Config, Event, Frame, Instant, InterfaceId, Medium, Payload, Ready};
use danja_stack::{Seeds, SocketId, Stack};
use danja_wire::describe::describe;
use std::error::Error;
use std::io::{self, Write};

const LINE: &[u8] = b"a line over the wire";
/// Which frame the wire loses: the one with the line.
const LOST: usize = 3;

type Outcome = Result<(), Box<dyn Error>>;

/// A stack with an interface that carries IP packets.
fn stack(number: u8) -> Result<(Stack, InterfaceId), Box<dyn Error>> {
    // Production takes seeds from the operating system; equal seeds give equal bytes.
    let mut stack = Stack::new(Config::default(), Seeds::from_u64(number.into()));
    let wire = InterfaceConfig::new("wire", Medium::Ip, 1500)
        .address(format!("10.0.0.{number}/24").parse()?);
    let interface = stack.add_interface(wire, Instant::ZERO).ok_or("too many interfaces")?;
    Ok((stack, interface))
}

/// All that waits to be read from a socket, copied.
fn read(stack: &mut Stack, socket: SocketId, now: Instant) -> Vec<u8> {
    let mut slices = Vec::new();
    // An error here says that nothing waits; a fault would have come as `Ready::ERROR`.
    let _ = stack.recv(socket, usize::MAX, RecvFlags::default(), &mut slices, now);
    slices.iter().flat_map(|slice| slice.as_slice()).copied().collect()
}

/// The server: accepts, sends back what it reads, and closes when the client has.
fn serve(stack: &mut Stack, at: SocketId, ready: Ready, now: Instant) -> Outcome {
    if ready.intersects(Ready::ACCEPTABLE) {
        let (accepted, _) = stack.accept(at, now)?;
        // What came before it had a descriptor is told by no event.
        let ready = stack.readiness(accepted);
        return serve(stack, accepted, ready, now);
    }
    if ready.intersects(Ready::READABLE) {
        let line = Payload::from(read(stack, at, now));
        stack.send(at, &line, SendFlags::default(), now)?;
    }
    if ready.intersects(Ready::READ_CLOSED) {
        stack.close(at, now)?;
    }
    Ok(())
}

/// The client's own state: what it has asked and heard.
#[derive(Default)]
struct Client {
    asked: bool,
    echo: Vec<u8>,
    done: bool,
}

impl Client {
    /// When it is connected it sends the line and ends its half; then it reads to the end.
    fn on_ready(&mut self, stack: &mut Stack, at: SocketId, ready: Ready, now: Instant) -> Outcome {
        if ready.intersects(Ready::ERROR) {
            return Err(format!("{:?}", stack.take_error(at, now)).into());
        }
        if ready.intersects(Ready::WRITABLE) && !self.asked {
            stack.send(at, &Payload::from_static(LINE), SendFlags::default(), now)?;
            stack.shutdown(at, Shutdown::Write, now)?;
            self.asked = true;
        }
        self.echo.extend(read(stack, at, now));
        self.done = ready.intersects(Ready::READ_CLOSED);
        Ok(())
    }
}

pub(crate) fn main() -> Outcome {
    let mut now = Instant::ZERO;
    let ((mut server, server_wire), (mut client, client_wire)) = (stack(1)?, stack(2)?);

    // Socket calls never block: a connection that has begun is told by an event.
    let listener = server.socket(Domain::Ipv4, SocketKind::Stream, now)?;
    server.bind(listener, "10.0.0.1:7".parse()?, now)?;
    server.listen(listener, 1, now)?;
    let socket = client.socket(Domain::Ipv4, SocketKind::Stream, now)?;
    match client.connect(socket, "10.0.0.1:7".parse()?, now) {
        Err(ConnectError::InProgress) => {}
        other => return Err(format!("{other:?}").into()),
    }

    let (mut count, mut asking) = (0, Client::default());
    while !asking.done {
        // First, what is to be sent, for as much room as the adapter has; the other end gets it.
        let mut wire = |from: &mut Stack, by, to: &mut Stack, at| {
            let mut frames: Vec<Frame> = Vec::new();
            while let Some(frame) = from.poll_transmit(by, Room::UNLIMITED, now) {
                count += 1;
                let lost = if count == LOST { "lost: " } else { "" };
                say(&format!("{now:?} {lost}{}", describe(&frame.to_vec(), 0)));
                if count != LOST {
                    frames.push(frame);
                }
            }
            to.receive(at, &mut frames, now);
        };
        wire(&mut client, client_wire, &mut server, server_wire);
        wire(&mut server, server_wire, &mut client, client_wire);

        // Then, what happened to sockets.
        while let Some(event) = server.poll_event() {
            if let Event::Socket { socket, ready } = event {
                serve(&mut server, socket, ready, now)?;
            }
        }
        while let Some(event) = client.poll_event() {
            if let Event::Socket { socket, ready } = event {
                asking.on_ready(&mut client, socket, ready, now)?;
            }
        }
        // The calls above may have made frames: they go first.
        if server.wants_transmit(server_wire) || client.wants_transmit(client_wire) {
            continue;
        }

        // Last, the time. A loop with a device waits for a frame until then; here none can come,
        // and time is an argument, so that it may as well be then.
        let due = [server.poll_timeout(), client.poll_timeout()];
        now = due.into_iter().flatten().min().ok_or("nothing is awaited")?.max(now);
        server.handle_timeout(now);
        client.handle_timeout(now);
    }

    assert_eq!(asking.echo, LINE);
    assert_eq!(client.counters().tcp_retrans_segs, 1, "one frame was lost");
    say(&format!("{now:?} echoed: {}", String::from_utf8_lossy(&asking.echo)));
    Ok(())
}

fn say(line: &str) {
    // A closed pipe is no reason to stop.
    let _ = writeln!(io::stdout(), "{line}");
}
