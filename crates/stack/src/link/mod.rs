//! Media: the link header, and the neighbour state machine that ARP and NDP share.

pub(crate) mod ethernet;
pub(crate) mod neighbour;
pub(crate) mod vlan;
