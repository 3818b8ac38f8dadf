use super::{rate, share, time};

#[test]
fn quantities_have_units() {
    assert_eq!(time("50ms"), Ok(50_000_000));
    assert_eq!(time("1.5 s"), Ok(1_500_000_000));
    assert_eq!(time("1h"), Ok(3_600_000_000_000));
    assert_eq!(rate("10mbit"), Ok(10_000_000));
    assert_eq!(share("2%"), Ok(0.02));
    assert_eq!(share("0.5"), Ok(0.5));
}

#[test]
fn wrong_ones_are_quoted_back() {
    for wrong in ["50", "ms", "50 mss", "-1s", ""] {
        assert_eq!(time(wrong), Err(format!("'{wrong}' is no time; try \"50ms\"")));
    }
    assert!(rate("0mbit").is_err() && rate("10").is_err());
    assert!(share("2").is_err() && share("-1%").is_err() && share("x").is_err());
}
