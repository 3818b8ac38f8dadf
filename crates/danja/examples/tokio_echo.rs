//! An echo server and ten clients as tokio tasks, on two hosts of one LAN: `tokio::net` swapped
//! for `danja::tokio`, and the host as the first argument.
//!
//! `cargo run -p danja --features tokio --example tokio_echo`

use danja::Host;
use danja::lan::MacAddress;
use danja::lan::cable::Switch;
use danja::tokio::{TcpListener, TcpStream};
use std::io::{self, Write};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

const CLIENTS: usize = 10;

async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let (mut reading, mut writing) = stream.into_split();
            tokio::io::copy(&mut reading, &mut writing).await
        });
    }
}

async fn ask(host: Host, number: usize) -> io::Result<String> {
    let mut stream = TcpStream::connect(&host, "server:7").await?;
    stream.write_all(format!("question {number}").as_bytes()).await?;
    stream.shutdown().await?;
    let mut echo = String::new();
    stream.read_to_string(&mut echo).await?;
    Ok(echo)
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let lan = Switch::new();
    let host = |number| -> io::Result<Host> {
        Host::builder()
            .adapter(lan.port(MacAddress([2, 0, 0, 0, 0, number])))
            .address(format!("10.0.0.{number}/24").parse().map_err(io::Error::other)?)
            .known_name("server", [10, 0, 0, 1].into())
            .build()
    };
    let (server, client) = (host(1)?, host(2)?);
    tokio::spawn(serve(TcpListener::bind(&server, "0.0.0.0:7").await?));
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(ask(client.clone(), number));
    }
    while let Some(echo) = clients.join_next().await {
        writeln!(io::stdout(), "{}", echo.map_err(io::Error::other)??)?;
    }
    Ok(())
}
