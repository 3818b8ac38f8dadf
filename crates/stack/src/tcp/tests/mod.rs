//! Tests of TCP: two stacks joined by hand in virtual time, and single segments by hand.

mod handshake;
mod pair;
mod transfer;
