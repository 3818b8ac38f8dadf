//! Messages as programs have them in memory (`msghdr`), with what is told beside their bytes
//! (`cmsghdr`). Answers no call.

use super::origin::Origin;
use crate::notify::call::Call;
use crate::notify::table::{Family, Sock};
use rustix::io::Errno;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest list of parts that Linux takes.
const PARTS: u64 = 1024;
/// `msghdr` where pointers have eight bytes, and `mmsghdr`.
const HEADER: usize = 56;
pub(super) const MANY: u64 = 64;
const LENGTH_OF_MANY: u64 = 56;
/// `cmsghdr`.
const NOTE: usize = 16;
/// The longest list of notes that is looked at, in bytes.
const NOTES: u64 = 4096;

/// Where a message lies: the address, the parts and the notes, each with its length.
#[derive(Default)]
pub(super) struct Message {
    place: u64,
    name: (u64, u32),
    parts: Vec<(u64, usize)>,
    notes: (u64, u64),
}

fn long(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|it| it.try_into().ok()).map_or(0, u64::from_ne_bytes)
}

fn word(bytes: &[u8], at: usize) -> i32 {
    bytes.get(at..at + 4).and_then(|it| it.try_into().ok()).map_or(0, i32::from_ne_bytes)
}

impl Message {
    /// The message whose `msghdr` is at `place`.
    pub(super) fn read(call: &Call, place: u64) -> Result<Self, Errno> {
        let header: [u8; HEADER] = call.read(place)?;
        let count = long(&header, 24);
        if count > PARTS {
            return Err(Errno::MSGSIZE);
        }
        let list = call.read_vec(long(&header, 16), count as usize * 16)?;
        let parts = list.chunks_exact(16).map(|part| (long(part, 0), long(part, 8)));
        let parts = parts.map(|(place, length)| Ok((place, size(length)?)));
        let name_length = word(&header, 8);
        if name_length < 0 {
            return Err(Errno::INVAL);
        }
        Ok(Self {
            place,
            name: (long(&header, 0), name_length.unsigned_abs()),
            parts: parts.collect::<Result<_, Errno>>()?,
            notes: (long(&header, 32), long(&header, 40)),
        })
    }

    /// A message of one part and no notes.
    pub(super) fn plain(place: u64, length: u64) -> Self {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Self { parts: vec![(place, length)], ..Self::default() }
    }

    pub(super) fn room(&self) -> usize {
        self.parts.iter().fold(0, |sum: usize, (_, length)| sum.saturating_add(*length))
    }

    /// Its bytes, which may be `most` at most.
    pub(super) fn bytes(&self, call: &Call, most: usize) -> Result<Vec<u8>, Errno> {
        if self.room() > most {
            return Err(Errno::MSGSIZE);
        }
        let mut bytes = Vec::with_capacity(self.room());
        for (place, length) in &self.parts {
            bytes.extend(call.read_vec(*place, *length)?);
        }
        Ok(bytes)
    }

    /// The address that it is to go to.
    pub(super) fn address(&self, call: &Call) -> Result<Option<Vec<u8>>, Errno> {
        match self.name {
            (0, _) | (_, 0) => Ok(None),
            (place, length) => call.read_vec(place, length.min(128) as usize).map(Some),
        }
    }

    /// Writes what was received; the bytes that found room.
    pub(super) fn fill(&self, call: &Call, bytes: &[u8]) -> Result<usize, Errno> {
        let mut rest = bytes;
        for (place, length) in &self.parts {
            let (now, later) = rest.split_at((*length).min(rest.len()));
            call.write(*place, now)?;
            rest = later;
        }
        Ok(bytes.len() - rest.len())
    }

    /// Writes from whom it was, what is told beside it, and its flags.
    pub(super) fn conclude(
        &self,
        call: &Call,
        from: &[u8],
        notes: &[u8],
        mut flags: i32,
    ) -> Result<(), Errno> {
        if self.name.0 != 0 {
            call.write(self.name.0, &from[..from.len().min(self.name.1 as usize)])?;
            call.write(self.place + 8, &(from.len() as u32).to_ne_bytes())?;
        }
        let notes = match notes.len() as u64 <= self.notes.1 {
            true => notes,
            false => {
                flags |= libc::MSG_CTRUNC;
                &[]
            }
        };
        call.write(self.notes.0, notes)?;
        call.write(self.place + 40, &(notes.len() as u64).to_ne_bytes())?;
        call.write(self.place + 48, &flags.to_ne_bytes())
    }

