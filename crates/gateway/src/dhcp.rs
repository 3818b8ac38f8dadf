//! The router's DHCP server (RFC 2131 §4.3): addresses from the sixteenth of the LAN's network up,
//! with router, DNS server, domain and MTU. Leases live in memory; knows no relay.

use crate::lan::{Lan, addresses};
use crate::outside::Shared;
use crate::stop::{Stop, run};
use danja::net::{RecvFlags, UdpSocket};
use danja::wire::ip::Cidr;
use dhcproto::v4::{DhcpOption, Message, MessageType, Opcode, OptionCode};
use dhcproto::{Decodable, Decoder, Encodable, Encoder};
use std::collections::HashMap;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

/// RFC 2131 §4.1: the ports of servers and clients.
pub(crate) const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;
/// How long an address is lent; hosts of a virtual LAN come and go.
const LEASE: Duration = Duration::from_secs(3_600);
/// How long one that was offered is kept for the client.
const OFFER: Duration = Duration::from_secs(30);
/// The first that is lent: those before it are the LAN's own.
const FIRST: u32 = 16;

/// What is lent, and on which terms.
pub(crate) struct Server {
    pub(crate) lan: Lan,
    pub(crate) shared: Arc<Shared>,
    /// The router's address, with the LAN's network.
    pub(crate) own: Cidr,
    pub(crate) router: Ipv4Addr,
    pub(crate) mtu: u16,
    leases: HashMap<Vec<u8>, (Ipv4Addr, Instant)>,
}

impl Server {
    pub(crate) fn new(
        lan: &Lan,
        shared: &Arc<Shared>,
        own: Cidr,
        router: Ipv4Addr,
        mtu: u16,
    ) -> Self {
        let (lan, shared) = (lan.clone(), Arc::clone(shared));
        Self { lan, shared, own, router, mtu, leases: HashMap::new() }
    }

    /// The answer to a message, and where it goes.
    pub(crate) fn answer(&mut self, bytes: &[u8], now: Instant) -> Option<(Vec<u8>, SocketAddr)> {
        let asked = Message::decode(&mut Decoder::new(bytes)).ok()?;
        if asked.opcode() != Opcode::BootRequest || !asked.giaddr().is_unspecified() {
            return None;
        }
        let option = |code| asked.opts().get(code);
        let Some(DhcpOption::MessageType(kind)) = option(OptionCode::MessageType) else {
            return None;
        };
        // RFC 2131 §4.2: a client is its identifier, else its hardware address.
        let client = match option(OptionCode::ClientIdentifier) {
            Some(DhcpOption::ClientIdentifier(id)) => id.clone(),
            _ => asked.chaddr().to_vec(),
        };
        let wanted = match option(OptionCode::RequestedIpAddress) {
            Some(DhcpOption::RequestedIpAddress(address)) => Some(*address),
            _ => Some(asked.ciaddr()).filter(|address| !address.is_unspecified()),
        };
        let server = match option(OptionCode::ServerIdentifier) {
            Some(DhcpOption::ServerIdentifier(server)) => Some(*server),
            _ => None,
        };
        match kind {
            MessageType::Discover => {
                let address = self.choose(&client, wanted, now)?;
                self.leases.insert(client, (address, now + OFFER));
                self.reply(&asked, MessageType::Offer, Some(address))
            }
            // RFC 2131 §4.3.2: it has chosen another server.
            MessageType::Request if server.is_some_and(|server| server != self.router) => {
                self.leases.remove(&client);
                None
            }
            MessageType::Request => {
                let wanted = wanted?;
                if self.choose(&client, Some(wanted), now) != Some(wanted) {
                    return self.reply(&asked, MessageType::Nak, None);
                }
                self.shared.counting.dhcp_leases.add();
                self.leases.insert(client, (wanted, now + LEASE));
                self.reply(&asked, MessageType::Ack, Some(wanted))
            }
            MessageType::Release => {
                self.leases.remove(&client);
                None
            }
            MessageType::Decline => {
                // Somebody else has it: nobody gets it for a while.
                self.leases.remove(&client);
                if let Some(address) = wanted {
                    self.leases.insert(address.octets().to_vec(), (address, now + LEASE));
                }
                None
            }
            MessageType::Inform => self.reply(&asked, MessageType::Ack, None),
            _ => None,
        }
    }

