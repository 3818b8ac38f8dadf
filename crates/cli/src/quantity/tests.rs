use super::*;

#[test]
fn durations_have_units() {
    for (text, nanoseconds) in [
        ("50ms", 50_000_000),
        ("1.5s", 1_500_000_000),
        ("200us", 200_000),
        ("200µs", 200_000),
        ("0s", 0),
        ("2min", 120_000_000_000),
        ("3 ms", 3_000_000),
        ("50MS", 50_000_000),
        (".5ms", 500_000),
    ] {
        assert_eq!(duration(text), Ok(Duration::from_nanos(nanoseconds)), "{text}");
    }
    for text in ["50", "", "ms", "-5ms", "1e3ms", "5 parsecs", "1.2.3s", "inf", "NaNs", "25h"] {
        let message = duration(text).unwrap_err().to_string();
        assert!(message.contains(&format!("\u{2018}{text}\u{2019}")), "{message}");
        assert!(message.contains("50ms"), "{message}");
    }
}

#[test]
fn rates_and_percentages() {
    assert_eq!(rate("10mbit"), Ok(10_000_000));
    assert_eq!(rate("1.5Gbit"), Ok(1_500_000_000));
    assert_eq!(rate("64kbit/s"), Ok(64_000));
    for text in ["10", "10mb", "10mbps", "0mbit", "mbit", "99999999gbit"] {
        assert!(rate(text).unwrap_err().to_string().contains("10mbit"), "{text}");
    }
    assert_eq!(percentage("2%"), Ok(0.02));
    assert_eq!(percentage("100%"), Ok(1.0));
    assert_eq!(percentage("0.1 %"), Ok(0.001));
    for text in ["2", "0.02", "101%", "-1%", "%"] {
        assert!(percentage(text).unwrap_err().to_string().contains("2%"), "{text}");
    }
}

#[test]
fn sizes_and_bursts() {
    assert_eq!(bytes("56"), Ok(56));
    assert_eq!(bytes("32KiB"), Ok(32_768));
    assert_eq!(bytes("10MB"), Ok(10_000_000));
    assert!(bytes("1.5").is_err());
    assert!(bytes("many").is_err());
    assert_eq!("2%,5".parse(), Ok(BurstLoss { share: 0.02, length: 5.0 }));
    for text in ["2%", "2,5", "2%,0", "2%,5ms", "100%,3", ""] {
        assert!(text.parse::<BurstLoss>().unwrap_err().to_string().contains("2%,5"), "{text}");
    }
}

#[test]
fn people_read_bytes_and_times() {
    assert_eq!(human_bytes(0), "0 bytes");
    assert_eq!(human_bytes(1), "1 byte");
    assert_eq!(human_bytes(1023), "1023 bytes");
    assert_eq!(human_bytes(1536), "1.5 KiB");
    assert_eq!(human_bytes(6 << 20), "6 MiB");
    assert_eq!(human_bytes(u64::MAX), "16384 PiB");
    assert_eq!(human_time(Duration::from_micros(123)), "0.123 ms");
    assert_eq!(human_time(Duration::from_micros(12_340)), "12.3 ms");
    assert_eq!(human_time(Duration::from_micros(999_700)), "1.00 s");
    assert_eq!(human_time(Duration::from_millis(999)), "999 ms");
    assert_eq!(human_time(Duration::from_millis(1500)), "1.50 s");
}
