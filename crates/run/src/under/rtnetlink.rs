//! Sets up the interfaces of another network namespace, over a netlink socket that was opened in
//! it (rtnetlink(7)). Decides no address.

use rustix::fd::{AsRawFd, BorrowedFd, OwnedFd};
use rustix::io::{Errno, Result};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::Timeout;
use rustix::net::sockopt::set_socket_timeout;
use rustix::net::{RecvFlags, SendFlags, recv, sendto};
use std::net::Ipv4Addr;
use std::time::Duration;

const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_EXCL: u16 = 0x200;
const NLM_F_CREATE: u16 = 0x400;
const NLMSG_ERROR: u16 = 2;
const HEADER: usize = 16;

const IFF_UP: u32 = 1;
const IFF_NOARP: u32 = 0x80;

const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINKINFO: u16 = 18;
const IFLA_NET_NS_FD: u16 = 28;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_BROADCAST: u16 = 4;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;

/// Every wait is bounded: the kernel answers while the call lasts.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message under construction.
struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, flags: u16) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((NLM_F_REQUEST | NLM_F_ACK | flags).to_ne_bytes());
        bytes.extend([0; 8]);
        Self(bytes)
    }

    /// `struct ifinfomsg`.
    fn link(mut self, index: u32, set: u32, of: u32) -> Self {
        self.0.extend([0; 4]);
        for value in [index, set, of] {
            self.0.extend(value.to_ne_bytes());
        }
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len() + 4).unwrap_or(4);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    fn number(self, kind: u16, value: u32) -> Self {
        self.attribute(kind, &value.to_ne_bytes())
    }

    fn name(self, kind: u16, name: &str) -> Self {
        let mut bytes = name.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes)
    }

    /// Attributes within an attribute.
    fn nested(self, kind: u16, inside: impl FnOnce(Self) -> Self) -> Self {
        let inner = inside(Self(Vec::new())).0;
        self.attribute(kind, &inner)
    }
}

/// The interfaces, addresses and routes of a network namespace.
pub(crate) struct Routes(OwnedFd);

impl Routes {
    /// By a netlink socket (NETLINK_ROUTE) of that namespace.
    pub(crate) fn new(socket: OwnedFd) -> Result<Self> {
        set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        Ok(Self(socket))
    }

    /// Sends a message and waits for what is said to it.
    fn ask(&self, message: Message) -> Result<Vec<u8>> {
        let mut bytes = message.0;
        let length = u32::try_from(bytes.len()).map_err(|_| Errno::MSGSIZE)?;
        bytes.splice(..4, length.to_ne_bytes());
        sendto(&self.0, &bytes, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        let mut answer = vec![0; 8192];
        let (count, _) = recv(&self.0, answer.as_mut_slice(), RecvFlags::empty())?;
        answer.truncate(count);
        let number = |at: usize| -> Result<i32> {
            let field = answer.get(at..at + 4).and_then(|it| it.try_into().ok());
            field.map(i32::from_ne_bytes).ok_or(Errno::BADMSG)
        };
        let kind = answer.get(4..6).and_then(|it| it.try_into().ok()).map(u16::from_ne_bytes);
        if kind == Some(NLMSG_ERROR) {
            let errno = number(HEADER)?;
            if errno != 0 {
                return Err(Errno::from_raw_os_error(-errno));
            }
        }
        Ok(answer)
    }

    /// The number of the interface `name`.
    pub(crate) fn index(&self, name: &str) -> Result<u32> {
        const RTM_GETLINK: u16 = 18;
        let mut message = Message::new(RTM_GETLINK, 0).link(0, 0, 0).name(IFLA_IFNAME, name);
        // The answer is the answer: none follows it.
        let flags = NLM_F_REQUEST.to_ne_bytes();
        message.0.splice(6..8, flags);
        let answer = self.ask(message)?;
        let field = answer.get(HEADER + 4..HEADER + 8).and_then(|it| it.try_into().ok());
        field.map(u32::from_ne_bytes).ok_or(Errno::BADMSG)
    }

    /// Brings an interface up; of those with hardware addresses, without asking for neighbours'.
    pub(crate) fn up(&self, index: u32, mtu: Option<u32>, asks: bool) -> Result<()> {
        const RTM_NEWLINK: u16 = 16;
        let set = if asks { IFF_UP } else { IFF_UP | IFF_NOARP };
        let message = Message::new(RTM_NEWLINK, 0).link(index, set, set);
        let message = match mtu {
            Some(mtu) => message.number(IFLA_MTU, mtu),
            None => message,
        };
        self.ask(message).map(drop)
    }

    /// A pair of Ethernet interfaces: `far` here, and `near` with the hardware address `mac` in
    /// the namespace `network`.
    pub(crate) fn pair(
        &self,
        far: &str,
        near: &str,
        mac: [u8; 6],
        network: BorrowedFd<'_>,
    ) -> Result<()> {
        const RTM_NEWLINK: u16 = 16;
        let number = network.as_raw_fd().cast_unsigned();
        let message = Message::new(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL)
            .link(0, 0, 0)
            .name(IFLA_IFNAME, far)
            .nested(IFLA_LINKINFO, |info| {
                info.attribute(IFLA_INFO_KIND, b"veth").nested(IFLA_INFO_DATA, |data| {
                    data.nested(VETH_INFO_PEER, |peer| {
                        peer.link_info()
                            .name(IFLA_IFNAME, near)
                            .attribute(IFLA_ADDRESS, &mac)
                            .number(IFLA_NET_NS_FD, number)
                    })
                })
            });
        self.ask(message).map(drop)
    }

    /// Adds an address with its network.
    pub(crate) fn add_address(&self, index: u32, address: Ipv4Addr, prefix: u8) -> Result<()> {
        const RTM_NEWADDR: u16 = 20;
        let [family, universe] = [2, 0];
        let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
        let broadcast = Ipv4Addr::from(u32::from(address) | host);
        let message = Message::new(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL)
            .bytes(&[family, prefix, 0, universe])
            .bytes(&index.to_ne_bytes())
            .attribute(IFA_LOCAL, &address.octets())
            .attribute(IFA_ADDRESS, &address.octets());
        let message = match prefix {
            31.. => message,
            _ => message.attribute(IFA_BROADCAST, &broadcast.octets()),
        };
        self.ask(message).map(drop)
    }

    /// Adds a route.
    pub(crate) fn add_route(
        &self,
        index: u32,
        to: (Ipv4Addr, u8),
        gateway: Option<Ipv4Addr>,
    ) -> Result<()> {
        const RTM_NEWROUTE: u16 = 24;
        let [family, main, boot, unicast] = [2, 254, 3, 1];
        // RT_SCOPE_UNIVERSE behind a gateway, else RT_SCOPE_LINK.
        let scope = if gateway.is_some() { 0 } else { 253 };
        let message = Message::new(RTM_NEWROUTE, NLM_F_CREATE)
            .bytes(&[family, to.1, 0, 0, main, boot, scope, unicast, 0, 0, 0, 0])
            .number(RTA_OIF, index);
        let message = match to.1 {
            0 => message,
            _ => message.attribute(RTA_DST, &to.0.octets()),
        };
        let message = match gateway {
            None => message,
            Some(gateway) => message.attribute(RTA_GATEWAY, &gateway.octets()),
        };
        self.ask(message).map(drop)
    }
}

impl Message {
    /// `struct ifinfomsg` of a peer, which has none of its own yet.
    fn link_info(self) -> Self {
        self.link(0, 0, 0)
    }
}
