//! The examples, run.

#[path = "../examples/event_loop.rs"]
mod event_loop;

#[test]
fn an_event_loop_of_ones_own() {
    event_loop::main().unwrap();
}
