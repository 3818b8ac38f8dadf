//! Names where the machine has no resolv.conf: programs then ask 127.0.0.1, and this is who
//! answers there, by asking the host's own DNS server. Reads no message.

use super::worker::{Bell, Worker};
use danja::Host;
use danja::net::{RecvFlags, SendFlags, Socket, UdpSocket};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::net::{RecvFlags as FromKernel, SendFlags as ToKernel, SocketAddrAny, bind};
use rustix::net::{recvfrom, sendto};
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Questions that wait for their answers; the oldest is given up for a new one.
const WAITING: usize = 256;
/// How long a question waits.
const PATIENCE: Duration = Duration::from_secs(10);
/// The port of DNS.
const PORT: u16 = 53;
/// The largest datagram.
const LARGEST: usize = 65_535;

struct Question {
    socket: Socket,
    from: SocketAddrAny,
    since: Instant,
}

/// Answers at port 53 of 127.0.0.1 by this UDP socket of the namespace.
///
/// # Errors
/// The port or a thread cannot be had.
pub(super) fn start(socket: OwnedFd, host: &Host) -> io::Result<Worker> {
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, PORT))?;
    let host = host.clone();
    Worker::start("danja names", move |bell| {
        Work { socket, host, bell, waiting: VecDeque::new() }.run();
    })
}

struct Work {
    socket: OwnedFd,
    host: Host,
    bell: Arc<Bell>,
    waiting: VecDeque<Question>,
}

impl Work {
    fn run(mut self) {
        let waker = Waker::from(Arc::clone(&self.bell));
        let mut buffer = vec![0; LARGEST];
        while !self.bell.is_stopped() {
            while let Ok((count, _, Some(from))) =
                recvfrom(&self.socket, buffer.as_mut_slice(), FromKernel::DONTWAIT)
            {
                // A question that cannot be passed on is lost, and asked again.
                let asked = self.ask(buffer.get(..count).unwrap_or_default(), from);
                self.waiting.extend(asked.ok().flatten());
                if self.waiting.len() > WAITING {
                    self.waiting.pop_front();
                }
            }
            self.answer(&mut buffer, &Context::from_waker(&waker));
            let mut sources =
                [PollFd::new(&self.socket, PollFlags::IN), PollFd::new(&self.bell, PollFlags::IN)];
            let patience = (!self.waiting.is_empty()).then_some(PATIENCE);
            let patience = patience.and_then(|it| Timespec::try_from(it).ok());
            // A failure is a wake-up.
            let _ = poll(&mut sources, patience.as_ref());
            self.bell.quiet();
        }
    }

    fn ask(&self, question: &[u8], from: SocketAddrAny) -> io::Result<Option<Question>> {
        let mut server = None;
        self.host.configure_resolver(|settings| server = settings.servers.first().copied());
        let Some(server) = server else { return Ok(None) };
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let socket = UdpSocket::bind(&self.host, any)?.as_socket().try_clone()?;
        socket.connect(server)?;
        socket.try_send(question, SendFlags::default())?;
        Ok(Some(Question { socket, from, since: Instant::now() }))
    }

    fn answer(&mut self, buffer: &mut [u8], context: &Context<'_>) {
        let socket = &self.socket;
        self.waiting.retain(|question| {
            match question.socket.poll_recv(context, buffer, RecvFlags::default()) {
                Poll::Pending => question.since.elapsed() < PATIENCE,
                Poll::Ready(Err(_)) => false,
                Poll::Ready(Ok(received)) => {
                    let answer = buffer.get(..received.bytes).unwrap_or_default();
                    // Who asked may have gone.
                    let _ = sendto(socket, answer, ToKernel::DONTWAIT, &question.from);
                    false
                }
            }
        });
    }
}
