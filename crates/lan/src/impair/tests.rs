//! Each fault by its numbers: loss within its binomial interval, rate and delay exact.

use super::*;
use core::time::Duration;
use danja_wire::{ChecksumState, Frame, Instant, Offload, Payload};
use proptest::prelude::*;

fn frame(number: u32, length: usize) -> Frame {
    let mut bytes = vec![0x55; length];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Frame::received(Payload::from(bytes), Offload::default())
}

fn number(frame: &Frame) -> u32 {
    u32::from_be_bytes(frame.to_vec()[..4].try_into().unwrap())
}

/// Takes all frames at the moments they are due.
fn run(model: &mut Model) -> Vec<(Instant, Frame)> {
    let mut out = Vec::new();
    while let Some(due) = model.poll_timeout() {
        if let Some(before) = due.as_nanos().checked_sub(1) {
            assert!(model.poll(Instant::from_nanos(before)).is_none(), "nothing comes early");
        }
        while let Some(frame) = model.poll(due) {
            out.push((due, frame));
        }
    }
    out
}

/// Offers `count` frames of `length` bytes, `gap` apart.
fn offer(model: &mut Model, count: u32, length: usize, gap: Duration) {
    let mut now = Instant::ZERO;
    for n in 0..count {
        model.offer(now, frame(n, length));
        now += gap;
    }
}

/// Whether `hits` of `trials` is within five standard deviations of `probability`: a right
/// generator fails for fewer than one seed in a million.
fn plausible(hits: u64, trials: u64, probability: f64) -> bool {
    let (hits, trials) = (hits as f64, trials as f64);
    (hits - trials * probability).abs() <= 5.0 * (trials * probability * (1.0 - probability)).sqrt()
}

const MICRO: Duration = Duration::from_micros(1);

#[test]
fn no_impairment_changes_nothing() {
    assert!(Impairment::default().is_none());
    let mut model = Model::new(Impairment::default(), 1);
    let mut original = frame(7, 60);
    original.offload.checksum = ChecksumState::Verified;
    model.offer(Instant::from_secs(3), original);
    assert_eq!(model.poll_timeout(), Some(Instant::from_secs(3)));
    let same = model.poll(Instant::from_secs(3)).unwrap();
    assert_eq!((number(&same), same.offload.checksum), (7, ChecksumState::Verified));
    assert!(model.poll(Instant::MAX).is_none() && model.poll_timeout().is_none());
}

#[test]
fn random_loss_is_within_its_binomial_interval() {
    for (seed, probability) in [(1, 0.01), (2, 0.02), (3, 0.1), (4, 0.5)] {
        let mut model = Model::new(Impairment::default().with_loss(probability), seed);
        offer(&mut model, 20_000, 60, MICRO);
        let counters = model.counters();
        assert!(plausible(counters.lost, 20_000, probability), "{counters:?}");
        let got = run(&mut model);
        assert_eq!(got.len() as u64 + counters.lost, 20_000);
        assert!(got.is_sorted_by_key(|(_, frame)| number(frame)), "order is kept");
    }
    for (probability, lost) in [(0.0, 0), (1.0, 100), (f64::NAN, 0), (-1.0, 0), (7.0, 100)] {
        let mut model = Model::new(Impairment::default().with_loss(probability), 9);
        offer(&mut model, 100, 60, MICRO);
        assert_eq!(model.counters().lost, lost, "{probability}");
    }
}

