//! What lies under a program in a namespace of its own: the device that its kernel sends into, led
//! to the host. Packets of all protocols but TCP are the host's to send and receive; TCP too where
//! the program's calls are trapped, else its connections are continued by sockets of the host.

mod device;
mod discarded;
mod pump;
mod reset;
mod resolver;
mod rtnetlink;
mod setup;
mod splice;
mod split;
mod tcp;
mod worker;

pub use discarded::Discarded;
pub(crate) use setup::{Connected, Equipment, Under};
