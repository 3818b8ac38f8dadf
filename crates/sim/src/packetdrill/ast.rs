//! A script as a value: what [`parse`](super::parse()) makes of its text. Says nothing about how it is run.

use core::time::Duration;
use std::net::IpAddr;

/// A whole script.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// Its name, as it was given; errors begin with it.
    pub name: String,
    /// Its text as its author wrote it, for quoting lines.
    pub text: String,
    /// The `--name=value` lines, in order.
    pub options: Vec<ScriptOption>,
    /// Back-quoted commands before time 0.
    pub initial: Option<Command>,
    /// What happens, in order.
    pub events: Vec<Event>,
    /// Back-quoted commands after everything else, also after a failure.
    pub last: Option<Command>,
}

/// A `--name=value` or `--name` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptOption {
    /// The name, without the dashes.
    pub name: String,
    /// The value, if there is one.
    pub value: Option<String>,
    /// Line in the script, from 1.
    pub line: usize,
}

/// A back-quoted command. It is text to be understood, and is never executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The text between the back-quotes.
    pub text: String,
    /// Line in the script, from 1.
    pub line: usize,
}

/// Something that happens at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Line in the script, from 1.
    pub line: usize,
    /// When.
    pub time: Time,
    /// What.
    pub action: Action,
}

/// A moment, counted from the script's start or from the previous event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// `0.5`: from the start.
    Absolute(Duration),
    /// `+0.5`: from the previous event.
    Relative(Duration),
}

/// When an event happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// `0.5`, `+.1`.
    At(Moment),
    /// `*`: whenever it comes (outbound packets only).
    Any,
    /// `0.1~0.2`: between the two (outbound packets only).
    Between(Moment, Moment),
    /// `0.1...0.3`: a call that begins at the first and blocks until the second.
    Blocking(Moment, Moment),
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A packet that is given to the stack, or expected from it.
    Packet(Packet),
    /// A call of the application.
    Call(Call),
    /// A back-quoted command.
    Command(Command),
    /// `%{ … }%`: assertions on the state of the socket under test.
    Code(Command),
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// `<`: to the stack.
    In,
    /// `>`: from the stack.
    Out,
}

/// A packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Which way.
    pub direction: Direction,
    /// What is around the innermost packet, outermost first.
    pub outer: Vec<Encapsulation>,
    /// What is said of the IP header.
    pub ip: IpInfo,
    /// The rest.
    pub body: Body,
    /// `/udp(source > destination)`: TCP carried in UDP between these ports (RFC 6951 style).
    pub in_udp: Option<(u16, u16)>,
}

/// A header around a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encapsulation {
    /// `ipv4 a > b:` or `ipv6 a > b:`.
    Ip(IpAddr, IpAddr),
    /// `gre …:`, with the text between.
    Gre(String),
    /// `mpls …:`, with the text between.
    Mpls(String),
}

/// What a script says of the ECN bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ecn {
    /// `noecn`.
    None,
    /// `ect0`.
    Ect0,
    /// `ect1`.
    Ect1,
    /// `ce`.
    Ce,
    /// `ect01`: one of the two (outbound only).
    Ect01,
}

/// What a script says of the IP header; what it does not say is not compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpInfo {
    /// The two ECN bits.
    pub ecn: Option<Ecn>,
    /// The whole TOS or traffic class byte.
    pub tos: Option<u8>,
    /// TTL or hop limit.
    pub ttl: Option<u8>,
    /// Flow label.
    pub flow_label: Option<u32>,
}

/// What is inside the IP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A TCP segment.
    Tcp(Segment),
    /// `udp (length)`: payload bytes.
    Udp {
        /// Source and destination, when not the run's own.
        ports: Option<(u16, u16)>,
        /// Payload bytes.
        length: u16,
    },
    /// An ICMP message.
    Icmp(Icmp),
}

/// A number of the script that may be left open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequence {
    /// `1:1461(1460)`: the first sequence number.
    At(u32),
    /// `1:1(0)!`: the number on the wire itself, not counted from the connection's first.
    Wire(u32),
    /// `...(0)`: any.
    Any,
}

