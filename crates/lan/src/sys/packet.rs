//! Packet sockets (`packet(7)`): the calls and options that have no safe wrapper.

use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::ffi::c_int;
use std::io::{IoSlice, IoSliceMut};
use std::mem::{MaybeUninit, size_of};

/// Longest interface name, in bytes (`IFNAMSIZ` less the final zero).
pub(crate) const NAME_MAX: usize = libc::IFNAMSIZ - 1;

/// Messages that one system call moves at most.
pub(crate) const BATCH: usize = 16;
/// Pieces of memory that a message is read into, the first for its metadata.
pub(crate) const PARTS: usize = 4;

/// A packet socket that hears nothing yet, non-blocking.
pub(crate) fn open() -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)
}

/// The error that the last call left.
fn last() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

fn check(result: c_int) -> Result<(), Errno> {
    if result < 0 { Err(last()) } else { Ok(()) }
}

/// An interface as the kernel has it, in the network namespace of the socket that asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interface {
    /// Its number.
    pub(crate) index: i32,
    /// Its hardware address, if it carries Ethernet frames.
    pub(crate) ethernet: Option<[u8; 6]>,
    /// Largest IP packet, in bytes.
    pub(crate) mtu: usize,
    /// Administratively up.
    pub(crate) up: bool,
    /// Up, and with a carrier.
    pub(crate) running: bool,
}

/// Looks up the interface `name` in the socket's network namespace; `ENODEV` if there is none.
pub(crate) fn interface(socket: impl AsFd, name: &str) -> Result<Interface, Errno> {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes.len() > NAME_MAX || bytes.contains(&0) {
        return Err(Errno::INVAL);
    }
    // SAFETY: `ifreq` is plain data, for which all zeros is a value.
    let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    for (to, from) in request.ifr_name.iter_mut().zip(bytes) {
        *to = std::ffi::c_char::from_ne_bytes([*from]);
    }
    let socket = socket.as_fd().as_raw_fd();
    let mut ask = |what| {
        // SAFETY: these requests read and write one `struct ifreq`, which lives across the call.
        check(unsafe { libc::ioctl(socket, what, &raw mut request) }).map(|()| request.ifr_ifru)
    };
    let flags = ask(libc::SIOCGIFFLAGS)?;
    let index = ask(libc::SIOCGIFINDEX)?;
    let mtu = ask(libc::SIOCGIFMTU)?;
    let address = ask(libc::SIOCGIFHWADDR)?;
    // SAFETY: each request has just written this field of its union, and any bits are a value.
    let (flags, index, mtu, address) =
        unsafe { (flags.ifru_flags, index.ifru_ifindex, mtu.ifru_mtu, address.ifru_hwaddr) };
    let octets = |at: usize| address.sa_data[at].to_ne_bytes()[0];
    Ok(Interface {
        index,
        ethernet: (address.sa_family == libc::ARPHRD_ETHER).then(|| std::array::from_fn(octets)),
        mtu: usize::try_from(mtu).map_err(|_| Errno::INVAL)?,
        up: c_int::from(flags) & libc::IFF_UP != 0,
        running: c_int::from(flags) & libc::IFF_RUNNING != 0,
    })
}

/// Has the socket hear every packet of the interface.
pub(crate) fn bind(socket: impl AsFd, index: i32) -> Result<(), Errno> {
    // SAFETY: `sockaddr_ll` is plain data, for which all zeros is a value.
    let mut address: libc::sockaddr_ll = unsafe { MaybeUninit::zeroed().assume_init() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index;
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the address lives across the call and has the length that is given.
    check(unsafe { libc::bind(socket.as_fd().as_raw_fd(), (&raw const address).cast(), length) })
}

fn set<T>(socket: impl AsFd, level: c_int, name: c_int, value: &T) -> Result<(), Errno> {
    let length = size_of::<T>() as libc::socklen_t;
    let socket = socket.as_fd().as_raw_fd();
    // SAFETY: the kernel reads `length` bytes of the value, which lives across the call; the
    // callers pair options with the types that they take.
    check(unsafe { libc::setsockopt(socket, level, name, (&raw const *value).cast(), length) })
}

/// A virtio-net header of 10 bytes goes before each packet, both ways.
pub(crate) fn use_header(socket: impl AsFd, used: bool) -> Result<(), Errno> {
    set(socket, libc::SOL_PACKET, libc::PACKET_VNET_HDR, &c_int::from(used))
}

/// What this machine sends is not heard.
pub(crate) fn ignore_outgoing(socket: impl AsFd) -> Result<(), Errno> {
    set(socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1_i32)
}

/// VLAN tags that the kernel has taken off packets are told beside them.
pub(crate) fn tell_tags(socket: impl AsFd) -> Result<(), Errno> {
    set(socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, &1_i32)
}

/// The interface hears stations other than its own, while the socket lives.
pub(crate) fn hear_all(socket: impl AsFd, index: i32) -> Result<(), Errno> {
    let wanted = libc::packet_mreq {
        mr_ifindex: index,
        mr_type: libc::PACKET_MR_PROMISC as u16,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &wanted)
}

/// The packets that wait to be read may take this many bytes, or as many as the user may have.
pub(crate) fn set_receive_buffer(socket: impl AsFd, bytes: c_int) {
    // The first is for the machine's root alone.
    let _ = set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &bytes)
        .or_else(|_| set(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &bytes));
}

