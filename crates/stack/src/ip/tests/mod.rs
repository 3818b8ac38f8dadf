//! Tests of IP through the doors of `Stack`.

mod basic;
pub(crate) mod world;
