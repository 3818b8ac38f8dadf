//! DHCP messages (RFC 2131 §2, RFC 2132) to and from bytes: `dhcproto` reads and writes the format;
//! what goes into it was looked through before, and what came out of it is judged here. Keeps no
//! state, and panics on nothing.

use super::lease::{Lease, Terms};
use danja_lan::MacAddress;
use danja_wire::ip::Cidr;
use dhcproto::v4::{DhcpOption, HType, Message, MessageType, Opcode, OptionCode};
use dhcproto::{Decodable, Decoder, Encodable, Encoder};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// The fixed part, with the cookie that begins the options.
const FIXED: usize = 240;
/// RFC 2131 §3: the first four octets of the options field.
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Where `sname`, `file` and the cookie begin.
const SNAME: usize = 44;
const FILE: usize = 108;
const OPTIONS: usize = 236;
/// RFC 1542 §2.1: BOOTP messages have 300 octets, and some relays expect no fewer.
const SHORTEST: usize = 300;
/// What we take: RFC 2131 §2 asks for 576 octets, and Ethernet carries so many.
const LARGEST: u16 = 1500;
/// Routers and servers that are remembered of a list.
const LIST: usize = 8;

/// The options of a server's answer that a client of ours reads.
const WANTED: [u8; 12] = [1, 3, 6, 15, 26, 51, 53, 54, 56, 58, 59, 61];

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) mac: MacAddress,
    pub(super) host_name: Option<String>,
    pub(super) client_id: Option<Vec<u8>>,
}

/// What a client says; the fields are those of RFC 2131 §4.4.1, Table 5.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) kind: MessageType,
    pub(super) xid: u32,
    /// Since the client began, in seconds.
    pub(super) secs: u16,
    /// The answer is to be a broadcast.
    pub(super) broadcast: bool,
    /// The address in use.
    pub(super) ciaddr: Option<Ipv4Addr>,
    /// The address asked for.
    pub(super) requested: Option<Ipv4Addr>,
    pub(super) server: Option<Ipv4Addr>,
}

impl Request {
    pub(super) fn emit(&self, who: &Identity) -> Vec<u8> {
        let unspecified = Ipv4Addr::UNSPECIFIED;
        let ciaddr = self.ciaddr.unwrap_or(unspecified);
        let mut message = Message::new_with_id(
            self.xid,
            ciaddr,
            unspecified,
            unspecified,
            unspecified,
            &who.mac.0,
        );
        message.set_opcode(Opcode::BootRequest).set_htype(HType::Eth).set_secs(self.secs);
        if self.broadcast {
            message.set_flags(message.flags().set_broadcast());
        }
        let options = message.opts_mut();
        options.insert(DhcpOption::MessageType(self.kind));
        // RFC 2131 §4.2: the same identifier in all messages. RFC 2132 §9.14: its type first.
        let by_mac = || [&[1], who.mac.0.as_slice()].concat();
        let client_id = who.client_id.clone().unwrap_or_else(by_mac);
        options.insert(DhcpOption::ClientIdentifier(client_id));
        if let Some(address) = self.requested {
            options.insert(DhcpOption::RequestedIpAddress(address));
        }
        if let Some(server) = self.server {
            options.insert(DhcpOption::ServerIdentifier(server));
        }
        // RFC 2131 §4.4.1, Table 5: not in DHCPDECLINE and DHCPRELEASE.
        if matches!(self.kind, MessageType::Discover | MessageType::Request) {
            options.insert(DhcpOption::MaxMessageSize(LARGEST));
            // RFC 2131 §3.5: the list is the same in all messages.
            options.insert(DhcpOption::ParameterRequestList(vec![
                OptionCode::SubnetMask,
                OptionCode::Router,
                OptionCode::DomainNameServer,
                OptionCode::DomainName,
                OptionCode::InterfaceMtu,
                OptionCode::Renewal,
                OptionCode::Rebinding,
            ]));
            if let Some(name) = &who.host_name {
                options.insert(DhcpOption::Hostname(name.clone()));
            }
        }
        emit(&message)
    }
}

