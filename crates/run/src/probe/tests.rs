//! The trials, as far as any Linux answers them alike.

use super::*;

#[test]
fn trials_leave_nothing_behind_and_say_the_same_twice() {
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let namespace = || fs::read_link("/proc/self/ns/net").unwrap();
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

#[test]
fn what_doctor_shows_is_what_the_launcher_asks() {
    let probes = Probes::try_all();
    assert_eq!(Listening::try_it().refusal().is_none(), probes.has_notify());
    let refused = Listening {
        listener: Ok(()),
        copies: Err(Errno::PERM),
        add_and_send: Err(Errno::INVAL),
        sync_wake_up: Ok(()),
    };
    assert!(refused.refusal().unwrap().contains("pidfd_getfd: "), "{:?}", refused.refusal());
}

#[test]
fn the_way_follows_from_what_is_permitted() {
    let no = || Err(io::Error::from(Errno::PERM));
    let mut probes = Probes::try_all();
    for outcome in [
        &mut probes.namespace,
        &mut probes.veth,
        &mut probes.listener,
        &mut probes.add_and_send,
        &mut probes.pidfd_getfd,
    ] {
        *outcome = Ok(());
    }
    assert_eq!(probes.way(), Way::Both, "a veth pair takes a TUN device's place");
    probes.pidfd_getfd = no();
    assert_eq!(probes.way(), Way::Tun);
    (probes.tun, probes.veth) = (no(), no());
    assert_eq!(probes.way(), Way::None);
    probes.pidfd_getfd = Ok(());
    assert_eq!(probes.way(), Way::Notify);
}
