//! The examples, run: once over a good cable, and once over a line with delay and loss.

#[path = "../examples/axum_hyper.rs"]
mod axum_hyper;
#[path = "../examples/quinn_quic.rs"]
mod quinn_quic;
#[path = "../examples/redis_client.rs"]
mod redis_client;
#[path = "../examples/rustls_tls.rs"]
mod rustls_tls;
#[path = "../../../tests/skip.rs"]
mod skip;
#[path = "../examples/tonic_grpc.rs"]
mod tonic_grpc;

use danja_integrations::Lan;
use std::error::Error;
use std::time::Duration;

/// Longer than anything takes on a busy machine.
const LONG: Duration = Duration::from_secs(120);

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

#[test]
fn rustls() {
    in_time(rustls_tls::run(Lan::new().unwrap()));
}

#[test]
fn rustls_on_a_bad_line() {
    in_time(rustls_tls::run(Lan::bad(2).unwrap()));
}

#[test]
fn tonic() {
    in_time(tonic_grpc::run(Lan::new().unwrap()));
}

#[test]
fn tonic_on_a_bad_line() {
    in_time(tonic_grpc::run(Lan::bad(3).unwrap()));
}

#[test]
fn quinn() {
    in_time(quinn_quic::run(Lan::new().unwrap()));
}

#[test]
fn quinn_on_a_bad_line() {
    in_time(quinn_quic::run(Lan::bad(4).unwrap()));
}

/// With the real server, if there is one.
fn redis_over(test: &str, lan: Lan) {
    match redis_client::Redis::start() {
        Ok(redis) => in_time(redis_client::run(lan, redis)),
        Err(error) => skip::skip(test, &format!("redis-server: {error}")),
    }
}

#[test]
fn redis() {
    redis_over("redis", Lan::new().unwrap());
}

#[test]
fn redis_on_a_bad_line() {
    redis_over("redis_on_a_bad_line", Lan::bad(5).unwrap());
}
