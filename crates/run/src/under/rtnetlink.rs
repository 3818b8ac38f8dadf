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

/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// Of `linux/veth.h`, which `libc` does not have.
const VETH_INFO_PEER: u16 = 1;
const REQUEST: u16 = (libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
const CREATE: u16 = libc::NLM_F_CREATE as u16;
const ONLY_NEW: u16 = CREATE | libc::NLM_F_EXCL as u16;
const UP: u32 = libc::IFF_UP as u32;
const NO_ARP: u32 = libc::IFF_NOARP as u32;
const ERROR: u16 = libc::NLMSG_ERROR as u16;
const IPV4: u8 = libc::AF_INET as u8;

/// Every wait is bounded: the kernel answers while the call lasts.
const PATIENCE: Duration = Duration::from_secs(5);

/// A message under construction.
struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, flags: u16) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((REQUEST | flags).to_ne_bytes());
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
        if kind == Some(ERROR) {
            let errno = number(HEADER)?;
            if errno != 0 {
                return Err(Errno::from_raw_os_error(-errno));
            }
        }
        Ok(answer)
    }

    /// The number of the interface `name`.
    pub(crate) fn index(&self, name: &str) -> Result<u32> {
        let mut message =
            Message::new(libc::RTM_GETLINK, 0).link(0, 0, 0).name(libc::IFLA_IFNAME, name);
        // The answer is the answer: none follows it.
        let flags = (libc::NLM_F_REQUEST as u16).to_ne_bytes();
        message.0.splice(6..8, flags);
        let answer = self.ask(message)?;
        let field = answer.get(HEADER + 4..HEADER + 8).and_then(|it| it.try_into().ok());
        field.map(u32::from_ne_bytes).ok_or(Errno::BADMSG)
    }

    /// Brings an interface up; of those with hardware addresses, without asking for neighbours'.
    pub(crate) fn up(&self, index: u32, mtu: Option<u32>, asks: bool) -> Result<()> {
        let set = if asks { UP } else { UP | NO_ARP };
        let message = Message::new(libc::RTM_NEWLINK, 0).link(index, set, set);
        let message = match mtu {
            Some(mtu) => message.number(libc::IFLA_MTU, mtu),
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
        let number = network.as_raw_fd().cast_unsigned();
        let message = Message::new(libc::RTM_NEWLINK, ONLY_NEW)
            .link(0, 0, 0)
            .name(libc::IFLA_IFNAME, far)
            .nested(libc::IFLA_LINKINFO, |info| {
                info.attribute(libc::IFLA_INFO_KIND, b"veth").nested(libc::IFLA_INFO_DATA, |data| {
                    data.nested(VETH_INFO_PEER, |peer| {
                        peer.link(0, 0, 0)
                            .name(libc::IFLA_IFNAME, near)
                            .attribute(libc::IFLA_ADDRESS, &mac)
                            .number(libc::IFLA_NET_NS_FD, number)
                    })
                })
            });
        self.ask(message).map(drop)
    }

    /// Adds an address with its network.
    pub(crate) fn add_address(&self, index: u32, address: Ipv4Addr, prefix: u8) -> Result<()> {
        let host = u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
        let broadcast = Ipv4Addr::from(u32::from(address) | host);
        let message = Message::new(libc::RTM_NEWADDR, ONLY_NEW)
            .bytes(&[IPV4, prefix, 0, libc::RT_SCOPE_UNIVERSE])
            .bytes(&index.to_ne_bytes())
            .attribute(libc::IFA_LOCAL, &address.octets())
            .attribute(libc::IFA_ADDRESS, &address.octets());
        let message = match prefix {
            31.. => message,
            _ => message.attribute(libc::IFA_BROADCAST, &broadcast.octets()),
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
        use libc::{RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, RT_TABLE_MAIN, RTN_UNICAST, RTPROT_BOOT};
        let scope = if gateway.is_some() { RT_SCOPE_UNIVERSE } else { RT_SCOPE_LINK };
        let message = Message::new(libc::RTM_NEWROUTE, CREATE)
            .bytes(&[IPV4, to.1, 0, 0])
            .bytes(&[RT_TABLE_MAIN, RTPROT_BOOT, scope, RTN_UNICAST])
            .bytes(&[0; 4])
            .number(libc::RTA_OIF, index);
        let message = match to.1 {
            0 => message,
            _ => message.attribute(libc::RTA_DST, &to.0.octets()),
        };
        let message = match gateway {
            None => message,
            Some(gateway) => message.attribute(libc::RTA_GATEWAY, &gateway.octets()),
        };
        self.ask(message).map(drop)
    }
}
