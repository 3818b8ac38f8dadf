//! DHCP on a cable, in virtual time: a client of ours and a server of the test's own.

mod bound;
mod lan;
mod lost;
