//! Parity with `std::net` and `tokio::net`, checked: one list of their methods each, bodies that
//! call every one of them and run over the kernel's sockets and over ours, the errors that a
//! program can meet, and signatures that are compared by the compiler.
#![allow(clippy::duplicate_mod, reason = "the same bodies, with another face each time")]

#[path = "../common/mod.rs"]
mod common;
mod list;
mod std_danja;
mod std_kernel;
mod tokio_danja;
mod tokio_kernel;
mod unreachable;

/// Runs a future under tokio, with the driver that its own types need.
fn run<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    common::in_time(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(future)
    })
}
