use super::*;
use crate::clock::RealClock;

/// Whether the thread was rung for.
fn rung(notifier: &Notifier) -> bool {
    let counter = notifier.descriptor().unwrap();
    rustix::io::read(counter, &mut [0; 8]).is_ok()
}

fn is_woken(parker: &Parker) -> bool {
    std::mem::take(&mut *parker.woken.lock().unwrap())
}

/// The thread is asleep, and a leader too.
fn led() -> (Notifier, Arc<Parker>, Ticket) {
    let (notifier, parker) = (Notifier::new().unwrap(), Arc::new(Parker::default()));
    assert_eq!(notifier.lead(&parker), None, "the thread is awake");
    assert!(notifier.fall_asleep());
    let ticket = notifier.lead(&parker).unwrap();
    (notifier, parker, ticket)
}

#[test]
fn a_thread_that_was_notified_does_not_sleep() {
    let notifier = Notifier::new().unwrap();
    notifier.notify();
    assert!(!notifier.fall_asleep() && !rung(&notifier));
    notifier.awake();
    assert!(notifier.fall_asleep());
    notifier.notify();
    assert!(rung(&notifier) && !rung(&notifier));
    // Once.
    notifier.notify();
    assert!(!rung(&notifier));
}

#[test]
fn what_comes_wakes_the_leader_and_not_the_thread() {
    let (notifier, parker, ticket) = led();
    assert!(!notifier.is_told(ticket));
    notifier.notify();
    notifier.notify();
    assert!(is_woken(&parker) && !rung(&notifier));
    assert!(notifier.is_told(ticket));
    // While it looks more comes; then it looks again before it sleeps.
    notifier.notify();
    assert!(notifier.has_looked(ticket, false) && notifier.is_told(ticket));
    assert!(!notifier.has_looked(ticket, false) && !notifier.is_told(ticket));
    notifier.notify();
    assert!(notifier.is_told(ticket) && notifier.has_looked(ticket, true));
    assert!(notifier.is_told(ticket) && !notifier.has_looked(ticket, false));
    assert!(notifier.is_led_by(ticket));
    notifier.stop_leading(ticket);
    assert!(!rung(&notifier) && !notifier.is_led_by(ticket));
    // From here on it is the thread's again.
    notifier.notify();
    assert!(rung(&notifier));
}

#[test]
fn there_is_one_leader() {
    let (notifier, first, ticket) = led();
    let second = Arc::new(Parker::default());
    assert_eq!(notifier.lead(&second), None);
    notifier.notify();
    assert!(is_woken(&first) && !is_woken(&second));
    assert!(notifier.is_told(ticket));
    assert_eq!(notifier.lead(&second), None);
}

#[test]
fn a_leader_that_leaves_work_behind_rings_for_the_thread() {
    // Told only; or looking around, which a panic ends.
    for looks in [false, true] {
        let (notifier, _parker, ticket) = led();
        notifier.notify();
        assert!(!looks || notifier.is_told(ticket));
        notifier.stop_leading(ticket);
        assert!(rung(&notifier) && !notifier.fall_asleep());
    }
}

#[test]
fn one_who_leads_no_more_takes_nothing_from_the_next() {
    let (notifier, first, old) = led();
    // The thread had something to do, and sleeps again.
    notifier.notify_thread();
    assert!(rung(&notifier));
    notifier.awake();
    assert!(notifier.fall_asleep());
    let second = Arc::new(Parker::default());
    let new = notifier.lead(&second).unwrap();
    assert!(notifier.is_led_by(new) && !notifier.is_led_by(old));
    notifier.notify();
    assert!(is_woken(&second) && !is_woken(&first));
    assert!(!notifier.is_told(old) && notifier.is_told(new));
    // The first one's call returns while the second looks around, which was not all there is.
    notifier.stop_leading(old);
    assert!(!notifier.has_looked(old, true));
    assert!(notifier.has_looked(new, true) && notifier.is_told(new));
    assert!(!rung(&notifier));
}

#[test]
fn deadlines_are_the_threads_whatever_the_leader_does() {
    for told in [false, true] {
        for looks in [false, true] {
            let (notifier, _parker, ticket) = led();
            if told || looks {
                notifier.notify();
            }
            assert_eq!(looks && notifier.is_told(ticket), looks);
            notifier.notify_thread();
            assert!(rung(&notifier));
            // It leads no more, and takes nothing from the thread.
            assert!(!notifier.is_told(ticket) && !notifier.has_looked(ticket, false));
            notifier.stop_leading(ticket);
            assert!(!rung(&notifier) && !notifier.fall_asleep());
        }
    }
}

#[test]
fn a_thread_that_wakes_by_itself_takes_over() {
    let (notifier, parker, ticket) = led();
    notifier.awake();
    notifier.notify();
    assert!(!is_woken(&parker) && !notifier.is_told(ticket) && !notifier.fall_asleep());
    notifier.stop_leading(ticket);
    assert!(!notifier.fall_asleep());
}

fn in_5_ms(clock: &RealClock) -> Option<Instant> {
    Some(clock.now() + std::time::Duration::from_millis(5))
}

#[test]
fn an_old_waking_does_not_end_a_new_sleep() {
    let clock = RealClock::new();
    let mut kept = None;
    let _ = Parker::block_on(&clock, None, |waker| {
        kept = Some(waker.clone());
        Poll::Ready(())
    });
    kept.unwrap().wake();
    let mut polls = 0;
    let slept = Parker::block_on(&clock, in_5_ms(&clock), |_| {
        polls += 1;
        Poll::<()>::Pending
    });
    assert_eq!((slept, polls), (None, 1));
}

#[test]
fn one_who_is_woken_all_the_time_has_its_time_out_too() {
    let clock = RealClock::new();
    let begun = clock.now();
    let slept = Parker::block_on(&clock, in_5_ms(&clock), |waker| {
        waker.wake_by_ref();
        match clock.now() > begun + std::time::Duration::from_secs(20) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    });
    assert_eq!(slept, None);
}

#[test]
fn a_call_within_a_call_takes_no_waking_from_it() {
    let clock = RealClock::new();
    let mut polls = 0;
    let slept = Parker::block_on(&clock, Some(clock.now() + std::time::Duration::from_secs(20)), {
        |waker| {
            polls += 1;
            waker.wake_by_ref();
            let _ = Parker::block_on(&clock, in_5_ms(&clock), |_| Poll::<()>::Pending);
            if polls == 2 { Poll::Ready(()) } else { Poll::Pending }
        }
    });
    assert_eq!(slept, Some(()));
}
