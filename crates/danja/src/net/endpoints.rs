//! What stands for one endpoint or several, as `std::net::ToSocketAddrs`; but names are looked
//! up by the host's own resolver.

use crate::host::Host;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// An endpoint, or a name and a port.
///
/// ```
/// use danja::net::ToEndpoints;
/// # use danja::{Host, lan::{MacAddress, cable::Switch}};
/// # fn main() -> std::io::Result<()> {
/// # let port = Switch::new().port(MacAddress([2, 0, 0, 0, 0, 1]));
/// let host = Host::builder()
///     .adapter(port)
///     .known_name("server", "10.0.0.1".parse().unwrap())
///     .build()?;
/// assert_eq!("server:80".endpoints(&host)?, ["10.0.0.1:80".parse().unwrap()]);
/// assert_eq!(("10.0.0.1", 80).endpoints(&host)?, ["10.0.0.1:80".parse().unwrap()]);
/// # Ok(())
/// # }
/// ```
pub trait ToEndpoints {
    /// The endpoints meant, as `host` sees it.
    ///
    /// # Errors
    /// The text is no endpoint (`InvalidInput`), or the name was not found.
    fn endpoints(&self, host: &Host) -> io::Result<Vec<SocketAddr>>;

    /// The name that has to be looked up for it, and the port. Where this is known, the calls of
    /// tasks look it up without blocking their thread; else they call
    /// [`ToEndpoints::endpoints`].
    fn name_and_port(&self) -> Option<(&str, u16)> {
        None
    }
}

macro_rules! plain {
    ($($type:ty,)*) => {$(
        impl ToEndpoints for $type {
            fn endpoints(&self, _host: &Host) -> io::Result<Vec<SocketAddr>> {
                Ok(vec![SocketAddr::from(*self)])
            }
        }
    )*};
}

plain! {
    SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16),
}

impl ToEndpoints for [SocketAddr] {
    fn endpoints(&self, _host: &Host) -> io::Result<Vec<SocketAddr>> {
        Ok(self.to_vec())
    }
}

impl ToEndpoints for (&str, u16) {
    fn endpoints(&self, host: &Host) -> io::Result<Vec<SocketAddr>> {
        let addresses = host.resolve(self.0)?;
        Ok(addresses.into_iter().map(|address| SocketAddr::new(address, self.1)).collect())
    }

    fn name_and_port(&self) -> Option<(&str, u16)> {
        Some(*self)
    }
}

impl ToEndpoints for (String, u16) {
    fn endpoints(&self, host: &Host) -> io::Result<Vec<SocketAddr>> {
        (self.0.as_str(), self.1).endpoints(host)
    }

    fn name_and_port(&self) -> Option<(&str, u16)> {
        Some((&self.0, self.1))
    }
}

impl ToEndpoints for str {
    fn endpoints(&self, host: &Host) -> io::Result<Vec<SocketAddr>> {
        if let Ok(endpoint) = self.parse() {
            return Ok(vec![endpoint]);
        }
        let invalid = |what| {
            let text = format!("'{self}' is no endpoint: {what} (write it as name:80)");
            io::Error::new(io::ErrorKind::InvalidInput, text)
        };
        let (name, port) = self.rsplit_once(':').ok_or_else(|| invalid("no port"))?;
        let port = port.parse().map_err(|_| invalid("the port is no number up to 65535"))?;
        (name, port).endpoints(host)
    }

    fn name_and_port(&self) -> Option<(&str, u16)> {
        if self.parse::<SocketAddr>().is_ok() {
            return None;
        }
        let (name, port) = self.rsplit_once(':')?;
        Some((name, port.parse().ok()?))
    }
}

impl ToEndpoints for String {
    fn endpoints(&self, host: &Host) -> io::Result<Vec<SocketAddr>> {
        self.as_str().endpoints(host)
    }

    fn name_and_port(&self) -> Option<(&str, u16)> {
        self.as_str().name_and_port()
    }
}

impl<T: ToEndpoints + ?Sized> ToEndpoints for &T {
    fn endpoints(&self, host: &Host) -> io::Result<Vec<SocketAddr>> {
        (**self).endpoints(host)
    }

    fn name_and_port(&self) -> Option<(&str, u16)> {
        (**self).name_and_port()
    }
}

/// The endpoints meant, found without blocking the thread.
#[cfg(feature = "tokio")]
pub(crate) async fn look_up(
    host: &Host,
    endpoints: &(impl ToEndpoints + ?Sized),
) -> io::Result<Vec<SocketAddr>> {
    let Some((name, port)) = endpoints.name_and_port() else { return endpoints.endpoints(host) };
    let addresses = host.resolve_async(name).await?;
    Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}

/// Tries `act` with each endpoint until one succeeds; the last error counts, as in std.
pub(super) fn each_endpoint<T>(
    host: &Host,
    endpoints: &impl ToEndpoints,
    mut act: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for endpoint in endpoints.endpoints(host)? {
        match act(endpoint) {
            Ok(value) => return Ok(value),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "could not resolve to any addresses")
    }))
}
