//! Row 3: the checksum of a segment's bytes.

use std::hint::black_box;

use super::{Results, Row, Sizes, Target, Unit};
use crate::measure::{interleave, time};
use crate::peers::{Peer, Smoltcp};
use crate::work::{work_checksum_danja, work_checksum_smoltcp};

/// The payload of a segment without options at MTU 1500, in bytes.
pub(crate) const BYTES: usize = 1_460;

pub(super) fn row(sizes: &Sizes, results: &mut Results) {
    let bytes: Vec<u8> = (0..BYTES).map(|at| ((at * 31) ^ (at >> 8)) as u8).collect();
    for length in [0, 1, 2, 3, 63, 64, 65, BYTES - 1, BYTES] {
        let part = &bytes[..length];
        let (ours, theirs) = (work_checksum_danja(part, 1), work_checksum_smoltcp(part, 1));
        assert_eq!(ours, theirs, "checksums of {length} bytes differ");
    }
    let count = sizes.checksums;
    let rate = |sum: fn(&[u8], usize) -> u16| {
        let took = time(|| {
            black_box(sum(&bytes, count));
        });
        (BYTES * count) as f64 / took.as_nanos() as f64
    };
    let [ours, theirs] =
        interleave(sizes.runs, || rate(work_checksum_danja), || rate(work_checksum_smoltcp));
    results.rows.push(Row {
        number: 3,
        what: format!("checksum of {BYTES} bytes"),
        unit: Unit::GigabytesPerSecond,
        target: Target::Times(1.4),
        ours,
        theirs,
        against: Smoltcp::NAME,
    });
}
