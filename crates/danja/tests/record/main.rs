//! Recordings: what hosts of every kind did is done again, to the same bytes and in the same
//! words; and files that are not what they were.

#[path = "../common/mod.rs"]
mod common;
mod faults;
mod same;

use danja::record::{Recording, Replay, ReplayError, Report};
use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex};

/// A file in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Memory {
    fn recording() -> (Self, Recording) {
        let memory = Self::default();
        let recording = Recording::to_writer(memory.clone()).unwrap();
        (memory, recording)
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

fn replay(bytes: Vec<u8>) -> Result<Report, ReplayError> {
    Replay::new(Cursor::new(bytes))?.run(|_| {})
}