#[test]
fn bursty_loss_has_the_share_and_the_length_asked_for() {
    let bursts = Bursts::with_mean(0.05, 8.0);
    let mut model = Model::new(Impairment::default().with_bursts(bursts), 5);
    offer(&mut model, 60_000, 60, MICRO);
    let got: Vec<u32> = run(&mut model).iter().map(|(_, frame)| number(frame)).collect();
    let gaps: Vec<u32> =
        got.windows(2).map(|pair| pair[1] - pair[0] - 1).filter(|gap| *gap > 0).collect();
    let lost: u32 = gaps.iter().sum();
    let share = f64::from(lost) / 60_000.0;
    let length = f64::from(lost) / gaps.len() as f64;
    assert!((0.04..0.06).contains(&share), "share {share}");
    assert!((7.0..9.0).contains(&length), "length {length}");
    // However much of it, and however short the bursts.
    for (seed, loss, length) in [(7, 0.6, 1.0), (8, 0.9, 2.0), (9, 0.001, 1.0), (10, 0.5, 1.0)] {
        let mut model =
            Model::new(Impairment::default().with_bursts(Bursts::with_mean(loss, length)), seed);
        offer(&mut model, 50_000, 60, MICRO);
        let share = model.counters().lost as f64 / 50_000.0;
        assert!((share - loss).abs() < 0.02 * loss.max(0.04), "{share} for {loss}");
    }
    assert_eq!(Bursts::with_mean(0.0, 0.0).enter, 0.0);
    // A link that is always bad but loses only half.
    let half = Bursts::new(1.0, 0.0).with_losses(0.0, 0.5);
    let mut model = Model::new(Impairment::default().with_bursts(half), 6);
    offer(&mut model, 10_000, 60, MICRO);
    assert!(plausible(model.counters().lost, 10_000, 0.5));
}

#[test]
fn delay_is_exact() {
    let mut model = Model::new(Impairment::default().with_delay(Duration::from_millis(50)), 1);
    offer(&mut model, 100, 60, Duration::from_nanos(12_345));
    for (at, frame) in run(&mut model) {
        assert_eq!(at, Instant::from_nanos(50_000_000 + u64::from(number(&frame)) * 12_345));
    }
}

#[test]
fn jitter_spreads_evenly_and_keeps_order() {
    let impairment = Impairment::default()
        .with_delay(Duration::from_millis(10))
        .with_jitter(Duration::from_millis(4));
    let mut model = Model::new(impairment, 3);
    offer(&mut model, 5_000, 60, Duration::from_millis(20));
    let mut delays = Vec::new();
    for (at, frame) in run(&mut model) {
        delays.push(at.as_nanos() - u64::from(number(&frame)) * 20_000_000);
    }
    let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!((6_000_000..6_050_000).contains(least) && (13_950_000..=14_000_000).contains(most));
    let mean = delays.iter().sum::<u64>() / 5_000;
    assert!((9_830_000..10_170_000).contains(&mean), "{mean}");
    // Much jitter on frames close together: late ones do not overtake.
    let mut model = Model::new(impairment.with_jitter(Duration::from_secs(1)), 3);
    offer(&mut model, 1_000, 60, MICRO);
    assert!(run(&mut model).is_sorted_by_key(|(_, frame)| number(frame)));
}

#[test]
fn rate_is_exact_to_the_nanosecond() {
    // 7 Mbit/s does not divide a frame's bits evenly.
    let mut model = Model::new(Impairment::default().with_rate(7_000_000).with_limit(10_000), 1);
    offer(&mut model, 7_000, 1_514, Duration::ZERO);
    let got = run(&mut model);
    assert_eq!(got.len(), 7_000);
    for (at, frame) in got {
        let bits = (u64::from(number(&frame)) + 1) * 1_514 * 8;
        assert_eq!(at, Instant::from_nanos(bits * 1_000 / 7));
    }
    // An idle time is not saved up.
    let mut model = Model::new(Impairment::default().with_rate(8_000), 1);
    model.offer(Instant::from_secs(10), frame(0, 100));
    model.offer(Instant::from_secs(10), frame(1, 100));
    let times: Vec<_> = run(&mut model).iter().map(|(at, _)| at.as_millis()).collect();
    assert_eq!(times, [10_100, 10_200]);
}

