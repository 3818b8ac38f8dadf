//! The options about the built-in LAN's router: what it reaches.

use clap::Args;
use danja_gateway::{Builder, Endpoints, HostAccess};

/// What the built-in LAN's router reaches.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "The way out of the built-in LAN")]
pub(crate) struct GatewayArgs {
    /// Let the program reach this machine's own loopback as `host` (10.0.2.3): all ports, or
    /// these, such as 80,8000-8099
    #[arg(
        long,
        value_name = "PORT,…",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all",
        conflicts_with = "tap"
    )]
    pub(crate) host_access: Option<HostAccess>,
    /// No way out: the LAN ends at its router
    #[arg(long, conflicts_with = "tap")]
    pub(crate) no_outside: bool,
    /// Reach these destinations outside and no others, such as 10.0.0.0/8 or 192.0.2.7:443 or
    /// *:53; may be given several times
    #[arg(long, value_name = "A[/P][:PORT,…]", conflicts_with = "tap")]
    pub(crate) allow: Vec<Endpoints>,
    /// Never reach these destinations, whatever --allow says
    #[arg(long, value_name = "A[/P][:PORT,…]", conflicts_with = "tap")]
    pub(crate) deny: Vec<Endpoints>,
}

impl GatewayArgs {
    /// Tells a router.
    pub(crate) fn configure(&self, builder: Builder) -> Builder {
        builder
            .outside(!self.no_outside)
            .host_access(self.host_access.clone().unwrap_or_default())
            .allow(self.allow.iter().cloned())
            .deny(self.deny.iter().cloned())
    }
}
