//! The `redis` client over our TCP, and a real `redis-server`: a host of ours takes the client's
//! connections and joins each to the server's socket on this machine.
//!
//! `cargo run -p danja-integrations --example redis_client` (`redis-server` must be installed)
//!
//! Nothing is ours but the sockets: the client takes whatever has tokio's `AsyncRead` and
//! `AsyncWrite`.
#![allow(clippy::print_stdout, reason = "an example says what it does")]

use danja::Host;
use danja::tokio::{TcpListener, TcpStream};
use danja_integrations::Lan;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncCommands, AsyncConnectionConfig, RedisConnectionInfo};
use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio_stream::StreamExt;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A redis-server on this machine, without a network, for as long as this lives.
pub(crate) struct Redis {
    process: Child,
    folder: TempDir,
}

impl Redis {
    /// # Errors
    /// `NotFound` if it is not installed.
    pub(crate) fn start() -> io::Result<Self> {
        let folder = TempDir::with_prefix("danja-redis")?;
        let mut command = Command::new("redis-server");
        // Listens on a UNIX socket alone, and keeps nothing.
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]);
        command.arg(folder.path().join("socket")).arg("--dir").arg(folder.path());
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        Ok(Self { process, folder })
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until the server listens, which takes it a moment.
async fn reach(socket: &Path) -> io::Result<UnixStream> {
    for _ in 0..500 {
        if let Ok(stream) = UnixStream::connect(socket).await {
            return Ok(stream);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    UnixStream::connect(socket).await
}

/// Joins each connection to the real server, both ways until both sides have ended.
async fn serve(listener: TcpListener, socket: PathBuf) -> io::Result<()> {
    loop {
        let (mut inside, _) = listener.accept().await?;
        inside.set_nodelay(true)?;
        let mut outside = reach(&socket).await?;
        tokio::spawn(async move { tokio::io::copy_bidirectional(&mut inside, &mut outside).await });
    }
}

async fn stream(host: &Host) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(host, "server:6379").await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A client whose clones share one connection.
async fn client(host: &Host) -> Outcome<MultiplexedConnection> {
    // Blocking calls wait as long as they like.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let info = RedisConnectionInfo::default();
    let (client, driving) =
        MultiplexedConnection::new_with_config(&info, stream(host).await?, config).await?;
    tokio::spawn(driving);
    Ok(client)
}

/// A thousand commands without waiting for an answer in between.
async fn pipeline(mut client: MultiplexedConnection) -> Outcome<()> {
    let mut pipe = redis::pipe();
    for _ in 0..1000 {
        pipe.incr("count", 1);
    }
    let counts: Vec<u64> = pipe.query_async(&mut client).await?;
    assert!(counts.iter().copied().eq(1..=1000));
    println!("a pipeline of {} commands", counts.len());
    Ok(())
}

/// Fifty tasks on one connection, each of which gets its own answers.
async fn many(client: MultiplexedConnection) -> Outcome<()> {
    let mut tasks = JoinSet::new();
    for number in 0..50 {
        let mut client = client.clone();
        tasks.spawn(async move {
            let (key, value) = (format!("key {number}"), format!("value {number}").repeat(100));
            let () = client.set(&key, &value).await?;
            let got: String = client.get(&key).await?;
            assert_eq!(got, value);
            Outcome::Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}

async fn large(mut client: MultiplexedConnection) -> Outcome<()> {
    let value: Vec<u8> = (0..1_500_000u32).map(|position| (position / 3) as u8).collect();
    let () = client.set("large", &value[..]).await?;
    let got: Vec<u8> = client.get("large").await?;
    assert!(got == value, "{} bytes", got.len());
    println!("a value of {} bytes", got.len());
    Ok(())
}

/// What one client says on a channel, another hears.
async fn publish(host: &Host, mut client: MultiplexedConnection) -> Outcome<()> {
    let mut listening = PubSub::new(&RedisConnectionInfo::default(), stream(host).await?).await?;
    listening.subscribe("news").await?;
    for number in 0..10 {
        let heard_by: usize = client.publish("news", number).await?;
        assert_eq!(heard_by, 1);
    }
    let mut messages = listening.on_message();
    for number in 0..10 {
        let message = messages.next().await.ok_or("the channel has ended")?;
        assert_eq!(message.get_payload::<i32>()?, number);
    }
    println!("10 messages on a channel");
    Ok(())
}

/// A call that waits for what another client brings.
async fn wait_for_work(host: &Host, mut client: MultiplexedConnection) -> Outcome<()> {
    let mut waiting = self::client(host).await?;
    let worker = tokio::spawn(async move { waiting.blpop("jobs", 0.0).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!worker.is_finished(), "there is no job yet");
    let () = client.rpush("jobs", "a job").await?;
    let (list, job): (String, String) = worker.await??;
    assert_eq!((&list[..], &job[..]), ("jobs", "a job"));
    println!("a blocked client got its job");
    Ok(())
}

pub(crate) async fn run(lan: Lan, redis: Redis) -> Outcome<()> {
    let listener = TcpListener::bind(&lan.server, "0.0.0.0:6379").await?;
    let serving = tokio::spawn(serve(listener, redis.socket()));
    let host = &lan.client;

    let mut client = client(host).await?;
    let version: String = redis::cmd("INFO").arg("server").query_async(&mut client).await?;
    println!("{}", version.lines().nth(1).unwrap_or_default());
    pipeline(client.clone()).await?;
    many(client.clone()).await?;
    large(client.clone()).await?;
    publish(host, client.clone()).await?;
    wait_for_work(host, client.clone()).await?;

    // The server goes away: the client hears of it.
    drop(redis);
    let gone: redis::RedisResult<String> = client.get("key 1").await;
    assert!(gone.is_err_and(|error| error.is_io_error() || error.is_connection_dropped()));
    serving.abort();
    Ok(())
}

#[allow(dead_code, reason = "the test calls `run`")]
#[tokio::main]
async fn main() -> Outcome<()> {
    run(Lan::new()?, Redis::start()?).await
}
