//! Ctrl-C: the command prints its summary and exits with 130.

use std::process;
use std::sync::{Mutex, PoisonError};

/// What 128 plus the number of SIGINT is.
const INTERRUPTED: i32 = 130;

type Summary = Box<dyn FnOnce() + Send>;

static SUMMARY: Mutex<Option<Summary>> = Mutex::new(None);

/// From now on Ctrl-C calls `summary` once and ends the process; a later call replaces it. The
/// handler has a thread of its own, so the summary may print and wait.
pub(crate) fn on_interrupt(summary: impl FnOnce() + Send + 'static) {
    let first = lock().replace(Box::new(summary)).is_none();
    if first {
        // A process whose signals cannot be handled is ended by them without a summary.
        let _ = ctrlc::try_set_handler(|| {
            let summary = lock().take();
            // The second Ctrl-C ends a summary that takes too long.
            match summary {
                Some(summary) => summary(),
                None => process::exit(INTERRUPTED),
            }
            process::exit(INTERRUPTED);
        });
    }
}

fn lock() -> std::sync::MutexGuard<'static, Option<Summary>> {
    SUMMARY.lock().unwrap_or_else(PoisonError::into_inner)
}