/// The bytes of a message, at least as many as BOOTP's have.
pub fn emit(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    // It fails only for what is longer than its length field can say, of which we make none.
    let _ = message.encode(&mut Encoder::new(&mut bytes));
    if bytes.len() < SHORTEST {
        bytes.resize(SHORTEST, 0);
    }
    bytes
}

/// What a server says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Offer,
    Ack,
    Nak,
}

/// A server's answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) kind: Kind,
    pub(super) xid: u32,
    pub(super) server: Option<Ipv4Addr>,
    /// What it grants, if that can be used.
    pub(super) terms: Option<Terms>,
}

/// Why a message is not an answer to us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unreadable {
    /// It is no DHCP message, or a broken one.
    Malformed,
    /// It is not for this client, or not from a server.
    NotOurs,
}

impl Reply {
    pub(super) fn parse(bytes: &[u8], who: &Identity) -> Result<Self, Unreadable> {
        let message = decode(bytes, &WANTED).ok_or(Unreadable::Malformed)?;
        if message.opcode() != Opcode::BootReply || message.chaddr() != who.mac.0 {
            return Err(Unreadable::NotOurs);
        }
        let options = message.opts();
        let kind = match options.msg_type() {
            Some(MessageType::Offer) => Kind::Offer,
            Some(MessageType::Ack) => Kind::Ack,
            Some(MessageType::Nak) => Kind::Nak,
            Some(_) => return Err(Unreadable::NotOurs),
            // BOOTP, without the message type that makes it DHCP.
            None => return Err(Unreadable::Malformed),
        };
        let server = match options.get(OptionCode::ServerIdentifier) {
            Some(DhcpOption::ServerIdentifier(server)) => Some(*server).filter(is_host),
            _ => None,
        };
        Ok(Self { kind, xid: message.xid(), server, terms: terms(&message) })
    }
}

/// What is granted; `None` if no address, or one that no host can have, or no time.
fn terms(message: &Message) -> Option<Terms> {
    let options = message.opts();
    let seconds = |code| match options.get(code) {
        Some(
            DhcpOption::AddressLeaseTime(time)
            | DhcpOption::Renewal(time)
            | DhcpOption::Rebinding(time),
        ) => Some(*time),
        _ => None,
    };
    let hosts = |code| match options.get(code) {
        Some(DhcpOption::Router(list) | DhcpOption::DomainNameServer(list)) => {
            list.iter().copied().filter(is_host).take(LIST).collect()
        }
        _ => Vec::new(),
    };
    let mask = match options.get(OptionCode::SubnetMask) {
        Some(DhcpOption::SubnetMask(mask)) => Some(*mask),
        _ => None,
    };
    Some(Terms {
        address: network(message.yiaddr(), mask)?,
        seconds: seconds(OptionCode::AddressLeaseTime)?,
        renewal: seconds(OptionCode::Renewal),
        rebinding: seconds(OptionCode::Rebinding),
        routers: hosts(OptionCode::Router),
        dns: hosts(OptionCode::DomainNameServer),
        domain: match options.get(OptionCode::DomainName) {
            Some(DhcpOption::DomainName(name)) => domain(name),
            _ => None,
        },
        mtu: match options.get(OptionCode::InterfaceMtu) {
            Some(DhcpOption::InterfaceMtu(mtu)) => Some(*mtu).filter(|mtu| *mtu >= Lease::MIN_MTU),
            _ => None,
        },
    })
}

