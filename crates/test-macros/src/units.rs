//! Quantities with units, as the command takes them. A wrong one is quoted back with a right one.

/// A probability, `0.02` or `2%`.
pub(crate) fn share(text: &str) -> Result<f64, String> {
    let parsed = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    match parsed {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(format!("'{text}' is no share of all frames; try 0.02 or \"2%\"")),
    }
}

/// A time in nanoseconds.
pub(crate) fn time(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 6] =
        [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("min", 60e9), ("h", 3600e9)];
    quantity(text, &UNITS).ok_or_else(|| format!("'{text}' is no time; try \"50ms\""))
}

/// Bits per second, not 0.
pub(crate) fn rate(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 4] = [("bit", 1.0), ("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9)];
    let rate = quantity(text, &UNITS).filter(|rate| *rate > 0);
    rate.ok_or_else(|| format!("'{text}' is no rate; try \"10mbit\""))
}

fn quantity(text: &str, units: &[(&str, f64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    let (_, size) = units.iter().find(|(name, _)| *name == unit.trim())?;
    let quantity = (number * size).round();
    (quantity < 1.8e19).then_some(quantity as u64)
}

#[cfg(test)]
mod tests;
