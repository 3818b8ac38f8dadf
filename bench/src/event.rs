//! The events that are counted. None is inlined, so that a profile shows each by its name.

use std::time::Duration;

use danja_wire::Payload;

use crate::{Connection, Pair};

/// An event: the name it has in a profile, and how it happens.
pub type Event = (&'static str, fn(&mut Pair, Connection));

/// All events.
pub const EVENTS: [Event; 4] = [
    ("event_exchange", event_exchange),
    ("event_timer", event_timer),
    ("event_ask", event_ask),
    ("event_open_and_close", event_open_and_close),
];

/// A byte to the server and one back: two segments and what acknowledges them.
#[inline(never)]
pub fn event_exchange(pair: &mut Pair, connection: Connection) {
    let byte = Payload::from_static(b"x");
    pair.send_up(connection, &byte);
    pair.send_down(connection, &byte);
}

/// A byte that nothing answers, until the delayed acknowledgement's timer has fired.
#[inline(never)]
pub fn event_timer(pair: &mut Pair, connection: Connection) {
    pair.send_up(connection, &Payload::from_static(b"x"));
    pair.wait(Duration::from_millis(250));
}

/// Asking what there is to do, when there is nothing.
#[inline(never)]
pub fn event_ask(pair: &mut Pair, _connection: Connection) {
    let _ = std::hint::black_box(pair.ask());
}

/// A whole connection: handshake, close from both sides.
#[inline(never)]
pub fn event_open_and_close(pair: &mut Pair, _connection: Connection) {
    let connection = pair.open();
    pair.close(connection);
}