/// The address with its network, if a host can have it.
fn network(address: Ipv4Addr, mask: Option<Ipv4Addr>) -> Option<Cidr> {
    if !is_host(&address) {
        return None;
    }
    let contiguous = |mask: &Ipv4Addr| mask.to_bits().leading_ones() == mask.to_bits().count_ones();
    // Without a mask that is one, the address's class tells (RFC 791 §2.3).
    let by_class = match address.octets()[0] {
        0..=127 => 8,
        128..=191 => 16,
        _ => 24,
    };
    let prefix = mask.filter(contiguous).map(|mask| mask.to_bits().count_ones() as u8);
    let cidr = Cidr::new(IpAddr::V4(address), prefix.filter(|it| *it > 0).unwrap_or(by_class))?;
    let is_network = cidr.prefix_len() < 31 && cidr.network().address() == cidr.address();
    let is_broadcast = cidr.prefix_len() < 31 && cidr.broadcast() == Some(address);
    (!is_network && !is_broadcast).then_some(cidr)
}

/// Whether one host can have the address, on some link.
fn is_host(address: &Ipv4Addr) -> bool {
    let first = address.octets()[0];
    first != 0 && first < 224 && !address.is_loopback()
}

/// A domain that can be searched; anything else is worth nothing to a resolver.
fn domain(name: &str) -> Option<String> {
    let name = name.trim_matches(|c: char| c == '\0' || c == '.');
    let label = |label: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(known)
    };
    (name.len() <= 253 && name.split('.').all(label)).then(|| name.to_owned())
}

/// Reads a message of which only the options `wanted` are looked at: each is what all its
/// instances say together (RFC 2131 §4.1), wherever they are (`option overload`), and one of an
/// impossible length is as if it were not there. `None` if it is no DHCP message, or an option
/// runs beyond its field.
pub fn decode(bytes: &[u8], wanted: &[u8]) -> Option<Message> {
    let fixed = bytes.get(..FIXED)?;
    let (hardware_length, cookie) = (*fixed.get(2)?, fixed.get(OPTIONS..)?);
    if hardware_length > 16 || cookie != COOKIE {
        return None;
    }
    let mut found = BTreeMap::new();
    let overload = gather(bytes.get(FIXED..)?, wanted, &mut found)?;
    // RFC 2131 §4.1: the 'file' field MUST be interpreted next, followed by the 'sname' field.
    if overload & 1 != 0 {
        gather(bytes.get(FILE..OPTIONS)?, wanted, &mut found)?;
    }
    if overload & 2 != 0 {
        gather(bytes.get(SNAME..FILE)?, wanted, &mut found)?;
    }
    let mut sifted = fixed.to_vec();
    sifted.get_mut(SNAME..OPTIONS)?.fill(0);
    for (code, mut value) in found {
        // Of a list that is longer than one option, the first entries do.
        value.truncate(252);
        if is_possible(code, &value) {
            sifted.extend([code, value.len() as u8]);
            sifted.extend(value);
        }
    }
    sifted.push(255);
    Message::decode(&mut Decoder::new(&sifted)).ok()
}

/// Gathers the options of one field; gives what `option overload` says.
fn gather(mut field: &[u8], wanted: &[u8], into: &mut BTreeMap<u8, Vec<u8>>) -> Option<u8> {
    let mut overload = 0;
    loop {
        let (code, rest) = match field {
            // The last option should be 'end'; who forgets it means it.
            [] | [255, ..] => return Some(overload),
            [0, rest @ ..] => {
                field = rest;
                continue;
            }
            [code, rest @ ..] => (*code, rest),
        };
        let (length, rest) = rest.split_first()?;
        let (value, rest) = rest.split_at_checked(usize::from(*length))?;
        match (code, value) {
            (52, [value]) => overload = *value,
            _ if wanted.contains(&code) => into.entry(code).or_default().extend(value),
            _ => {}
        }
        field = rest;
    }
}

/// Whether an option can have this value (RFC 2132): its length, and letters where it has some.
fn is_possible(code: u8, value: &[u8]) -> bool {
    let length = value.len();
    match code {
        1 | 50 | 51 | 54 | 58 | 59 => length == 4,
        3 | 6 => length > 0 && length.is_multiple_of(4),
        26 | 57 => length == 2,
        53 => length == 1,
        12 | 15 | 56 => length > 0 && str::from_utf8(value).is_ok(),
        _ => length > 0,
    }
}
