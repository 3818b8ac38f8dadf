//! What the host adds to the stack for blocking sockets: the time of one round trip and the
//! speed of one stream, between two hosts on a cable in this process. Medians of five runs.
//!
//! `cargo run --release -p danja-bench --bin blocking`

use danja::Host;
use danja::lan::MacAddress;
use danja::lan::cable::Switch;
use danja::net::{TcpListener, TcpStream};
use std::io::{self, Read, Write};
use std::thread;
use std::time::{Duration, Instant};

const RUNS: usize = 5;
const ROUND_TRIPS: u32 = 20_000;
const BYTES: usize = 1 << 29;

fn main() -> io::Result<()> {
    let mut round_trips = Vec::new();
    let mut streams = Vec::new();
    for _ in 0..RUNS {
        round_trips.push(round_trip()?);
        streams.push(stream()?);
    }
    round_trips.sort();
    streams.sort();
    let speed = |time: Duration| BYTES as f64 * 8.0 / time.as_secs_f64() / 1e9;
    let mut out = io::stdout().lock();
    let (low, middle, high) = (round_trips[0], round_trips[RUNS / 2], round_trips[RUNS - 1]);
    writeln!(out, "one round trip   {middle:?} ({low:?} to {high:?})")?;
    let (low, middle, high) = (streams[RUNS - 1], streams[RUNS / 2], streams[0]);
    let (low, middle, high) = (speed(low), speed(middle), speed(high));
    writeln!(out, "one stream       {middle:.2} Gbit/s ({low:.2} to {high:.2})")
}

fn connected() -> io::Result<(TcpStream, TcpStream)> {
    let lan = Switch::new();
    let host = |number| -> io::Result<Host> {
        Host::builder()
            .adapter(lan.port(MacAddress([2, 0, 0, 0, 0, number])))
            .address(format!("10.0.0.{number}/24").parse().map_err(io::Error::other)?)
            .build()
    };
    let (server, client) = (host(1)?, host(2)?);
    let listener = TcpListener::bind(&server, "10.0.0.1:7")?;
    let near = TcpStream::connect(&client, "10.0.0.1:7")?;
    let (far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    Ok((near, far))
}

/// The mean time from a byte's way out to its echo.
fn round_trip() -> io::Result<Duration> {
    let (mut near, mut far) = connected()?;
    let echo = thread::spawn(move || {
        let mut byte = [0];
        while far.read(&mut byte)? > 0 {
            far.write_all(&byte)?;
        }
        io::Result::Ok(())
    });
    let begun = Instant::now();
    for _ in 0..ROUND_TRIPS {
        near.write_all(&[1])?;
        near.read_exact(&mut [0])?;
    }
    let took = begun.elapsed() / ROUND_TRIPS;
    drop(near);
    echo.join().expect("the echo does not panic")?;
    Ok(took)
}

/// The time for all bytes of a stream.
fn stream() -> io::Result<Duration> {
    let (mut near, mut far) = connected()?;
    let begun = Instant::now();
    let writer = thread::spawn(move || {
        let piece = vec![7; 1 << 16];
        for _ in 0..BYTES / piece.len() {
            near.write_all(&piece)?;
        }
        io::Result::Ok(())
    });
    let mut buffer = vec![0; 1 << 16];
    let mut got = 0;
    while got < BYTES {
        got += far.read(&mut buffer)?;
    }
    writer.join().expect("the writer does not panic")?;
    Ok(begun.elapsed())
}
