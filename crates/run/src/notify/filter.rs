//! Which system calls are told to the supervisor, as a program for the kernel's filter machine.
//! Calls that only move data are never among them.

use crate::sys::seccomp::Filter;
use libc::{c_long, sock_filter};
use std::ops::Range;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const NOTIFY: u32 = libc::SECCOMP_RET_USER_NOTIF;

const fn refuse(errno: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno.unsigned_abs()
}

const NOT_THERE: u32 = refuse(libc::ENOSYS);

/// Offsets in `seccomp_data`.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;

#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7;
/// The 32-bit system calls of x86, and of what they make sockets and rings with.
const I386: u32 = 0x4000_0003;
const I386_REFUSED: [u32; 8] = [102, 359, 361, 362, 363, 364, 425, 426];
/// The bit of an x32 call.
const X32: u32 = 0x4000_0000;

const MPTCP: u32 = libc::IPPROTO_MPTCP as u32;
const IPPROTO_TCP: u32 = libc::IPPROTO_TCP as u32;
const SOL_SOCKET: u32 = libc::SOL_SOCKET as u32;
const INET: [u32; 2] = [libc::AF_INET as u32, libc::AF_INET6 as u32];

/// The ioctls of `linux/sockios.h` about interfaces, from SIOCGIFNAME on.
pub(super) const INTERFACES: Range<u32> = 0x8910..0x8970;

/// Options of the UNIX socket that mean the same there as of the program's.
const SAME_OPTIONS: [i32; 9] = [
    libc::SO_TYPE,
    libc::SO_PASSCRED,
    libc::SO_RCVTIMEO,
    libc::SO_SNDTIMEO,
    libc::SO_PEERSEC,
    libc::SO_TIMESTAMP,
    libc::SO_COOKIE,
    66, // SO_RCVTIMEO_NEW
    67, // SO_SNDTIMEO_NEW
];

/// A filter under which stream sockets of the internet are the supervisor's. `alone`: no namespace
/// carries the rest, so that datagrams are the supervisor's too, and other protocols refused. To
/// be made before the fork.
pub fn filter(alone: bool) -> Filter {
    let mut code = Code::default();
    code.architecture();
    for number in [425, 426, 427] {
        // io_uring would make the calls unseen.
        code.rule(number, |code| code.finish(NOT_THERE));
    }
    code.rule(libc::SYS_socket, |code| socket(code, alone));
    for number in [
        libc::SYS_connect,
        libc::SYS_bind,
        libc::SYS_listen,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_getsockname,
        libc::SYS_getpeername,
        libc::SYS_shutdown,
    ] {
        code.rule(number as c_long, |code| code.finish(NOTIFY));
    }
    for number in [libc::SYS_getsockopt, libc::SYS_setsockopt] {
        code.rule(number, option);
    }
    for number in [libc::SYS_sendto, libc::SYS_recvfrom] {
        // Only with a place for an address.
        code.rule(number, |code| {
            code.argument(4);
            code.finish_unless(0, NOTIFY);
            code.argument_high(4);
            code.finish_unless(0, NOTIFY);
            code.finish(ALLOW);
        });
    }
    if alone {
        // Which of them have addresses, and are about a socket of ours, cannot be seen here.
        for number in [libc::SYS_sendmsg, libc::SYS_recvmsg, libc::SYS_sendmmsg, libc::SYS_recvmmsg]
        {
            code.rule(number, |code| code.finish(NOTIFY));
        }
    } else {
        code.rule(libc::SYS_sendmsg, |code| {
            code.argument(2);
            code.finish_if_set(libc::MSG_FASTOPEN as u32, NOTIFY);
            code.finish(ALLOW);
        });
    }
    code.rule(libc::SYS_ioctl, |code| {
        code.argument(1);
        code.finish_if(libc::TIOCOUTQ as u32, NOTIFY);
        code.finish_below(INTERFACES.start, ALLOW);
        code.finish_below(INTERFACES.end, NOTIFY);
        code.finish(ALLOW);
    });
    code.finish(ALLOW);
    Filter::new(code.0)
}

