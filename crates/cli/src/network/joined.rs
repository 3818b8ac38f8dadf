//! The program's host on a LAN of several programs: it joins, and the LAN's router does the rest.

use super::builtin::{ROUTER, address};
use super::plan::Plan;
use crate::args::Transport;
use crate::failure::Failure;
use crate::lan::client::{Start, ask};
use crate::lan::hello::{Answer, Question};
use crate::output::talk;
use danja::Host;
use danja_lan::uplink::Uplink;
use danja_wire::ip::Cidr;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::thread;

/// Ethernet's MTU, in bytes: a LAN's unless its first host says otherwise.
const MTU: usize = 1500;

impl Plan<'_> {
    /// Joins the LAN, which is started if it is not there.
    pub(super) fn on_lan(&self, name: &str, lan: &str) -> Result<Host, Failure> {
        let args = &self.args.tap;
        let wanted = match args.address.map(Cidr::address) {
            None => None,
            Some(IpAddr::V4(address)) => Some(address),
            Some(IpAddr::V6(_)) => return Err(Failure::new("--address takes an IPv4 address")),
        };
        // A program may have a longer name than a host.
        let own: String = name.chars().take(24).collect();
        let join = Question::Join {
            name: args.name.clone().unwrap_or_else(|| own.trim_end_matches('-').to_owned()),
            asked_for: args.name.is_some(),
            address: wanted,
            mtu: args.mtu,
            permissions: self.args.gateway.written(),
        };
        let start = Start { mtu: args.mtu.unwrap_or(MTU) };
        let strange = || Failure::new(format_args!("the LAN \u{2018}{lan}\u{2019} makes no sense"));
        let (socket, answer) = ask(lan, &join, Some(start))?.ok_or_else(strange)?;
        let (name, own, mac, mtu) = match answer {
            Answer::Joined { name, address, mac, mtu } => (name, address, mac, mtu),
            Answer::Refused { why } => return Err(Failure::new(why)),
            _ => return Err(strange()),
        };
        let mac = mac.parse().map_err(|_| strange())?;
        tell_its_end(lan, &socket).map_err(Failure::new)?;
        let uplink = Uplink::new(socket, mac, mtu).map_err(Failure::new)?;
        let router = IpAddr::V4(ROUTER);
        let builder = self.on_link(&name, uplink, Some(address(own)), &format!("lan {lan}"));
        let host = builder.dns(router).gateway(router).build().map_err(Failure::new)?;
        // What the machine finds unreachable is so, for our program as for its others.
        host.configure(|config| config.tcp.soft_errors_end_opening = true);
        Ok(host)
    }
}

/// Says so if the LAN's process ends before this one does, from a thread of its own: the host has
/// lost its cable then, and its program waits for what will not come.
fn tell_its_end(lan: &str, socket: &OwnedFd) -> io::Result<()> {
    let (lan, socket) = (lan.to_owned(), socket.try_clone()?);
    let told = move || {
        // No events are asked for: a hang-up is always told.
        let mut polled = [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::empty())];
        while poll(&mut polled, None) == Err(Errno::INTR) {}
        if polled[0].revents().contains(PollFlags::HUP) {
            talk(&format!(
                "danja: the LAN \u{2018}{lan}\u{2019} has ended, for its process has: nothing reaches \
                 this program any more. Start it again, and the others that were there"
            ));
        }
    };
    thread::Builder::new().name("lan's end".to_owned()).spawn(told).map(drop)
}

/// A port of the machine that leads to `to` on the LAN, while the socket is open.
///
/// # Errors
/// The machine's port cannot be had, or the LAN has ended: says why.
pub(super) fn publish(
    lan: &str,
    on: SocketAddr,
    to: SocketAddr,
    transport: Transport,
) -> Result<(SocketAddr, OwnedFd), String> {
    let question = Question::Publish { on, to, transport };
    let asked = ask(lan, &question, None).map_err(|error| error.to_string())?;
    match asked {
        Some((socket, Answer::Published { on })) => Ok((on, socket)),
        Some((_, Answer::Refused { why })) => Err(why),
        _ => Err(format!("the LAN \u{2018}{lan}\u{2019} has ended")),
    }
}

/// The names that the LAN knows.
pub(super) fn names(lan: &str) -> Vec<String> {
    match ask(lan, &Question::List, None) {
        Ok(Some((_, Answer::Hosts { hosts, .. }))) => {
            hosts.into_iter().map(|host| host.name).collect()
        }
        _ => Vec::new(),
    }
}
