//! The program's TCP, where its kernel speaks it: an inner host takes every connection that the
//! kernel opens into the device, and a socket of the program's host continues it. A program is
//! told that it is connected only when that socket is; and a peer, only when the program is.

use super::splice::{Uplink, Uplinks, splice};
use danja::Host;
use danja::net::{Domain, IncomingEvent, Socket, SocketKind, SocketOption};
use danja::stack::event::{Incoming, IncomingId};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::AbortHandle;

/// Connections that wait for the other side's verdict, or to be taken, at most.
pub(super) const BACKLOG: usize = 4096;

/// A connection that was admitted and never finished its handshake is forgotten after this.
const FORGET: Duration = Duration::from_secs(130);

/// Connects both hosts' connections until it is dropped.
pub(super) struct Continued {
    /// Runs the tasks below. What wakes them is the hosts' business: no driver of its own.
    _tasks: Runtime,
    inner: Host,
    uplinks: Arc<Uplinks>,
}

impl Continued {
    /// Connections between `inner`, which stands for everybody towards the program's kernel, and
    /// `outer`, the program's host.
    pub(super) fn start(inner: Host, outer: &Host) -> io::Result<Self> {
        let tasks =
            Builder::new_multi_thread().worker_threads(1).thread_name("danja splice").build()?;
        let spawner = tasks.handle().clone();
        let uplinks = Arc::default();
        Side::start(&inner, outer, Towards::Outside, &spawner, &uplinks)?;
        Side::start(outer, &inner, Towards::Program, &spawner, &uplinks)?;
        Ok(Self { _tasks: tasks, inner, uplinks })
    }

    /// After the program's end: what it has sent goes on to the host's sockets.
    pub(super) fn drain(&self) {
        // What its kernel has still to say to the inner host comes at once.
        self.uplinks.drain(FAREWELL);
        self.inner.flush(FAREWELL);
    }
}

/// How long a program's last words may be stuck.
const FAREWELL: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Towards {
    Outside,
    Program,
}

/// Since when a client is admitted, what it goes on with, and its place among the uplinks.
type Admitted = (Instant, Socket, Uplink);

/// One of the two directions in which connections are opened.
struct Side {
    listener: Socket,
    /// Where a connection goes on.
    beyond: Host,
    towards: Towards,
    /// By both endpoints: admitted, and not yet accepted.
    admitted: Mutex<HashMap<(SocketAddr, SocketAddr), Admitted>>,
    uplinks: Arc<Uplinks>,
}

impl Side {
    fn start(
        at: &Host,
        beyond: &Host,
        towards: Towards,
        spawner: &Handle,
        uplinks: &Arc<Uplinks>,
    ) -> io::Result<()> {
        let listener = Socket::new(at, Domain::Ipv4, SocketKind::Stream)?;
        listener.set_option(SocketOption::AnyPort(true))?;
        listener.set_option(SocketOption::Admitting(true))?;
        listener.bind((Ipv4Addr::UNSPECIFIED, 0).into())?;
        listener.listen(BACKLOG)?;
        let (admitted, uplinks) = (Mutex::default(), Arc::clone(uplinks));
        let beyond = beyond.clone();
        let side = Arc::new(Self { listener, beyond, towards, admitted, uplinks });
        spawner.spawn(Arc::clone(&side).ask(spawner.clone()));
        spawner.spawn(side.accept(spawner.clone()));
        Ok(())
    }

    /// Hears of everyone who wants to connect.
    async fn ask(self: Arc<Self>, spawner: Handle) {
        // Whose verdict is awaited.
        let mut asked: HashMap<IncomingId, AbortHandle> = HashMap::new();
        while let Ok(event) = poll_fn(|context| self.listener.poll_incoming(context)).await {
            match event {
                IncomingEvent::Arrived(incoming) => {
                    if asked.len() >= BACKLOG {
                        asked.retain(|_, task| !task.is_finished());
                    }
                    let side = Arc::clone(&self);
                    let task = spawner.spawn(async move { side.decide(incoming).await });
                    asked.insert(incoming.id, task.abort_handle());
                }
                // Nobody waits any more for what is tried beyond.
                IncomingEvent::Withdrawn(id) => {
                    asked.remove(&id).iter().for_each(AbortHandle::abort);
                }
                _ => {}
            }
        }
    }

    async fn decide(&self, incoming: Incoming) {
        match self.connect(incoming).await {
            Ok(beyond) => {
                let ends = (incoming.remote, incoming.local);
                let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
                admitted.retain(|_, (since, ..)| since.elapsed() < FORGET);
                let uplink = Uplink::new(&self.uplinks);
                admitted.insert(ends, (Instant::now(), beyond, uplink));
                // Whoever asked has gone; then the other end hears of it.
                if self.listener.admit(incoming.id).is_err() {
                    admitted.remove(&ends);
                }
            }
            Err(error) => {
                let refused = match verdict(&error) {
                    Verdict::Refuse(code) => self.listener.refuse(incoming.id, code),
                    Verdict::Silence => self.listener.drop_incoming(incoming.id),
                };
                // An error says that whoever asked has gone.
                drop(refused);
            }
        }
    }

    async fn connect(&self, incoming: Incoming) -> io::Result<Socket> {
        let socket = Socket::new(&self.beyond, Domain::Ipv4, SocketKind::Stream)?;
        match self.towards {
            // Towards the program in its peer's name.
            Towards::Program => socket.bind(incoming.remote)?,
            // By the port that the program has, where it can be had.
            Towards::Outside => {
                let port = incoming.remote.port();
                socket.set_option(SocketOption::ReuseAddress(true))?;
                if socket.bind((incoming.remote.ip(), port).into()).is_err() {
                    socket.bind((incoming.remote.ip(), 0).into())?;
                }
            }
        }
        socket.connect_async(incoming.local).await?;
        Ok(socket)
    }

    async fn accept(self: Arc<Self>, spawner: Handle) {
        while let Ok((accepted, peer)) = self.listener.accept_async().await {
            let Ok(local) = accepted.local_addr() else { continue };
            let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
            let beyond = admitted.remove(&(peer, local));
            drop(admitted);
            let Some((_, beyond, uplink)) = beyond else { continue };
            match self.towards {
                Towards::Outside => drop(spawner.spawn(splice(accepted, beyond, uplink))),
                Towards::Program => drop(spawner.spawn(splice(beyond, accepted, uplink))),
            }
        }
    }
}

/// What is said to whoever wants to connect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    /// A reset, or destination unreachable with this code.
    Refuse(Option<u8>),
    /// Nothing: nobody answered us either.
    Silence,
}

/// As the connection beyond failed, so does this one.
fn verdict(error: &io::Error) -> Verdict {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused | Kind::ConnectionReset | Kind::ConnectionAborted => {
            Verdict::Refuse(None)
        }
        // RFC 792: net unreachable, host unreachable; RFC 1812 §5.2.7.1: communication
        // administratively prohibited.
        Kind::NetworkUnreachable => Verdict::Refuse(Some(0)),
        Kind::HostUnreachable => Verdict::Refuse(Some(1)),
        Kind::PermissionDenied => Verdict::Refuse(Some(13)),
        Kind::TimedOut => Verdict::Silence,
        _ => Verdict::Refuse(Some(1)),
    }
}
