//! Published TCP ports: clients of the machine, and their connections on the LAN until those stand.
//! Moves no byte.

use super::super::splice::{Machine, Splice, reset_machine};
use super::{Stage, WATCHED, Worker};
use crate::flows::{Entry, FlowKind};
use danja::net::{Domain, Socket, SocketKind};
use rustix::event::epoll::EventFlags;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with, sockopt};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::task::{Context, Poll};

/// A port of the machine, and where it leads.
pub(super) struct Port {
    listener: TcpListener,
    to: SocketAddr,
    /// There was no descriptor for a client; it is looked for again.
    again: bool,
}

impl Worker {
    pub(super) fn publish(&mut self, name: u64, listener: TcpListener, to: SocketAddr) {
        let number = self.number();
        if self.reactor.watch(&listener, number, EventFlags::IN).is_ok() {
            self.ports.insert(number, Port { listener, to, again: false });
            self.published.insert(name, number);
        }
    }

    pub(super) fn unpublish(&mut self, name: u64) {
        if let Some(number) = self.published.remove(&name) {
            self.ports.remove(&number);
        }
    }

    /// Looks for clients that there was no descriptor for.
    pub(super) fn accept_again(&mut self) {
        let ports: Vec<u64> =
            self.ports.iter().filter(|(_, port)| port.again).map(|(number, _)| *number).collect();
        for number in ports {
            self.ports.get_mut(&number).into_iter().for_each(|port| port.again = false);
            self.accept(number);
        }
    }

    /// Clients of the machine at a published port.
    pub(super) fn accept(&mut self, port: u64) {
        loop {
            let Some(Port { listener, to, .. }) = self.ports.get(&port) else { return };
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let (accepted, to) = (acceptfrom_with(listener, flags), *to);
            match accepted {
                Ok((machine, client)) => {
                    let client = client.and_then(|client| SocketAddr::try_from(client).ok());
                    self.join(machine, client, to);
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::CONNABORTED | Errno::INTR) => {}
                Err(_) => {
                    return self.ports.get_mut(&port).into_iter().for_each(|it| it.again = true);
                }
            }
        }
    }

    fn join(&mut self, machine: OwnedFd, client: Option<SocketAddr>, to: SocketAddr) {
        self.shared.counting.published.add();
        let client = client.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
        let number = self.number();
        let begun =
            sockopt::set_tcp_nodelay(&machine, true).map_err(io::Error::from).and_then(|()| {
                let lan = Socket::new(&self.host, Domain::Ipv4, SocketKind::Stream)?;
                lan.start_connect(to)?;
                self.reactor.watch(&machine, number, WATCHED)?;
                Ok(lan)
            });
        let Ok(lan) = begun else {
            // The machine's program sees a reset, which is all it can be told.
            return reset_machine(&machine);
        };
        let entry = self.shared.flows.enter(FlowKind::PublishedTcp, client, to);
        self.add(number, Stage::Joining(lan, to, machine, entry));
        self.busy.push(number);
    }
}

/// A published connection, whose LAN side may stand by now.
pub(super) fn on_joining(
    context: &Context<'_>,
    state: Machine,
    lan: Socket,
    to: SocketAddr,
    machine: OwnedFd,
    entry: Entry,
) -> Option<Stage> {
    let joined = match lan.poll_connect(context, to) {
        Poll::Pending => return Some(Stage::Joining(lan, to, machine, entry)),
        Poll::Ready(joined) => joined,
    };
    if joined.is_err() {
        reset_machine(&machine);
        return None;
    }
    Splice::new(lan, machine, state, entry).ok().map(Stage::Spliced)
}