    /// From which of the host's addresses it is to go, as its notes have it.
    pub(super) fn source(&self, call: &Call) -> Result<Option<IpAddr>, Errno> {
        let (place, length) = self.notes;
        let notes =
            call.read_vec(place, if place == 0 { 0 } else { length.min(NOTES) as usize })?;
        let mut rest = notes.as_slice();
        let mut source = None;
        while rest.len() >= NOTE {
            let length = usize::try_from(long(rest, 0)).map_err(|_| Errno::INVAL)?;
            let body = rest.get(NOTE..length).ok_or(Errno::INVAL)?;
            match (word(rest, 8), word(rest, 12)) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let address: [u8; 4] =
                        body.get(4..8).and_then(|it| it.try_into().ok()).ok_or(Errno::INVAL)?;
                    source = Some(Ipv4Addr::from(address)).filter(|it| !it.is_unspecified());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let address: [u8; 16] = *body.first_chunk().ok_or(Errno::INVAL)?;
                    source = Ipv6Addr::from(address).to_ipv4_mapped();
                }
                // How a datagram travels is the socket's to say.
                (libc::IPPROTO_IP, libc::IP_TOS | libc::IP_TTL) => {}
                (libc::IPPROTO_IP | libc::IPPROTO_UDP, _) => return Err(Errno::INVAL),
                _ => {}
            }
            rest = rest.get(length.next_multiple_of(8)..).unwrap_or_default();
        }
        Ok(source.map(IpAddr::V4))
    }
}

/// The `index`th of many, and where its length is told.
pub(super) fn one_of_many(place: u64, index: u64) -> (u64, u64) {
    let place = place.wrapping_add(index.wrapping_mul(MANY));
    (place, place.wrapping_add(LENGTH_OF_MANY))
}

fn size(length: u64) -> Result<usize, Errno> {
    usize::try_from(length).ok().filter(|length| *length < 1 << 47).ok_or(Errno::INVAL)
}

/// The notes that the program has asked for, about a datagram.
pub(super) fn notes(sock: &Sock, origin: &Origin) -> Vec<u8> {
    let asked = |level: i32, name: i32| {
        let kept = sock.kept.options.get(&(level, name));
        kept.is_some_and(|value| value.iter().take(4).any(|byte| *byte != 0))
    };
    let mut notes = Vec::new();
    if asked(libc::IPPROTO_IP, libc::IP_PKTINFO) {
        let mut body = origin.interface.to_ne_bytes().to_vec();
        body.extend(origin.to.octets());
        body.extend(origin.to.octets());
        note(&mut notes, libc::IPPROTO_IP, libc::IP_PKTINFO, &body);
    }
    if asked(libc::IPPROTO_IP, libc::IP_RECVTTL) {
        let ttl = i32::from(origin.ttl).to_ne_bytes();
        note(&mut notes, libc::IPPROTO_IP, libc::IP_TTL, &ttl);
    }
    if asked(libc::IPPROTO_IP, libc::IP_RECVTOS) {
        note(&mut notes, libc::IPPROTO_IP, libc::IP_TOS, &[origin.tos]);
    }
    if sock.family == Family::V6 && asked(libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO) {
        let mut body = origin.to.to_ipv6_mapped().octets().to_vec();
        body.extend(origin.interface.to_ne_bytes());
        note(&mut notes, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &body);
    }
    notes
}

fn note(notes: &mut Vec<u8>, level: i32, kind: i32, body: &[u8]) {
    notes.extend((NOTE + body.len()).to_ne_bytes());
    notes.extend(level.to_ne_bytes());
    notes.extend(kind.to_ne_bytes());
    notes.extend(body);
    notes.resize(notes.len().next_multiple_of(8), 0);
}