fn socket(code: &mut Code, alone: bool) {
    code.argument(0);
    code.finish_unless_any(&INET, ALLOW);
    if alone {
        let mut datagrams = Code::default();
        datagrams.argument(2);
        datagrams.finish_if(0, NOTIFY);
        datagrams.finish_if(libc::IPPROTO_UDP as u32, NOTIFY);
        // Echo requests are the machine's own.
        datagrams.finish(ALLOW);
        code.argument(1);
        code.mask(0xf);
        code.if_equal(libc::SOCK_DGRAM as u32, datagrams);
    }
    code.argument(1);
    code.mask(0xf);
    code.finish_unless_any(&[libc::SOCK_STREAM as u32], ALLOW);
    code.argument(2);
    code.finish_if(MPTCP, refuse(libc::EPROTONOSUPPORT));
    let other = if alone { refuse(libc::EPROTONOSUPPORT) } else { ALLOW };
    code.finish_unless_any(&[0, IPPROTO_TCP], other);
    code.finish(NOTIFY);
}

fn option(code: &mut Code) {
    code.argument(1);
    let mut same = Code::default();
    same.argument(2);
    for option in SAME_OPTIONS {
        same.finish_if(option.unsigned_abs(), ALLOW);
    }
    code.if_equal(SOL_SOCKET, same);
    code.finish(NOTIFY);
}

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const MASK: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Instructions; the accumulator holds what was loaded last.
#[derive(Default)]
struct Code(Vec<sock_filter>);

impl Code {
    fn push(&mut self, code: u16, yes: u8, no: u8, value: u32) {
        self.0.push(sock_filter { code, jt: yes, jf: no, k: value });
    }

    fn load(&mut self, offset: u32) {
        self.push(LOAD, 0, 0, offset);
    }

    fn argument(&mut self, index: u32) {
        self.load(16 + 8 * index + if cfg!(target_endian = "big") { 4 } else { 0 });
    }

    fn argument_high(&mut self, index: u32) {
        self.load(16 + 8 * index + if cfg!(target_endian = "big") { 0 } else { 4 });
    }

    fn mask(&mut self, bits: u32) {
        self.push(MASK, 0, 0, bits);
    }

    fn finish(&mut self, action: u32) {
        self.push(RETURN, 0, 0, action);
    }

    fn finish_if(&mut self, value: u32, action: u32) {
        self.push(EQUAL, 0, 1, value);
        self.finish(action);
    }

    fn finish_unless(&mut self, value: u32, action: u32) {
        self.push(EQUAL, 1, 0, value);
        self.finish(action);
    }

    fn finish_if_set(&mut self, bits: u32, action: u32) {
        self.push(ANY_BIT, 0, 1, bits);
        self.finish(action);
    }

    fn finish_below(&mut self, value: u32, action: u32) {
        self.push(AT_LEAST, 1, 0, value);
        self.finish(action);
    }

    fn finish_unless_any(&mut self, values: &[u32], action: u32) {
        for (index, value) in values.iter().enumerate() {
            self.push(EQUAL, (values.len() - index) as u8, 0, *value);
        }
        self.finish(action);
    }

    fn if_equal(&mut self, value: u32, then: Self) {
        self.push(EQUAL, 0, then.0.len() as u8, value);
        self.0.extend(then.0);
    }

    /// What becomes of the calls with this number: `body` must finish.
    fn rule(&mut self, number: c_long, body: impl FnOnce(&mut Self)) {
        let mut then = Self::default();
        body(&mut then);
        self.if_equal(number as u32, then);
    }

    /// Only native calls pass on, with their number loaded.
    fn architecture(&mut self) {
        self.load(ARCH);
        if cfg!(target_arch = "x86_64") {
            let mut compatible = Self::default();
            compatible.load(NUMBER);
            for number in I386_REFUSED {
                compatible.finish_if(number, NOT_THERE);
            }
            compatible.finish(ALLOW);
            self.if_equal(I386, compatible);
        }
        self.finish_unless(NATIVE, NOT_THERE);
        self.load(NUMBER);
        if cfg!(target_arch = "x86_64") {
            self.push(AT_LEAST, 0, 1, X32);
            self.finish(NOT_THERE);
        }
    }
}
