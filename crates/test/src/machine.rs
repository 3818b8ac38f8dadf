//! A host of a world, and what can happen to it.

use crate::world::World;
use danja::Host;
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A host of a [`World`], from [`World::host`]; it stands wherever a [`Host`] is asked for.
///
/// ```
/// use danja_test::{World, danja::tokio::TcpListener};
/// # fn main() -> std::io::Result<()> {
/// World::builder().run(async |world: World| {
///     let server = world.host("server");
///     let listener = TcpListener::bind(&server, (server.address(), 80)).await?;
///     let server = server.reboot();
///     assert!(listener.accept().await.is_err(), "it was another machine's");
///     TcpListener::bind(&server, "0.0.0.0:80").await?;
///     Ok(())
/// })
/// # }
/// ```
#[derive(Clone)]
pub struct Machine {
    pub(crate) host: Host,
    pub(crate) world: World,
    pub(crate) up: Arc<AtomicBool>,
    pub(crate) address: Ipv4Addr,
}

impl Machine {
    /// Its address, which it keeps.
    pub const fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Pulls its cable: nothing comes or goes, and nobody is told.
    pub fn link_down(&self) {
        self.up.store(false, Ordering::Relaxed);
    }

    /// Plugs its cable in again.
    pub fn link_up(&self) {
        self.up.store(true, Ordering::Relaxed);
    }

    /// Power fails for a moment: its sockets fail, here with an error (`NetworkDown`), for peers
    /// with silence, and with RST once they say something. What is returned, and what
    /// [`World::host`] gives from now on, is the machine as it started anew.
    #[must_use = "the old handle's sockets are gone"]
    pub fn reboot(&self) -> Self {
        self.world.reboot(self.host.name())
    }
}

impl Deref for Machine {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.host
    }
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Machine({}, {})", self.host.name(), self.address)
    }
}
