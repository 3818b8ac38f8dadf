//! Tests of datagram sockets through the doors of `Stack`.

mod budget;
mod demux;
mod errors;
mod flow;
mod ping_raw;
mod shared;