/// A TCP segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Source and destination, when not the run's own.
    pub ports: Option<(u16, u16)>,
    /// The flags.
    pub flags: Flags,
    /// The sequence number.
    pub sequence: Sequence,
    /// Payload bytes.
    pub length: u32,
    /// The acknowledgement number.
    pub ack: Option<u32>,
    /// The window field. Outbound, `None` is not compared.
    pub window: Option<u16>,
    /// The urgent pointer.
    pub urgent: Option<u16>,
    /// The options; `None` is `<...>`, not compared.
    pub options: Option<Vec<TcpOption>>,
}

/// TCP flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are eight bits of a header")]
pub struct Flags {
    /// FIN.
    pub fin: bool,
    /// SYN.
    pub syn: bool,
    /// RST.
    pub rst: bool,
    /// PSH.
    pub psh: bool,
    /// ACK.
    pub ack: bool,
    /// URG.
    pub urg: bool,
    /// The ACE field: AE, CWR and ECE as one number, AE highest.
    pub ace: u8,
}

/// A TCP option, in script numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpOption {
    /// End of list.
    Eol,
    /// No operation.
    Nop,
    /// Maximum segment size.
    Mss(u16),
    /// Window scale.
    WindowScale(u8),
    /// SACK permitted.
    SackPermitted,
    /// SACK blocks: first and one past the last sequence number.
    Sack(Vec<(u32, u32)>),
    /// Timestamps.
    Timestamps {
        /// TSval.
        value: u32,
        /// TSecr.
        echo: u32,
    },
    /// MD5 signature: the digest, or `None` for `valid`.
    Md5(Option<Vec<u8>>),
    /// Fast Open cookie (RFC 7413); empty asks for one.
    FastOpen(Vec<u8>),
    /// Fast Open cookie in the experimental option.
    FastOpenExperimental(Vec<u8>),
    /// Accurate ECN counters, in their order on the wire.
    AccEcn(Vec<(EcnCounter, u32)>),
}

/// A byte counter of the Accurate ECN option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EcnCounter {
    /// ECT(0).
    E0b,
    /// ECT(1).
    E1b,
    /// CE.
    Ceb,
}

/// An ICMP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Its type's name.
    pub kind: String,
    /// Its code's name or number.
    pub code: Option<String>,
    /// Next-hop MTU.
    pub mtu: Option<u32>,
    /// Identifier.
    pub id: Option<u16>,
    /// What it carries.
    pub payload: Option<IcmpPayload>,
}

/// What an ICMP message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpPayload {
    /// `[sequence:end(length)]`: the segment that caused it.
    Segment {
        /// First sequence number.
        sequence: u32,
        /// Payload bytes.
        length: u32,
    },
    /// `[udp (length)]`: the datagram that caused it.
    Udp(u16),
    /// `[raw (length)]`: bytes.
    Raw(u16),
}

/// A call of the application.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function's name.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<Expression>,
    /// What it returns.
    pub result: Expression,
    /// The error's name, after a result of -1.
    pub errno: Option<String>,
    /// What stands in parentheses after the result.
    pub note: Option<String>,
}

/// An argument or a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// `...`: the runner supplies it.
    Supplied,
    /// A number.
    Number(i64),
    /// A name of the system's headers.
    Name(String),
    /// A string.
    Text(Vec<u8>),
    /// `a | b | c`.
    Or(Vec<Self>),
    /// `htons(80)`, `inet_addr("…")`.
    Apply(String, Vec<Self>),
    /// `[a, b]`.
    List(Vec<Self>),
    /// `{name=value, …}`, `{a, b}`.
    Structure(Vec<Field>),
}

/// One member of a structure.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name, unless it goes by position.
    pub name: Option<String>,
    /// `msg_iov(1)=`: its size.
    pub size: Option<Expression>,
    /// Its value.
    pub value: Expression,
}
