//! The workers for TCP, and who gives each client to one of them: connections out of the LAN and
//! to published ports, thousands of them on a few threads. Moves no byte.

use super::Shared;
use super::reactor::{Bell, Inbox, Reactor};
use super::worker::Worker;
use danja::Host;
use danja::net::{IncomingEvent, Socket};
use danja::stack::event::{Incoming, IncomingId};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Workers at most; a machine with fewer processors has fewer.
const WORKERS: usize = 4;
/// The front's own number: the listener of all that leaves the LAN.
pub(super) const FRONT: u64 = 0;

/// Both endpoints of a connection out of the LAN: its client's, and where it goes.
pub(super) type Ends = (SocketAddr, SocketAddr);

/// What workers are told.
pub(super) enum Message {
    /// A client wants out.
    Arrived(Incoming),
    /// It gave up.
    Withdrawn(IncomingId),
    /// Its handshake is finished.
    Accepted(Ends, Socket),
    /// A port of the machine leads to an endpoint of the LAN from now on.
    Publish(u64, TcpListener, SocketAddr),
    /// It does no more; to be acknowledged.
    Unpublish(u64, mpsc::SyncSender<()>),
    Stop,
}

/// The workers; they end when this is dropped, and the flows with them.
pub(crate) struct Streams {
    inboxes: Vec<Arc<Inbox<Message>>>,
    threads: Vec<JoinHandle<()>>,
}

/// A published port of the machine, until this is dropped.
pub(crate) struct Listening {
    inbox: Arc<Inbox<Message>>,
    number: u64,
}

impl Streams {
    /// Starts the workers; where `front` is a listener that admits, connections out of the LAN
    /// are theirs.
    pub(crate) fn start(
        host: &Host,
        shared: &Arc<Shared>,
        front: Option<Socket>,
    ) -> io::Result<Self> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let reactors: io::Result<Vec<_>> =
            (0..processors.min(WORKERS)).map(|_| Reactor::new()).collect();
        let reactors = reactors?;
        let inboxes: Vec<_> = reactors.iter().map(|one| Arc::clone(one.inbox())).collect();
        let mut streams = Self { inboxes, threads: Vec::new() };
        let listener = front.as_ref().map(Socket::try_clone).transpose()?;
        let mut front = front;
        for (index, reactor) in reactors.into_iter().enumerate() {
            let (host, shared) = (host.clone(), Arc::clone(shared));
            let front = front.take().map(|listener| Front {
                listener,
                bell: Bell::new(reactor.inbox(), FRONT),
                inboxes: streams.inboxes.clone(),
                spread: RandomState::new(),
            });
            let listener = listener.as_ref().map(Socket::try_clone).transpose()?;
            let body = move || Worker::new(reactor, host, shared, listener, front).run();
            let name = format!("tcp {index}");
            streams.threads.push(thread::Builder::new().name(name).spawn(body)?);
        }
        Ok(streams)
    }

    /// Lets connections to this listener of the machine go on to `to` on the LAN.
    pub(crate) fn publish(
        &self,
        number: u64,
        listener: TcpListener,
        to: SocketAddr,
    ) -> io::Result<Listening> {
        listener.set_nonblocking(true)?;
        let all = self.inboxes.len().max(1);
        let index = usize::try_from(number).unwrap_or(0) % all;
        let inbox = self.inboxes.get(index).ok_or(io::ErrorKind::NotConnected)?;
        inbox.send(Message::Publish(number, listener, to));
        Ok(Listening { inbox: Arc::clone(inbox), number })
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.inboxes.iter().for_each(|inbox| inbox.send(Message::Stop));
        for thread in self.threads.drain(..) {
            // A worker that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let (done, waits) = mpsc::sync_channel(1);
        self.inbox.send(Message::Unpublish(self.number, done));
        // Its worker may have ended, and then the port is closed as well.
        let _ = waits.recv_timeout(Duration::from_secs(1));
    }
}

/// The listener of what leaves the LAN: at one worker, who gives each client to one of all.
pub(super) struct Front {
    listener: Socket,
    bell: Arc<Bell<Message>>,
    inboxes: Vec<Arc<Inbox<Message>>>,
    spread: RandomState,
}

impl Front {
    /// A client's worker.
    fn inbox(&self, ends: Ends) -> Option<&Arc<Inbox<Message>>> {
        let hash = usize::try_from(self.spread.hash_one(ends) >> 32).unwrap_or(0);
        self.inboxes.get(hash % self.inboxes.len().max(1))
    }

    /// Gives everybody who has come to a worker.
    pub(super) fn run(&self) {
        self.bell.answered();
        let waker = self.bell.waker();
        let context = Context::from_waker(&waker);
        while let Poll::Ready(Ok(event)) = self.listener.poll_incoming(&context) {
            match event {
                IncomingEvent::Arrived(incoming) => {
                    let inbox = self.inbox((incoming.remote, incoming.local));
                    inbox.into_iter().for_each(|inbox| inbox.send(Message::Arrived(incoming)));
                }
                IncomingEvent::Withdrawn(id) => {
                    self.inboxes.iter().for_each(|inbox| inbox.send(Message::Withdrawn(id)));
                }
                // Events of another kind are none of ours.
                _ => {}
            }
        }
        while let Poll::Ready(Ok((socket, remote))) = self.listener.poll_accept(&context) {
            let Ok(local) = socket.local_addr() else { continue };
            if let Some(inbox) = self.inbox((remote, local)) {
                inbox.send(Message::Accepted((remote, local), socket));
            }
        }
    }
}
