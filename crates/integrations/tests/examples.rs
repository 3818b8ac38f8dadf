//! The examples, run: over a good cable, over a line with delay and loss, and over a worse one in
//! the virtual time of `danja-test`.

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

use danja::Host;
use danja_integrations::Lan;
use danja_test::World;
use std::error::Error;
use std::time::Duration;

/// Longer than anything takes on a busy machine.
const LONG: Duration = Duration::from_secs(120);

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Runs an example, which neither may fail nor hang.
fn in_time(example: impl Future<Output = Outcome>) {
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

/// The hosts of a world that has none yet, so that they get the addresses that examples expect.
fn lan(world: &World) -> Lan {
    let (server, client) = (world.host("server"), world.host("client"));
    Lan { server: Host::clone(&server), client: Host::clone(&client) }
}

#[danja_test::test(loss = 0.03, delay = "100ms", seed = 6)]
async fn axum_and_hyper_in_virtual_time(world: World) -> Outcome {
    axum_hyper::run(lan(&world)).await
}

#[danja_test::test(loss = 0.03, delay = "100ms", seed = 7)]
async fn rustls_in_virtual_time(world: World) -> Outcome {
    rustls_tls::run(lan(&world)).await
}

#[danja_test::test(loss = 0.03, delay = "100ms", seed = 8)]
async fn tonic_in_virtual_time(world: World) -> Outcome {
    tonic_grpc::run(lan(&world)).await
}

#[danja_test::test(loss = 0.03, delay = "100ms", seed = 9)]
async fn quinn_in_virtual_time(world: World) -> Outcome {
    quinn_quic::run(lan(&world)).await
}