/// Has the kernel drop, before anybody is woken, frames that are neither for `address` nor for a
/// group of stations.
pub(crate) fn only_for(socket: impl AsFd, [a, b, c, d, e, f]: [u8; 6]) -> Result<(), Errno> {
    use libc::{BPF_ABS, BPF_B, BPF_H, BPF_JEQ, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W};
    let step = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut program = [
        step(BPF_LD | BPF_B | BPF_ABS, 0, 0, 0),
        step(BPF_JMP | BPF_JSET | BPF_K, 4, 0, 1),
        step(BPF_LD | BPF_W | BPF_ABS, 0, 0, 2),
        step(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, u32::from_be_bytes([c, d, e, f])),
        step(BPF_LD | BPF_H | BPF_ABS, 0, 0, 0),
        step(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, u32::from_be_bytes([0, 0, a, b])),
        step(BPF_RET | BPF_K, 0, 0, u32::MAX),
        step(BPF_RET | BPF_K, 0, 0, 0),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // The kernel copies the program, which lives until here.
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)
}

/// Packets that the kernel has dropped since this was last asked, because they found no space.
pub(crate) fn dropped(socket: impl AsFd) -> u32 {
    let mut counts = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    let mut length = size_of::<libc::tpacket_stats>() as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into the counts, which are plain numbers.
    let got = check(unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut counts).cast(),
            &raw mut length,
        )
    });
    got.map_or(0, |()| counts.tp_drops)
}

/// One message that was read.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Got {
    /// Bytes in all its parts.
    pub(crate) length: usize,
    /// It was longer than its parts.
    pub(crate) cut_short: bool,
    /// The VLAN tag that was taken off: its type and its content.
    pub(crate) tag: Option<[u16; 2]>,
}

/// Room for the control message with the auxiliary data, aligned as control messages are.
type Control = [u64; 8];

/// Reads as many messages as there are, or buffers for them, and says how many.
pub(crate) fn receive(
    socket: impl AsFd,
    buffers: &mut [[IoSliceMut<'_>; PARTS]],
    got: &mut [Got; BATCH],
) -> Result<usize, Errno> {
    // SAFETY: these are plain data, for which all zeros is a value.
    let mut messages: [libc::mmsghdr; BATCH] = unsafe { MaybeUninit::zeroed().assume_init() };
    let mut controls: [Control; BATCH] = [[0; 8]; BATCH];
    let mut count = 0;
    for ((message, parts), control) in messages.iter_mut().zip(buffers).zip(&mut controls) {
        // `IoSliceMut` is promised to be laid out as `iovec`.
        message.msg_hdr.msg_iov = parts.as_mut_ptr().cast();
        message.msg_hdr.msg_iovlen = PARTS as _;
        message.msg_hdr.msg_control = control.as_mut_ptr().cast();
        message.msg_hdr.msg_controllen = size_of::<Control>() as _;
        count += 1;
    }
    // SAFETY: the first `count` messages point to buffers and control areas of the lengths that
    // they say, all of which live, borrowed mutably, until the call returns.
    let read = unsafe {
        libc::recvmmsg(
            socket.as_fd().as_raw_fd(),
            messages.as_mut_ptr(),
            count,
            libc::MSG_DONTWAIT as _,
            std::ptr::null_mut(),
        )
    };
    let read = usize::try_from(read).map_err(|_| last())?;
    for (got, message) in got.iter_mut().zip(&messages).take(read) {
        *got = Got {
            length: message.msg_len as usize,
            cut_short: message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            tag: tag(&message.msg_hdr),
        };
    }
    Ok(read)
}

/// The VLAN tag that the control messages tell of.
fn tag(header: &libc::msghdr) -> Option<[u16; 2]> {
    // SAFETY: the kernel has filled the control area, which still lives, and its length.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !next.is_null() {
        // SAFETY: not null, so within the control area, whole and aligned as the macros promise.
        let control = unsafe { &*next };
        if (control.cmsg_level, control.cmsg_type) == (libc::SOL_PACKET, libc::PACKET_AUXDATA) {
            // SAFETY: a control message of this type holds one `tpacket_auxdata`, plain numbers.
            let data: libc::tpacket_auxdata =
                unsafe { std::ptr::read_unaligned(libc::CMSG_DATA(next).cast()) };
            if data.tp_status & libc::TP_STATUS_VLAN_VALID == 0 {
                return None;
            }
            let known = data.tp_status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
            // Older kernels take off tags of this type only.
            let kind = if known { data.tp_vlan_tpid } else { 0x8100 };
            return Some([kind, data.tp_vlan_tci]);
        }
        // SAFETY: `next` is a control message of this header.
        next = unsafe { libc::CMSG_NXTHDR(header, next) };
    }
    None
}

/// Sends messages, each of its parts in order, and says how many the kernel took.
pub(crate) fn send(socket: impl AsFd, messages: &[&[IoSlice<'_>]]) -> Result<usize, Errno> {
    // SAFETY: these are plain data, for which all zeros is a value.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { MaybeUninit::zeroed().assume_init() };
    let mut count = 0;
    for (header, parts) in headers.iter_mut().zip(messages) {
        // `IoSlice` is promised to be laid out as `iovec`; the kernel only reads these.
        header.msg_hdr.msg_iov = parts.as_ptr().cast_mut().cast();
        header.msg_hdr.msg_iovlen = parts.len() as _;
        count += 1;
    }
    // SAFETY: the first `count` messages point to parts that live until the call returns.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_fd().as_raw_fd(),
            headers.as_mut_ptr(),
            count,
            (libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) as _,
        )
    };
    usize::try_from(sent).map_err(|_| last())
}