#[test]
fn the_queue_before_the_link_is_limited() {
    let mut model = Model::new(Impairment::default().with_rate(8_000_000).with_limit(5), 1);
    offer(&mut model, 8, 1_000, Duration::ZERO);
    assert_eq!(model.counters().overflowed, 3);
    // After 2 ms two have left the link, and two more fit.
    for n in 8..11 {
        model.offer(Instant::from_millis(2), frame(n, 1_000));
    }
    assert_eq!(model.counters().overflowed, 4);
    let got: Vec<_> = run(&mut model).iter().map(|(_, frame)| number(frame)).collect();
    assert_eq!(got, [0, 1, 2, 3, 4, 8, 9]);
    // Delay alone queues nothing, but what is under way is bounded.
    let mut far = Impairment::default().with_delay(Duration::from_secs(1)).with_limit(5);
    far.in_flight = 50;
    let mut model = Model::new(far, 1);
    offer(&mut model, 60, 60, MICRO);
    assert_eq!((model.in_flight(), model.counters().overflowed), (50, 10));
}

#[test]
fn reordered_frames_are_overtaken_and_none_is_lost() {
    let impairment = Impairment::default().with_delay(Duration::from_millis(5)).with_reorder(0.1);
    let mut model = Model::new(impairment.with_hold(10 * MICRO), 8);
    offer(&mut model, 10_000, 60, MICRO);
    let reordered = model.counters().reordered;
    assert!(plausible(reordered, 10_000, 0.1));
    let mut order: Vec<u32> = run(&mut model).iter().map(|(_, frame)| number(frame)).collect();
    let late = order.windows(2).filter(|pair| pair[1] < pair[0]).count() as u64;
    assert!(late > reordered / 2 && late <= reordered, "{late} of {reordered}");
    order.sort_unstable();
    assert!(order.into_iter().eq(0..10_000));
}

#[test]
fn duplicates_follow_their_originals() {
    let mut model = Model::new(Impairment::default().with_duplicate(0.2), 4);
    offer(&mut model, 10_000, 60, MICRO);
    let copies = model.counters().duplicated;
    assert!(plausible(copies, 10_000, 0.2));
    let order: Vec<u32> = run(&mut model).iter().map(|(_, frame)| number(frame)).collect();
    assert_eq!(order.len() as u64, 10_000 + copies);
    assert!(order.is_sorted());
    assert_eq!(order.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64, copies);
    assert_eq!(model.counters().delivered, 10_000 + copies);
}

#[test]
fn corruption_flips_exactly_one_bit_anywhere() {
    let mut model = Model::new(Impairment::default().with_corrupt(1.0), 2);
    let original = Payload::from(vec![0xa5; 40]);
    let mut hit = vec![0u32; 40 * 8];
    for _ in 0..8_000 {
        let mut sent = Frame::received(original.clone(), Offload::default());
        sent.offload.checksum = ChecksumState::Verified;
        model.offer(Instant::ZERO, sent);
        let got = model.poll(Instant::ZERO).unwrap();
        assert_eq!(got.offload, Offload::default(), "nobody may call it verified");
        let flipped: Vec<usize> = (0..320)
            .filter(|bit| {
                (got.to_vec()[bit / 8] ^ original.as_slice()[bit / 8]) >> (bit % 8) & 1 == 1
            })
            .collect();
        assert_eq!(flipped.len(), 1);
        hit[flipped[0]] += 1;
    }
    assert!(original.as_slice().iter().all(|byte| *byte == 0xa5), "the shared buffer is untouched");
    assert!(hit.iter().all(|count| *count > 0), "every bit can be hit");
    // An empty frame has no bit to flip.
    model.offer(Instant::ZERO, Frame::new());
    assert_eq!(model.counters().corrupted, 8_000);
    let mut model = Model::new(Impairment::default().with_corrupt(0.03), 11);
    offer(&mut model, 20_000, 60, MICRO);
    assert!(plausible(model.counters().corrupted, 20_000, 0.03));
}

