//! RFC 9438's formulas, in floating point here, beside the whole numbers.

use super::*;
use crate::socket::Congestion;
use crate::tcp::congestion::Controller;

const MSS: u32 = 1_448;
const SECOND: u64 = 1_000_000_000;

fn sample(now: u64, acked: u32, flight: u32, srtt: u64) -> AckSample {
    AckSample {
        now: Instant::from_nanos(now),
        acked,
        delivered: acked,
        flight_before: flight,
        mss: MSS,
        rtt: Some(srtt),
        srtt,
        after_timeout: false,
        rate: None,
        app_limited: false,
    }
}

/// Round trips whose acknowledgements are one a segment; what is in flight is the window.
fn round_trips(it: &mut Controller, now: &mut u64, rtt: u64, count: u32) {
    for _ in 0..count {
        let segments = it.cwnd / MSS;
        for at in 1..=u64::from(segments) {
            let flight = it.cwnd;
            it.on_ack(&sample(*now + rtt * at / u64::from(segments), MSS, flight, rtt));
        }
        *now += rtt;
    }
}

/// A CUBIC connection that has just lost something with this window.
fn lost_at(window: u32) -> Controller {
    let mut it = Controller::new();
    it.choose(Congestion::Cubic);
    it.cwnd = window;
    it.on_loss(window, MSS);
    it
}

#[test]
fn roots_are_whole_parts() {
    for value in [0, 1, 2, 7, 8, 26, 27, 28, 1 << 60, (1u128 << 90) - 1, 1 << 90] {
        let root = cubic_root(value);
        assert!(cube(root) <= value && value < cube(root + 1), "{value}: {root}");
    }
    assert_eq!(cubic_root(u128::MAX), u64::from(u32::MAX));
}

/// §4.2, figures 1 and 2.
#[test]
fn the_window_is_the_rfcs_function_of_time() {
    for (window, mss) in [(10u32, 1_448u32), (100, 1_448), (5_000, 1_448), (40, 65_483), (900, 88)]
    {
        let (w_max, cwnd) = (window * mss, window * mss / 10 * 7);
        let stage = Stage::begin(0, cwnd, w_max, mss);
        let k = ((f64::from(w_max - cwnd) / f64::from(mss)) / 0.4).cbrt();
        assert!((stage.k as f64 / f64::from(1 << 20) - k).abs() < 1e-5, "K of {window}");
        for tenth in 0..200u32 {
            let t = f64::from(tenth) / 10.0;
            let wanted = (0.4 * (t - k).powi(3)).mul_add(f64::from(mss), f64::from(w_max));
            let nanos = u64::from(tenth) * SECOND / 10;
            let got = f64::from(stage.window(nanos, mss));
            let wanted = wanted.clamp(0.0, f64::from(u32::MAX));
            let allowed = wanted.mul_add(1e-6, 2.0);
            assert!((got - wanted).abs() <= allowed, "{window} at {t}: {got}, not {wanted}");
        }
    }
    // Nothing overflows.
    assert_eq!(Stage::begin(0, 0, u32::MAX, 88).window(u64::MAX, u32::MAX), u32::MAX);
    assert_eq!(Stage::begin(0, 0, 0, 0).window(u64::MAX, 0), 0);
}

/// §4.6 and §4.7.
#[test]
fn a_loss_leaves_seven_tenths_and_others_get_room() {
    let mut it = lost_at(100 * MSS);
    assert_eq!((it.cwnd, it.ssthresh), (70 * MSS, 70 * MSS));
    assert_eq!(it.cubic().w_max, 100 * MSS);
    it.cwnd = 80 * MSS;
    it.on_loss(60 * MSS, MSS);
    assert_eq!(it.ssthresh, 42 * MSS, "by what was in flight");
    assert_eq!(it.cubic().w_max, 68 * MSS, "80 * (1 + 0.7) / 2");
    assert_eq!(it.cubic().cwnd_prior, 80 * MSS);
    it.cwnd = 90 * MSS;
    it.on_loss(90 * MSS, MSS);
    assert_eq!(it.cubic().w_max, 90 * MSS, "more than the last W_max");
    it.on_loss(2 * MSS, MSS);
    assert_eq!((it.cwnd, it.ssthresh), (2 * MSS, 2 * MSS), "two segments at least");
}