    /// The client's address from before, else the one it wants, else the first that is free.
    fn choose(&self, client: &[u8], wanted: Option<Ipv4Addr>, now: Instant) -> Option<Ipv4Addr> {
        let hosts: Vec<IpAddr> = self.lan.hosts().iter().flat_map(addresses).collect();
        let lent = |address: Ipv4Addr| {
            let mut others = self.leases.iter().filter(|(other, _)| other.as_slice() != client);
            others.any(|(_, (taken, until))| *taken == address && *until > now)
        };
        let mine = self.leases.get(client).map(|(address, _)| *address);
        // A host that is known by name may be the client itself, which has its address already.
        let free = |address: Ipv4Addr| {
            self.is_lent_out(address)
                && !lent(address)
                && (mine == Some(address) || !hosts.contains(&address.into()))
        };
        let first = wanted.into_iter().chain(mine).find(|address| free(*address));
        let found = first.or_else(|| self.all().find(|address| free(*address)));
        if found.is_none() {
            self.shared.counting.dhcp_exhausted.add();
        }
        found
    }

    /// The LAN's first address, and how many there are.
    fn range(&self) -> (u32, u32) {
        let IpAddr::V4(base) = self.own.network().address() else { return (0, 0) };
        let size = 1u32.checked_shl(32 - u32::from(self.own.prefix_len())).unwrap_or(u32::MAX);
        (u32::from(base), size)
    }

    fn is_lent_out(&self, address: Ipv4Addr) -> bool {
        let (base, size) = self.range();
        let offset = u32::from(address).wrapping_sub(base);
        // The last is everybody's.
        (FIRST..size.saturating_sub(1)).contains(&offset)
    }

    fn all(&self) -> impl Iterator<Item = Ipv4Addr> {
        let (base, size) = self.range();
        (FIRST..size.saturating_sub(1)).map(move |offset| Ipv4Addr::from(base.wrapping_add(offset)))
    }

    /// RFC 2131 §4.3.1, Table 3.
    fn reply(
        &self,
        asked: &Message,
        kind: MessageType,
        address: Option<Ipv4Addr>,
    ) -> Option<(Vec<u8>, SocketAddr)> {
        let unspecified = Ipv4Addr::UNSPECIFIED;
        let yiaddr = address.unwrap_or(unspecified);
        let mut reply = Message::new_with_id(
            asked.xid(),
            if kind == MessageType::Nak { unspecified } else { asked.ciaddr() },
            yiaddr,
            unspecified,
            unspecified,
            asked.chaddr(),
        );
        reply.set_opcode(Opcode::BootReply).set_htype(asked.htype()).set_flags(asked.flags());
        let options = reply.opts_mut();
        options.insert(DhcpOption::MessageType(kind));
        options.insert(DhcpOption::ServerIdentifier(self.router));
        if kind != MessageType::Nak {
            let ones = u32::MAX.checked_shl(32 - u32::from(self.own.prefix_len())).unwrap_or(0);
            options.insert(DhcpOption::SubnetMask(Ipv4Addr::from(ones)));
            options.insert(DhcpOption::Router(vec![self.router]));
            options.insert(DhcpOption::DomainNameServer(vec![self.router]));
            options.insert(DhcpOption::InterfaceMtu(self.mtu));
        }
        if address.is_some() {
            let seconds = u32::try_from(LEASE.as_secs()).unwrap_or(u32::MAX);
            options.insert(DhcpOption::AddressLeaseTime(seconds));
            // RFC 2131 §4.4.5: at half of it, and at seven eighths.
            options.insert(DhcpOption::Renewal(seconds / 2));
            options.insert(DhcpOption::Rebinding(seconds / 8 * 7));
        }
        let mut bytes = Vec::new();
        reply.encode(&mut Encoder::new(&mut bytes)).ok()?;
        // Who has no address yet hears what is said to everybody (RFC 2131 §4.1).
        let known = !asked.ciaddr().is_unspecified() && kind != MessageType::Nak;
        let to = if known { asked.ciaddr() } else { Ipv4Addr::BROADCAST };
        Some((bytes, SocketAddr::from((to, CLIENT_PORT))))
    }
}

/// Answers until it is told to stop.
pub(crate) fn serve(socket: &UdpSocket, direct: &UdpSocket, mut server: Server, stop: &Stop) {
    let mut message = vec![0; 2_048];
    loop {
        let next = run(
            poll_fn(|context| {
                if stop.poll(context).is_ready() {
                    return Poll::Ready(None);
                }
                for socket in [socket, direct] {
                    let received =
                        socket.as_socket().poll_recv(context, &mut message, RecvFlags::default());
                    if let Poll::Ready(received) = received {
                        return Poll::Ready(Some(received));
                    }
                }
                Poll::Pending
            }),
            None,
        );
        let Some(Some(received)) = next else { return };
        let Ok(received) = received else { continue };
        let Some(asked) = message.get(..received.bytes) else { continue };
        if let Some((answer, to)) = server.answer(asked, Instant::now()) {
            let _ = direct.send_to(&answer, to);
        }
    }
}
