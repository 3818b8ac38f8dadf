//! Which UNIX sockets stand for the program's, told to whoever asks from another thread.

use super::supervisor::Desk;
use std::collections::HashSet;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long an answer may take: the supervisor's thread never blocks.
const PATIENCE: Duration = Duration::from_secs(1);

/// Questions, each with where the answer goes.
#[derive(Default, Debug)]
pub(super) struct Census(Mutex<Vec<Sender<HashSet<u64>>>>);

impl Census {
    /// Asks, and waits for the answer; `ring` wakes the thread that gives it. Nothing is open
    /// when that thread has ended.
    pub(super) fn ask(&self, ring: impl FnOnce()) -> HashSet<u64> {
        let (answers, answer) = channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(answers);
        ring();
        answer.recv_timeout(PATIENCE).unwrap_or_default()
    }

    /// Answers who has asked.
    pub(super) fn answer(&self, desk: &mut Desk) {
        let asked = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if asked.is_empty() {
            return;
        }
        desk.sweep();
        let identities = desk.table.socks.values().filter_map(|sock| sock.identity);
        let inodes: HashSet<u64> = identities.map(|it| it.inode.into()).collect();
        for answers in asked {
            // Who has lost patience has gone.
            let _ = answers.send(inodes.clone());
        }
    }
}
