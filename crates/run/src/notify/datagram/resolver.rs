//! Names without a namespace: whoever asks a resolver of the machine's, at port 53, is answered by
//! the host's own; who goes by a UNIX socket to a daemon that knows names finds none.

use super::origin::Origin;
use crate::notify::address::destination;
use crate::notify::call::Call;
use crate::notify::supervisor::Desk;
use crate::notify::table::Id;
use rustix::io::Errno;
use std::fs;
use std::net::{IpAddr, SocketAddr};

/// Where resolvers listen (RFC 1035 §4.2).
const PORT: u16 = 53;

/// How many questions to resolvers are remembered, of a socket.
const QUESTIONS: usize = 64;

/// Daemons that would answer with the machine's own names.
const DAEMONS: [&[u8]; 4] = [
    b"/run/nscd/socket",
    b"/var/run/nscd/socket",
    b"/run/systemd/resolve/io.systemd.Resolve",
    b"/run/systemd/resolve/io.systemd.Resolve.Monitor",
];

/// The resolvers of a `resolv.conf`; without a word about any, one's own host is asked.
fn servers(text: &str) -> Vec<IpAddr> {
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let address =
            words.next().filter(|word| *word == "nameserver").and_then(|_| words.next())?;
        address.split('%').next()?.parse().ok()
    });
    lines.collect()
}

impl Desk {
    /// Where an IPv4 stack reaches an endpoint, and whether it is somebody else who answers there.
    pub(in crate::notify) fn reach(
        &self,
        endpoint: SocketAddr,
    ) -> Result<(SocketAddr, bool), Errno> {
        let direct = destination(endpoint);
        let place = direct.unwrap_or(endpoint);
        let remote = self.redirect(place, endpoint);
        if remote == place { direct.map(|remote| (remote, false)) } else { Ok((remote, true)) }
    }

    /// Where what is for `remote`, which the program calls `endpoint`, goes in truth.
    fn redirect(&self, remote: SocketAddr, endpoint: SocketAddr) -> SocketAddr {
        if !self.post.alone || endpoint.port() != PORT {
            return remote;
        }
        let Some(server) = self.own_resolver() else { return remote };
        let address = match endpoint.ip() {
            IpAddr::V6(address) => address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4),
            address => address,
        };
        let local = address.is_loopback() || address.is_unspecified();
        if local && self.is_taken(PORT) {
            // The program has a resolver of its own.
            return remote;
        }
        // Looked at each time: it may change while the program runs.
        let named = || fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        if local || servers(&named()).contains(&address) { server } else { remote }
    }

    fn own_resolver(&self) -> Option<SocketAddr> {
        let mut server = None;
        self.host.configure_resolver(|settings| server = settings.servers.first().copied());
        server
    }

    fn is_taken(&self, port: u16) -> bool {
        self.table.at(port).any(|sock| !self.is_gone(sock))
    }

    /// Remembers who was to answer a question.
    pub(super) fn note_question(&mut self, id: Id, bytes: &[u8], asked: SocketAddr) {
        let Ok(datagram) = self.datagram(id) else { return };
        let Some(question) = bytes.first_chunk() else { return };
        datagram.questions.retain(|(other, _)| other != question);
        datagram.questions.push_back((*question, asked));
        if datagram.questions.len() > QUESTIONS {
            datagram.questions.pop_front();
        }
    }

    /// Who sent a datagram, as the program is to see it.
    pub(super) fn sender(
        &mut self,
        id: Id,
        origin: Option<&Origin>,
        bytes: &[u8],
    ) -> Option<SocketAddr> {
        let from = SocketAddr::V4(origin?.from);
        let answers = from.port() == PORT && self.post.alone && self.own_resolver() == Some(from);
        let Ok(datagram) = self.datagram(id) else { return Some(from) };
        if !answers {
            return Some(from);
        }
        let asked = datagram.questions.iter().find(|(question, _)| bytes.starts_with(question));
        let asked = asked.map(|(_, asked)| *asked);
        asked.or_else(|| datagram.peer.filter(|peer| peer.port() == PORT)).or(Some(from))
    }

    /// A call about a descriptor that is not ours.
    pub(in crate::notify) fn about_nothing_of_ours(&self, call: &Call) {
        if self.post.alone
            && i64::from(call.0.number) == libc::SYS_connect
            && call.address(1, 2).is_ok_and(|bytes| is_daemon(&bytes))
        {
            // As where none runs.
            let _ = self.answer(call, Err(Errno::NOENT));
            return;
        }
        self.proceed(call);
    }
}

fn is_daemon(address: &[u8]) -> bool {
    let Some((kind, path)) = address.split_first_chunk() else { return false };
    let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
    i32::from(u16::from_ne_bytes(*kind)) == libc::AF_UNIX && DAEMONS.contains(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolvers_are_read() {
        let text = "# nameserver 1.1.1.1\nsearch a.example\nnameserver 127.0.0.53\n\
                    \tnameserver fe80::1%eth0 trailing\nnameserver nonsense\noptions edns0\n";
        let expected: [IpAddr; 2] = ["127.0.0.53".parse().unwrap(), "fe80::1".parse().unwrap()];
        assert_eq!(servers(text), expected);
        assert_eq!(servers(""), Vec::<IpAddr>::new());
    }

    #[test]
    fn daemons_are_known_by_their_paths() {
        let address = |path: &[u8]| [&(libc::AF_UNIX as u16).to_ne_bytes(), path].concat();
        assert!(is_daemon(&address(b"/run/nscd/socket\0")));
        assert!(is_daemon(&address(b"/var/run/nscd/socket")));
        assert!(!is_daemon(&address(b"/run/nscd/socket2\0")));
        assert!(!is_daemon(&address(b"\0/run/nscd/socket")));
        assert!(!is_daemon(&[1]));
    }
}
