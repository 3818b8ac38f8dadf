//! Address conflict detection (RFC 5227): probes, announcements, defence.

use super::interface::Interface;
use crate::core_state::Core;
use crate::interface::InterfaceId;

/// How far the claim of an address has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    usable: bool,
}

impl Claim {
    pub(super) const fn settled() -> Self {
        Self { usable: true }
    }

    pub(super) const fn new(_interface: &Interface) -> Self {
        Self { usable: true }
    }

    pub(super) const fn is_usable(self) -> bool {
        self.usable
    }
}

pub(super) const fn start(_core: &mut Core, _interface: InterfaceId) {}
pub(super) const fn restart(_core: &mut Core, _interface: InterfaceId) {}
pub(super) const fn on_timer(_core: &mut Core, _interface: InterfaceId) {}
