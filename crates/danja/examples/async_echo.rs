//! Ten connections, served and made by one thread: the sockets under a small executor. Any other
//! drives them the same way: by the `async` calls used here, or by `poll_recv` and its kin.
//!
//! `cargo run -p danja --example async_echo`

use danja::Host;
use danja::lan::MacAddress;
use danja::lan::cable::Switch;
use danja::net::{Domain, RecvFlags, SendFlags, Socket, SocketKind, TcpListener};
use std::io::{self, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread::{self, Thread};

const CONNECTIONS: usize = 10;

type Task = Pin<Box<dyn Future<Output = io::Result<()>>>>;

/// Wakes the one thread, which then looks at all tasks. Enough for ten of them.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn run(mut tasks: Vec<Task>) -> io::Result<()> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    while !tasks.is_empty() {
        let mut failed = Ok(());
        tasks.retain_mut(|task| match task.as_mut().poll(&mut context) {
            std::task::Poll::Ready(Ok(())) => false,
            std::task::Poll::Ready(error) => {
                failed = error;
                false
            }
            std::task::Poll::Pending => true,
        });
        failed?;
        if !tasks.is_empty() {
            thread::park();
        }
    }
    Ok(())
}

async fn write_all(stream: &Socket, mut data: &[u8]) -> io::Result<()> {
    while !data.is_empty() {
        let count = stream.send_async(data, SendFlags::default()).await?;
        data = &data[count..];
    }
    Ok(())
}

async fn read_to_end(stream: &Socket) -> io::Result<Vec<u8>> {
    let (mut all, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        match stream.recv_async(&mut buffer, RecvFlags::default()).await?.bytes {
            0 => return Ok(all),
            count => all.extend_from_slice(&buffer[..count]),
        }
    }
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    for _ in 0..CONNECTIONS {
        let (stream, _) = listener.as_socket().accept_async().await?;
        let line = read_to_end(&stream).await?;
        write_all(&stream, &line).await?;
    }
    Ok(())
}

async fn ask(host: Host, number: usize) -> io::Result<()> {
    let stream = Socket::new(&host, Domain::Ipv4, SocketKind::Stream)?;
    stream.connect_async(([10, 0, 0, 1], 7).into()).await?;
    write_all(&stream, format!("question {number}").as_bytes()).await?;
    stream.shutdown(Shutdown::Write)?;
    let echo = read_to_end(&stream).await?;
    writeln!(io::stdout(), "{}", String::from_utf8_lossy(&echo))
}

pub(crate) fn main() -> io::Result<()> {
    let lan = Switch::new();
    let host = |number| -> io::Result<Host> {
        Host::builder()
            .adapter(lan.port(MacAddress([2, 0, 0, 0, 0, number])))
            .address(format!("10.0.0.{number}/24").parse().map_err(io::Error::other)?)
            .build()
    };
    let (server, client) = (host(1)?, host(2)?);
    let mut tasks: Vec<Task> = vec![Box::pin(serve(TcpListener::bind(&server, "0.0.0.0:7")?))];
    for number in 0..CONNECTIONS {
        tasks.push(Box::pin(ask(client.clone(), number)));
    }
    run(tasks)
}