/// §4.4 and §4.5: back at W_max after K, then beyond, each second more than the one before.
#[test]
fn concave_to_w_max_and_convex_beyond() {
    let (rtt, window) = (SECOND / 10, 5_000 * MSS);
    let mut it = lost_at(window);
    let mut now = 7 * SECOND;
    let k = (0.3f64 * 5_000.0 / 0.4).cbrt();
    let mut seconds = std::vec![it.cwnd];
    for _ in 0..25 {
        round_trips(&mut it, &mut now, rtt, 10);
        seconds.push(it.cwnd);
    }
    let steps: std::vec::Vec<u32> = seconds.windows(2).map(|two| two[1] - two[0]).collect();
    let turn = k as usize;
    assert!(steps[1..turn].is_sorted_by(|one, two| one >= two), "concave: {steps:?}");
    assert!(steps[turn + 1..].is_sorted(), "convex: {steps:?}");
    let at_k = f64::from(seconds[turn]) / f64::from(window);
    assert!((0.98..=1.02).contains(&at_k), "{at_k} of W_max after {turn} s");
    for (second, got) in seconds.iter().enumerate().skip(1) {
        // A round trip ahead at most, since W_cubic(t + RTT) is aimed at.
        let of = |t: f64| 0.4f64.mul_add((t - k).powi(3), 5_000.0) * f64::from(MSS);
        let (low, high) = (of(second as f64 - 0.2), of(second as f64 + 0.1));
        let got = f64::from(*got);
        assert!((low * 0.99..=high * 1.01).contains(&got), "{got} after {second} s");
    }
}

/// §4.3: on a short path the window is Reno's estimate: 9/17 of a segment a round trip, and a
/// whole one from the window on that was lost at.
#[test]
fn on_short_paths_it_grows_as_reno() {
    let (mut it, mut now, rtt) = (lost_at(20 * MSS), SECOND, SECOND / 1_000);
    round_trips(&mut it, &mut now, rtt, 1);
    let begun = it.cwnd;
    round_trips(&mut it, &mut now, rtt, 9);
    let grown = f64::from(it.cwnd - begun) / f64::from(MSS) / 9.0;
    assert!((0.47..=0.56).contains(&grown), "{grown} segments a round trip");
    while it.cwnd < 21 * MSS {
        round_trips(&mut it, &mut now, rtt, 1);
    }
    let begun = it.cwnd;
    round_trips(&mut it, &mut now, rtt, 10);
    let grown = f64::from(it.cwnd - begun) / f64::from(MSS) / 10.0;
    assert!((0.9..=1.01).contains(&grown), "{grown} segments a round trip");
}

/// §4.8: slow start to the threshold, then K = 0 and W_max = cwnd.
#[test]
fn after_a_time_out_it_begins_at_the_threshold() {
    let (mut it, mut now, rtt) = (lost_at(1_000 * MSS), SECOND, SECOND / 10);
    it.cwnd = 1_000 * MSS;
    it.on_timeout(1_000 * MSS, MSS, true);
    assert_eq!((it.cwnd, it.ssthresh), (MSS, 700 * MSS));
    it.on_timeout(MSS, MSS, false);
    assert_eq!(it.ssthresh, 700 * MSS, "the same loss once more");
    while it.cwnd < it.ssthresh {
        assert!(it.cubic().stage.is_none(), "slow start");
        round_trips(&mut it, &mut now, rtt, 1);
    }
    round_trips(&mut it, &mut now, rtt, 1);
    let stage = it.cubic().stage.as_ref().unwrap();
    assert_eq!(stage.k, 0);
    assert!((700 * MSS..710 * MSS).contains(&stage.w_max), "{}", stage.w_max / MSS);
}

