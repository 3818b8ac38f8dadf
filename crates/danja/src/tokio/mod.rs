//! The sockets with `tokio::net`'s names, signatures and semantics (feature `tokio`); only `bind`
//! and `connect` take a [`Host`](crate::Host) first. Never uses a runtime's I/O driver, timers
//! or blocking threads: tasks are woken by the host, and names are looked up over its own
//! sockets, so any runtime will do, one whose time is paused too.
//!
//! | calls | who waits, and what is left when a call is cancelled |
//! |---|---|
//! | `async` methods | each has a place of its own, given up when it is dropped; nothing was taken, and no waker stays |
//! | `poll_*`, `AsyncRead`, `AsyncWrite` | one place a direction of a socket: the latest waker counts, as in tokio |
//! | `try_*` | nobody |
//!
//! Readiness is what the stack says at that moment, never a remembered guess. So `readable` and
//! its kin do not return in vain, unless another task was quicker.
//!
//! Libraries that take a transport of their user's run on these: `docs/integrations.md` of the
//! project has an example each of axum and hyper, rustls, tonic, quinn and redis.
//!
//! ```
//! use danja::tokio::{TcpListener, TcpStream};
//! # use danja::Host;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! # let host = Host::builder().build()?;
//! let listener = TcpListener::bind(&host, "127.0.0.1:0").await?;
//! let mut stream = TcpStream::connect(&host, listener.local_addr()?).await?;
//! let (mut peer, _) = listener.accept().await?;
//! peer.write_all(b"one line").await?;
//! drop(peer);
//! let mut text = String::new();
//! stream.read_to_string(&mut text).await?;
//! assert_eq!(text, "one line");
//! # Ok(())
//! # }
//! ```

mod connect;
mod ready;
mod socket_options;
mod split;
mod split_owned;
mod tcp_listener;
mod tcp_socket;
mod tcp_stream;
mod udp_poll;
mod udp_socket;
mod udp_try;

pub use connect::lookup_host;
pub use split::{ReadHalf, WriteHalf};
pub use split_owned::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
pub use tcp_listener::TcpListener;
pub use tcp_socket::TcpSocket;
pub use tcp_stream::TcpStream;
pub use udp_socket::UdpSocket;
