//! The examples, run: once over a good cable, and once over a line with delay and loss.

#[path = "../examples/axum_hyper.rs"]
mod axum_hyper;

use danja_integrations::Lan;
use std::error::Error;
use std::time::Duration;

/// Longer than anything takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// Runs an example, which neither may fail nor hang.
fn in_time(example: impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let done = runtime.block_on(async { tokio::time::timeout(LONG, example).await });
    // Tasks that the example left behind are not waited for.
    runtime.shutdown_background();
    done.expect("in time").unwrap();
}

#[test]
fn axum_and_hyper() {
    in_time(axum_hyper::run(Lan::new().unwrap()));
}

#[test]
fn axum_and_hyper_on_a_bad_line() {
    in_time(axum_hyper::run(Lan::bad(1).unwrap()));
}
