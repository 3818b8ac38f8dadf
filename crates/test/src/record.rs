//! What the wire carried, kept in memory: the latest packets of a pcapng file, and a digest of
//! all of them. Interprets only the lengths of the blocks.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The type of a block that holds a packet; others describe the file and its interfaces.
const PACKET: u32 = 6;

#[derive(Default)]
struct State {
    /// What describes the file and its interfaces.
    head: Vec<u8>,
    packets: VecDeque<Box<[u8]>>,
    /// Bytes of the packets.
    held: usize,
    digest: DefaultHasher,
}

/// Clones are the same record.
#[derive(Clone)]
pub(crate) struct Record {
    state: Arc<Mutex<State>>,
    /// Bytes of packets that are kept.
    limit: usize,
}

impl Record {
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: Arc::default(), limit }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file.
    pub(crate) fn to_vec(&self) -> Vec<u8> {
        let state = self.lock();
        let mut bytes = state.head.clone();
        state.packets.iter().for_each(|packet| bytes.extend_from_slice(packet));
        bytes
    }

    /// Of all packets ever written, with their times and interfaces.
    pub(crate) fn digest(&self) -> u64 {
        self.lock().digest.finish()
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

impl Write for Record {
    /// Takes whole blocks, which is how captures are written.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.lock();
        state.digest.write(bytes);
        let mut rest = bytes;
        while let (Some(kind), Some(length)) = (number(rest, 0), number(rest, 4)) {
            let length = usize::try_from(length).map_err(io::Error::other)?;
            let Some((block, after)) = rest.split_at_checked(length) else { break };
            if kind == PACKET {
                state.held += length;
                state.packets.push_back(block.into());
            } else {
                state.head.extend_from_slice(block);
            }
            rest = after;
        }
        while state.held > self.limit {
            let Some(oldest) = state.packets.pop_front() else { break };
            state.held -= oldest.len();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
