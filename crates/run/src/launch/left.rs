//! What a program leaves behind when it ends: processes that still use its network, a server that
//! has put itself into the background above all. Found in `/proc`; signals nobody.

use crate::sys::signals;
use rustix::process::{Pid, getpid};
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

/// By what a program's processes are told from others.
pub(super) struct Home {
    /// The network namespace, if it has one of its own, as the link in `/proc` names it.
    namespace: Option<PathBuf>,
    /// When the program was started, in the kernel's ticks.
    since: u64,
    /// The launcher's session.
    session: i32,
}

/// Processes that are left.
#[derive(Default)]
pub(super) struct Left {
    /// Those that have a socket of the program's network.
    pub(super) users: Vec<Pid>,
    /// Whether others may be left, …
    pub(super) more: bool,
    /// … and, among them, one that has a session of its own, as servers in the background have.
    pub(super) detached: bool,
}

impl Home {
    /// Of a program that was just started; `own`: in a network namespace of its own.
    pub(super) fn of(program: Pid, own: bool) -> Self {
        let program = Pid::as_raw_pid(program);
        Self {
            namespace: own.then(|| namespace(program)).flatten(),
            since: Stat::of(program).map_or(0, |it| it.since),
            session: signals::session(0),
        }
    }

    /// Looks who is left. `sockets` are UNIX sockets that stand for the program's, by their
    /// inodes.
    pub(super) fn look(&self, sockets: &HashSet<u64>) -> Left {
        let mut left = Left::default();
        let own = Pid::as_raw_pid(getpid());
        let numbers = fs::read_dir("/proc").into_iter().flatten();
        let numbers = numbers.filter_map(|it| it.ok()?.file_name().to_str()?.parse::<i32>().ok());
        let mut kernels = None;
        for number in numbers.filter(|number| *number != own) {
            let resident = match &self.namespace {
                Some(home) => namespace(number).as_ref() == Some(home),
                None => false,
            };
            if self.namespace.is_some() && !resident {
                continue;
            }
            let Some(stat) = Stat::of(number).filter(|it| it.since >= self.since) else { continue };
            let kernels = match resident {
                true => &*kernels.get_or_insert_with(|| internet_sockets(number)),
                false => &HashSet::new(),
            };
            let uses = |inode: &u64| sockets.contains(inode) || kernels.contains(inode);
            if open_sockets(number).iter().any(uses) {
                left.users.extend(Pid::from_raw(number));
            } else {
                left.more |= resident;
                left.detached |= stat.session != self.session;
            }
        }
        left
    }
}

fn namespace(process: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{process}/ns/net")).ok()
}

/// What is asked of `/proc/PID/stat`.
struct Stat {
    session: i32,
    since: u64,
}

impl Stat {
    fn of(process: i32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // After the name, which may hold anything.
        let mut fields = text.rsplit(") ").next()?.split(' ');
        let session = fields.nth(3)?.parse().ok()?;
        let since = fields.nth(15)?.parse().ok()?;
        Some(Self { session, since })
    }
}

/// The inodes of sockets that a process has open.
fn open_sockets(process: i32) -> Vec<u64> {
    let links = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten();
    let links = links.filter_map(|it| fs::read_link(it.ok()?.path()).ok());
    links
        .filter_map(|link| {
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            inode.parse().ok()
        })
        .collect()
}

/// The inodes of internet sockets of the kernel in a process's network namespace.
fn internet_sockets(process: i32) -> HashSet<u64> {
    let tables = ["tcp", "tcp6", "udp", "udp6", "raw", "raw6", "icmp", "icmp6"];
    let tables = tables.iter().map(|table| format!("/proc/{process}/net/{table}"));
    let texts: Vec<_> = tables.filter_map(|table| fs::read_to_string(table).ok()).collect();
    let lines = texts.iter().flat_map(|text| text.lines().skip(1));
    lines.filter_map(|line| line.split_whitespace().nth(9)?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    #[test]
    fn proc_is_read_as_it_is_written() {
        let own = Pid::as_raw_pid(getpid());
        assert_eq!(Stat::of(own).unwrap().session, signals::session(0));
        assert!(Stat::of(own).unwrap().since > 0);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let open: HashSet<u64> = open_sockets(own).into_iter().collect();
        assert!(open.intersection(&internet_sockets(own)).count() > 0);
        drop(socket);
    }
}
