use super::*;
use crate::interface::InterfaceId;
use crate::ip::TimerId;
use alloc::collections::BTreeMap;
use proptest::prelude::*;

fn key(number: u16) -> TimerKey {
    TimerKey::Ip(TimerId::Addresses(InterfaceId(number)))
}

#[test]
fn the_next_deadline_is_exact_and_a_year_is_one_step() {
    let mut wheel = Wheel::new(Instant::ZERO);
    let deadlines = [5, 1_000_001, 40_000_000_000, 31_536_000_000_000_000];
    for (number, deadline) in deadlines.iter().enumerate() {
        wheel.insert(Instant::from_nanos(*deadline), key(number as u16));
    }
    for (number, deadline) in deadlines.iter().enumerate() {
        assert_eq!(wheel.next_deadline(), Some(Instant::from_nanos(*deadline)));
        assert_eq!(wheel.pop(Instant::from_nanos(deadline - 1)), None);
        assert_eq!(wheel.pop(Instant::from_nanos(*deadline)), Some(key(number as u16)));
        assert_eq!(wheel.pop(Instant::from_nanos(*deadline)), None);
    }
    assert_eq!((wheel.next_deadline(), wheel.len()), (None, 0));
}

#[test]
fn far_timers_are_sorted_a_bounded_number_a_call_and_only_once_a_level() {
    let mut wheel = Wheel::new(Instant::ZERO);
    let deadline = |n: u64| Instant::from_nanos(60_000_000_000 + n * 1_000);
    (0..20_000u16).for_each(|n| assert!(wheel.insert(deadline(n.into()), key(n)).is_some()));
    let (mut calls, mut popped) = (0u32, 0u32);
    let end = deadline(20_000);
    while wheel.next_deadline().is_some() {
        calls += 1;
        popped += u32::from(wheel.pop(end).is_some());
        assert!(calls < 30_000, "sorting does not come to an end");
    }
    assert_eq!(popped, 20_000);
}

proptest! {
    #[test]
    fn it_is_a_sorted_list(steps in prop::collection::vec((0u8..4, 0u64..1 << 40, any::<u16>()), 1..300)) {
        let mut wheel = Wheel::new(Instant::ZERO);
        let mut model: BTreeMap<u16, (Instant, Timer)> = BTreeMap::new();
        let mut now = Instant::ZERO;
        for (what, nanos, number) in steps {
            let at = now + core::time::Duration::from_nanos(nanos >> (number % 40));
            match (what, model.get(&number).copied()) {
                (0 | 1, None) => {
                    let timer = wheel.insert(at, key(number)).expect("room");
                    model.insert(number, (at, timer));
                }
                (0 | 1, Some((_, timer))) => {
                    prop_assert!(wheel.rearm(timer, at));
                    model.insert(number, (at, timer));
                }
                (2, Some((_, timer))) => {
                    wheel.cancel(timer);
                    model.remove(&number);
                }
                _ => now = at,
            }
            while wheel.next_deadline().is_some_and(|next| next <= now) {
                let Some(popped) = wheel.pop(now) else { continue };
                let TimerKey::Ip(TimerId::Addresses(InterfaceId(number))) = popped else { panic!("{popped:?}") };
                let (deadline, _) = model.remove(&number).expect("it was armed");
                prop_assert!(deadline <= now);
            }
            let earliest = model.values().map(|(deadline, _)| *deadline).min();
            prop_assert!(earliest.is_none_or(|deadline| deadline > now));
            // Never late; a bound may be early after a removal.
            prop_assert_eq!(wheel.next_deadline().is_some(), earliest.is_some());
            prop_assert!(wheel.next_deadline() <= earliest);
        }
    }
}
