//! The options about the LAN's router: what the program reaches by it.

use clap::Args;
use danja_gateway::{Endpoints, HostAccess, ParseError, Permissions};
use serde::{Deserialize, Serialize};

/// What the program reaches by the LAN's router.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "The way out of the LAN")]
pub(crate) struct GatewayArgs {
    /// Let the program reach this machine's own loopback as `host` (10.0.2.3): all ports, or
    /// these, such as 80,8000-8099
    #[arg(
        long,
        value_name = "PORT,…",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all",
        conflicts_with = "device"
    )]
    pub(crate) host_access: Option<HostAccess>,
    /// No way out: the LAN ends at its router
    #[arg(long, conflicts_with = "device")]
    pub(crate) no_outside: bool,
    /// Reach these destinations outside and no others, such as 10.0.0.0/8 or 192.0.2.7:443 or
    /// *:53; may be given several times
    #[arg(long, value_name = "A[/P][:PORT,…]", conflicts_with = "device")]
    pub(crate) allow: Vec<Endpoints>,
    /// Never reach these destinations, whatever --allow says
    #[arg(long, value_name = "A[/P][:PORT,…]", conflicts_with = "device")]
    pub(crate) deny: Vec<Endpoints>,
}

/// The same, as a LAN's process is told of it: in words that can be typed.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Written {
    host_access: Option<String>,
    no_outside: bool,
    allow: Vec<String>,
    deny: Vec<String>,
}

impl GatewayArgs {
    /// What a router permits the program.
    pub(crate) fn permissions(&self) -> Permissions {
        Permissions::new()
            .outside(!self.no_outside)
            .host_access(self.host_access.clone().unwrap_or_default())
            .allow(self.allow.iter().cloned())
            .deny(self.deny.iter().cloned())
    }

    pub(crate) fn written(&self) -> Written {
        let all = |list: &[Endpoints]| list.iter().map(ToString::to_string).collect();
        Written {
            host_access: self.host_access.as_ref().map(ToString::to_string),
            no_outside: self.no_outside,
            allow: all(&self.allow),
            deny: all(&self.deny),
        }
    }
}

impl TryFrom<&Written> for GatewayArgs {
    type Error = ParseError;

    fn try_from(written: &Written) -> Result<Self, ParseError> {
        let all = |list: &[String]| -> Result<Vec<Endpoints>, ParseError> {
            list.iter().map(|one| one.parse()).collect()
        };
        Ok(Self {
            host_access: written.host_access.as_deref().map(str::parse).transpose()?,
            no_outside: written.no_outside,
            allow: all(&written.allow)?,
            deny: all(&written.deny)?,
        })
    }
}
