//! The trials, as far as any Linux answers them alike.

use super::*;

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
