//! What this machine permits, as far as any Linux answers alike; in a process of its own, for it
//! counts descriptors.

use danja_run::Probes;

#[test]
fn trials_leave_nothing_behind_and_say_the_same_twice() {
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let namespace = || std::fs::read_link("/proc/self/ns/net").unwrap();
    let before = (descriptors(), namespace());
    let [first, second] = [Probes::try_all(), Probes::try_all()];
    assert_eq!((descriptors(), namespace()), before);
    assert_eq!(first.way(), second.way());
    // What needs a namespace is refused where there is none.
    if first.namespace.is_err() {
        assert!(first.tun.is_err() && first.veth.is_err());
    }
    if first.listener.is_err() {
        assert!(first.add_and_send.is_err() && first.sync_wake_up.is_err());
    }
}
