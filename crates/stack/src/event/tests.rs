//! Events and reused descriptor slots.

use super::*;
use crate::slab::Key;

#[test]
fn a_reused_slot_gets_its_own_event() {
    let mut events = Events::new();
    let old = SocketId::new(0, Key { slot: 7, generation: 1 });
    let new = SocketId::new(0, Key { slot: 7, generation: 2 });
    events.raise(old, Ready::READABLE);
    events.forget(old);
    events.raise(new, Ready::WRITABLE);
    events.raise(new, Ready::READABLE);
    let ready = Ready::READABLE.with(Ready::WRITABLE);
    assert_eq!(events.pop(), Some(Event::Socket { socket: new, ready }));
    assert_eq!(events.pop(), None);
    events.raise(new, Ready::READABLE);
    assert_eq!(events.pop(), Some(Event::Socket { socket: new, ready: Ready::READABLE }));
    assert_eq!(events.pop(), None);
}

#[test]
fn a_socket_is_in_the_list_once() {
    let mut events = Events::new();
    let socket = SocketId::new(0, Key { slot: 5_000, generation: 0 });
    (0..10).for_each(|_| events.raise(socket, Ready::READABLE));
    assert_eq!(events.queue.len(), 1);
    events.raise(socket, Ready::NONE);
    assert!(events.pop().is_some());
    assert_eq!(events.pop(), None);
}
