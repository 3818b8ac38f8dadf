//! Two hosts on a cable: one sends a line, the other sends it back. Each frame is shown as it
//! leaves, and at the end the control information of both ends.
//!
//! `cargo run -p danja --example echo`

use danja::lan::MacAddress;
use danja::lan::cable::Switch;
use danja::net::{TcpListener, TcpStream};
use danja::observe::{Observed, Observer};
use danja::stack::Instant;
use danja::wire::describe::describe;
use danja::{ControlInfo, Host};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::thread;

/// Writes a line for each frame that leaves a host.
struct Frames;

impl Observer for Frames {
    fn observe(&self, host: &str, now: Instant, event: &Observed<'_>) {
        if let Observed::Transmitted(frame) = event {
            frame.on_the_wire(|bytes| say(&format!("{now:?} {host}: {}", describe(bytes, 14))));
        }
    }
}

fn say(line: &str) {
    // A closed pipe is no reason to stop.
    let _ = writeln!(io::stdout(), "{line}");
}

fn host(lan: &Switch, name: &str, number: u8) -> io::Result<Host> {
    Host::builder()
        .name(name)
        .adapter(lan.port(MacAddress([2, 0, 0, 0, 0, number])))
        .address(format!("10.0.0.{number}/24").parse().map_err(io::Error::other)?)
        .observer(Arc::new(Frames))
        .build()
}

fn show(name: &str, info: Option<ControlInfo>) {
    let Some(info) = info else { return };
    say(&format!("{name}: {:?} {:?} <-> {:?}", info.state, info.local, info.remote));
    if let Some(tcp) = info.tcp {
        say(&format!("  sent to {:?}, received to {:?}", tcp.snd_nxt, tcp.rcv_nxt));
    }
}

pub(crate) fn main() -> io::Result<()> {
    let lan = Switch::new();
    let (server, client) = (host(&lan, "server", 1)?, host(&lan, "client", 2)?);

    let listener = TcpListener::bind(&server, "0.0.0.0:7")?;
    let echo = thread::spawn(move || -> io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line)?;
        stream.write_all(line.as_bytes())?;
        show("server", stream.control_info());
        Ok(())
    });

    let mut stream = TcpStream::connect(&client, "10.0.0.1:7")?;
    stream.write_all(b"a line over the cable\n")?;
    let mut line = String::new();
    stream.read_to_string(&mut line)?;
    say(&format!("echoed: {}", line.trim_end()));
    show("client", stream.control_info());
    echo.join().map_err(|_| io::Error::other("the server's thread panicked"))?
}
