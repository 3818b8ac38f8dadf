//! Traces: what is read, and when packets leave.

use super::*;

fn trace(text: &str) -> Trace {
    text.parse().unwrap()
}

/// When packets of these sizes leave that come at these milliseconds.
fn leave(text: &str, packets: &[(u64, usize)]) -> Vec<u64> {
    let trace = trace(text);
    let mut cursor = Cursor::new();
    // The trace begins with its first packet, whatever the clock says.
    let start = Instant::from_millis(777);
    let sent = packets.iter().map(|(at, bytes)| {
        let left = cursor.send(&trace, start + Duration::from_millis(*at), *bytes);
        left.saturating_since(start).as_millis() as u64
    });
    sent.collect()
}

#[test]
fn texts_are_read_or_refused_with_their_line() {
    let read = |text: &str| text.parse::<Trace>();
    assert_eq!(trace("1\n2\n2\n10\n").opportunities(), 4);
    assert_eq!(trace("1\n2\n2\n10\n").period(), Duration::from_millis(10));
    assert_eq!(trace("\n 5 \r\n").bits_per_second(), 2_400_000);
    assert_eq!(read(""), Err(TraceError::Empty));
    assert_eq!(read("0\n0\n"), Err(TraceError::Empty));
    assert_eq!(read("1\nx\n"), Err(TraceError::NotANumber(2)));
    assert_eq!(read("-1\n"), Err(TraceError::NotANumber(1)));
    assert_eq!(read("1\n2\n1\n"), Err(TraceError::Backwards(3)));
}

#[test]
fn each_opportunity_carries_1500_bytes() {
    // A queue of full packets: one each.
    assert_eq!(leave("1\n5\n5\n9\n", &[(0, 1500); 4]), [1, 5, 5, 9]);
    // It repeats after its last moment.
    assert_eq!(leave("3\n10\n", &[(0, 1500); 5]), [3, 10, 13, 20, 23]);
    // Small packets share one; a large one takes the rest of it and part of the next.
    assert_eq!(leave("1\n5\n9\n", &[(0, 700), (0, 700), (0, 700)]), [1, 1, 5]);
    assert_eq!(leave("1\n5\n9\n", &[(0, 4500)]), [9]);
}

#[test]
fn an_opportunity_that_nobody_uses_is_lost() {
    assert_eq!(leave("1\n5\n9\n", &[(0, 1500), (6, 1500), (6, 1500)]), [1, 9, 10]);
    assert_eq!(leave("1\n5\n9\n", &[(0, 100), (2, 100)]), [1, 5]);
    // At the very moment it is in time, at the end of a round too.
    assert_eq!(
        leave("4\n10\n", &[(0, 1500), (10, 1500), (1000, 1500), (1001, 1500)]),
        [4, 10, 1000, 1004]
    );
}

#[test]
fn a_saturated_link_has_the_rate_of_its_trace() {
    let text: String = (1..=100).map(|n| format!("{}\n", n * 2)).collect();
    let times = leave(&text, &vec![(0, 1500); 10_000]);
    assert_eq!(times.last(), Some(&20_000));
    assert_eq!(trace(&text).bits_per_second(), 6_000_000);
}
