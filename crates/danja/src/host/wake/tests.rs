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
fn led() -> (Notifier, Arc<Parker>) {
    let (notifier, parker) = (Notifier::new().unwrap(), Arc::new(Parker::default()));
    assert!(!notifier.lead(&parker), "the thread is awake");
    assert!(notifier.fall_asleep());
    assert!(notifier.lead(&parker));
    (notifier, parker)
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
    let (notifier, parker) = led();
    assert!(!notifier.is_told());
    notifier.notify();
    notifier.notify();
    assert!(is_woken(&parker) && !rung(&notifier));
    assert!(notifier.is_told());
    // While it looks more comes; then it looks again before it sleeps.
    notifier.notify();
    assert!(notifier.has_looked(false) && notifier.is_told());
    assert!(!notifier.has_looked(false) && !notifier.is_told());
    notifier.notify();
    assert!(notifier.is_told() && notifier.has_looked(true) && notifier.is_told());
    assert!(!notifier.has_looked(false));
    notifier.stop_leading();
    assert!(!rung(&notifier));
    // From here on it is the thread's again.
    notifier.notify();
    assert!(rung(&notifier));
}

#[test]
fn there_is_one_leader() {
    let (notifier, first) = led();
    let second = Arc::new(Parker::default());
    assert!(!notifier.lead(&second));
    notifier.notify();
    assert!(is_woken(&first) && !is_woken(&second));
}

#[test]
fn a_leader_that_leaves_work_behind_rings_for_the_thread() {
    let (notifier, _parker) = led();
    notifier.notify();
    notifier.stop_leading();
    assert!(rung(&notifier) && !notifier.fall_asleep());
}

#[test]
fn deadlines_are_the_threads_whatever_the_leader_does() {
    for told in [false, true] {
        for looks in [false, true] {
            let (notifier, _parker) = led();
            if told || looks {
                notifier.notify();
            }
            assert_eq!(looks && notifier.is_told(), looks);
            notifier.notify_thread();
            assert!(rung(&notifier));
            // It leads no more, and takes nothing from the thread.
            assert!(!notifier.is_told() && !notifier.has_looked(false));
            notifier.stop_leading();
            assert!(!rung(&notifier) && !notifier.fall_asleep());
        }
    }
}

#[test]
fn a_thread_that_wakes_by_itself_takes_over() {
    let (notifier, parker) = led();
    notifier.awake();
    notifier.notify();
    assert!(!is_woken(&parker) && !notifier.is_told() && !notifier.fall_asleep());
    notifier.stop_leading();
    assert!(!notifier.fall_asleep());
}

#[test]
fn an_old_waking_does_not_end_a_new_sleep() {
    let until = |clock: &RealClock| Some(clock.now() + std::time::Duration::from_millis(5));
    let clock = RealClock::new();
    let mut kept = None;
    let _ = Parker::block_on(&clock, None, |waker| {
        kept = Some(waker.clone());
        Poll::Ready(())
    });
    kept.unwrap().wake();
    let mut polls = 0;
    let slept = Parker::block_on(&clock, until(&clock), |_| {
        polls += 1;
        Poll::<()>::Pending
    });
    assert_eq!((slept, polls), (None, 1));
}