/// §4.2, §5.8: what was no use of the window is no time.
#[test]
fn idle_and_limited_time_does_not_count() {
    let rtt = SECOND / 10;
    let (mut busy, mut lazy) = (lost_at(2_000 * MSS), lost_at(2_000 * MSS));
    let (mut one, mut two) = (SECOND, SECOND);
    round_trips(&mut busy, &mut one, rtt, 20);
    round_trips(&mut lazy, &mut two, rtt, 20);
    assert_eq!(busy.cwnd, lazy.cwnd);
    // A minute with a segment a round trip, and one of silence.
    for _ in 0..600 {
        two += rtt;
        lazy.on_ack(&sample(two, MSS, MSS, rtt));
    }
    assert_eq!(busy.cwnd, lazy.cwnd, "nothing was learned");
    two += 60 * SECOND;
    lazy.resume(Instant::from_nanos(two));
    round_trips(&mut busy, &mut one, rtt, 20);
    round_trips(&mut lazy, &mut two, rtt, 20);
    assert_eq!(busy.cwnd, lazy.cwnd);
    // A restart after idling ends the stage: congestion avoidance begins anew.
    lazy.restart(10, MSS);
    assert_eq!(lazy.cwnd, 10 * MSS);
    assert!(lazy.cubic().stage.is_none());
}

/// §4.2: no more than half of the window a round trip, however far the function is ahead.
#[test]
fn one_round_trip_adds_half_at_most() {
    let mut it = lost_at(3_000 * MSS);
    it.cwnd = 10 * MSS;
    it.ssthresh = 10 * MSS;
    let mut now = SECOND;
    for _ in 0..10 {
        let before = it.cwnd;
        round_trips(&mut it, &mut now, 30 * SECOND, 1);
        assert!(it.cwnd <= before + before / 2 + MSS && it.cwnd >= before);
    }
}

/// One acknowledgement for many segments counts as they do.
#[test]
fn joined_acknowledgements_count_as_their_segments() {
    let rtt = SECOND / 10;
    let (mut each, mut joined) = (lost_at(1_000 * MSS), lost_at(1_000 * MSS));
    let mut now = SECOND;
    round_trips(&mut each, &mut now, rtt, 50);
    let mut now = SECOND;
    for _ in 0..50 {
        let window = joined.cwnd;
        for part in 1..=10 {
            let flight = joined.cwnd;
            joined.on_ack(&sample(now + rtt * part / 10, window / 10, flight, rtt));
        }
        now += rtt;
    }
    let ratio = f64::from(joined.cwnd) / f64::from(each.cwnd);
    assert!((0.98..=1.02).contains(&ratio), "{ratio}");
}

/// §5.1, table 1: average windows at a round-trip time of 0.1 s, where one in so many packets is
/// lost, with C = 0.4. (Fast convergence, which the table leaves out, takes a part of it.)
#[test]
fn average_windows_are_those_of_the_table() {
    for (packets, wanted) in [(100u32, 12.0f64), (1_000, 38.0), (10_000, 187.0), (100_000, 1_054.0)]
    {
        let mut it = Controller::new();
        it.choose(Congestion::Cubic);
        it.cwnd = wanted as u32 * MSS;
        it.ssthresh = it.cwnd;
        let (mut now, rtt, mut sent) = (SECOND, SECOND / 10, 0u32);
        let (mut sum, mut rounds) = (0.0, 0.0);
        for round in 0..8_000 {
            let segments = it.cwnd / MSS;
            round_trips(&mut it, &mut now, rtt, 1);
            sent += segments;
            if sent >= packets {
                sent -= packets;
                it.on_loss(it.cwnd, MSS);
            }
            if round >= 2_000 {
                sum += f64::from(segments);
                rounds += 1.0;
            }
        }
        let average: f64 = sum / rounds;
        let share = average / wanted;
        assert!((0.75..=1.15).contains(&share), "1 of {packets}: {average}, not {wanted}");
    }
}