#[test]
fn the_same_seed_gives_the_same_outcome_and_another_does_not() {
    let everything = Impairment::default()
        .with_delay(Duration::from_millis(3))
        .with_jitter(Duration::from_millis(2))
        .with_loss(0.1)
        .with_reorder(0.1)
        .with_duplicate(0.1)
        .with_corrupt(0.1)
        .with_rate(50_000_000);
    let trace = |seed| {
        let mut model = Model::new(everything, seed);
        offer(&mut model, 1_000, 200, 20 * MICRO);
        run(&mut model).into_iter().map(|(at, frame)| (at, frame.to_vec())).collect::<Vec<_>>()
    };
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
}

#[test]
fn every_frame_is_accounted_for() {
    let bad = Impairment::default()
        .with_loss(0.1)
        .with_duplicate(0.1)
        .with_reorder(0.3)
        .with_rate(1_000_000)
        .with_limit(20);
    let mut model = Model::new(bad, 77);
    offer(&mut model, 5_000, 100, Duration::from_micros(500));
    let out = run(&mut model).len() as u64;
    let all = model.counters();
    assert_eq!(all.offered, 5_000);
    assert!(all.overflowed > 0 && all.lost > 0 && all.duplicated > 0);
    assert_eq!(all.delivered, out);
    assert_eq!(all.offered + all.duplicated, all.overflowed + all.lost + all.delivered);
}

/// Any numbers at all, sensible ones more often.
fn any_probability() -> impl Strategy<Value = f64> {
    prop_oneof![0.0..1.0, Just(0.0), Just(1.0), any::<f64>()]
}

fn any_duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..50_000_000u64).prop_map(Duration::from_nanos),
        Just(Duration::ZERO),
        Just(Duration::MAX)
    ]
}

prop_compose! {
    fn any_impairment()(
        (delay, jitter, hold) in (any_duration(), any_duration(), any_duration()),
        (loss, reorder, duplicate, corrupt) in
            (any_probability(), any_probability(), any_probability(), any_probability()),
        bursts in proptest::option::of((any_probability(), any_probability(), any_probability())),
        rate in prop_oneof![Just(0), 1..1_000_000_000u64, Just(u64::MAX)],
        (limit, in_flight) in (0..50usize, 0..200usize),
    ) -> Impairment {
        let mut impairment = Impairment::default()
            .with_delay(delay).with_jitter(jitter).with_hold(hold).with_loss(loss).with_reorder(reorder)
            .with_duplicate(duplicate).with_corrupt(corrupt).with_rate(rate).with_limit(limit);
        if let Some((enter, leave, bad)) = bursts {
            impairment.loss = Loss::Bursts(Bursts::new(enter, leave).with_losses(0.0, bad));
        }
        impairment.in_flight = in_flight;
        impairment
    }
}

proptest! {
    #[test]
    fn no_numbers_lose_count_or_go_back_in_time(
        impairment in any_impairment(),
        seed: u64,
        gaps in proptest::collection::vec(0..3_000_000u64, 1..100),
    ) {
        let mut model = Model::new(impairment, seed);
        let (mut now, mut out) = (Instant::ZERO, 0);
        for (n, gap) in gaps.iter().enumerate() {
            now += Duration::from_nanos(*gap);
            model.offer(now, frame(n as u32, 4 + n));
            while model.poll(now).is_some() {
                out += 1;
            }
            prop_assert!(model.poll_timeout().is_none_or(|due| due > now));
            prop_assert!(model.in_flight() <= impairment.in_flight);
        }
        let mut last = now;
        while let Some(due) = model.poll_timeout() {
            prop_assert!(due >= last);
            last = due;
            prop_assert!(model.poll(due).is_some());
            out += 1;
        }
        let all = model.counters();
        prop_assert_eq!((all.offered, all.delivered), (gaps.len() as u64, out));
        prop_assert_eq!(all.offered + all.duplicated, all.overflowed + all.lost + all.delivered);
    }
}
