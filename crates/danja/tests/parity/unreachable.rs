//! Unreachable hosts and networks, over the kernel and over ours. The kernel's side runs in a
//! network namespace, where there is a route that it says so of.

use crate::common::{endpoint, in_time, two_hosts};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

const NO_HOST: &str = "192.0.2.1:80";
/// Set where the kernel has the routes.
const INSIDE: &str = "DANJA_PARITY_NAMESPACE";
const NO_ROUTE: &str = "198.51.100.1:80";

fn kind<T>(result: io::Result<T>) -> ErrorKind {
    result.map(drop).unwrap_err().kind()
}

#[test]
fn over_ours() {
    in_time(|| {
        let (_one, two) = two_hosts();
        // Nobody answers ARP there.
        let error = danja::net::TcpStream::connect(&two, endpoint(9, 80));
        assert_eq!(kind(error), ErrorKind::HostUnreachable);
        let error = danja::net::TcpStream::connect(&two, NO_ROUTE);
        assert_eq!(kind(error), ErrorKind::NetworkUnreachable);
        let udp = danja::net::UdpSocket::bind(&two, "0.0.0.0:0").unwrap();
        assert_eq!(kind(udp.send_to(b"", NO_ROUTE)), ErrorKind::NetworkUnreachable);
    });
}

#[test]
fn over_ours_for_tasks() {
    crate::run(async {
        let (_one, two) = two_hosts();
        let error = danja::tokio::TcpStream::connect(&two, endpoint(9, 80)).await;
        assert_eq!(kind(error), ErrorKind::HostUnreachable);
        let error = danja::tokio::TcpStream::connect(&two, NO_ROUTE).await;
        assert_eq!(kind(error), ErrorKind::NetworkUnreachable);
    });
}

#[test]
fn over_the_kernel() {
    if std::env::var_os(INSIDE).is_some() {
        return in_a_namespace();
    }
    // The routes that this test needs; then this test once more, in that namespace.
    let script = "ip link set lo up && ip route add unreachable 192.0.2.0/24 \
                  && exec \"$0\" --exact unreachable::over_the_kernel";
    let me = std::env::current_exe().unwrap();
    let attempt = |arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command
            .env(INSIDE, "")
            .args(arguments)
            .args(["--", "sh", "-c", script])
            .arg(&me)
            .stdin(Stdio::null());
        command.output().map_err(|error| error.to_string()).and_then(|output| {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let trouble = String::from_utf8_lossy(&output.stderr).into_owned();
            match (said.contains("1 passed"), said.contains("running 1 test")) {
                (true, _) => Ok(()),
                (false, true) => panic!("{said}{trouble}"),
                (false, false) => Err(trouble),
            }
        })
    };
    let as_root = attempt(&["--net"]);
    let done = as_root.or_else(|_| attempt(&["--net", "--user", "--map-root-user"]));
    if let Err(why) = done {
        // No namespace on this machine.
        assert!(std::env::var_os("DANJA_REQUIRE").is_none_or(|what| what != "all"), "{why}");
        #[allow(clippy::print_stderr, reason = "a skip is said loudly")]
        {
            eprintln!("SKIPPED: unreachable::over_the_kernel: {why}");
        }
    }
}

fn in_a_namespace() {
    let long = Duration::from_secs(10);
    let connect = |to: &str| {
        let to: SocketAddr = to.parse().unwrap();
        kind(std::net::TcpStream::connect_timeout(&to, long))
    };
    assert_eq!(connect(NO_HOST), ErrorKind::HostUnreachable);
    assert_eq!(connect(NO_ROUTE), ErrorKind::NetworkUnreachable);
    let udp = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    assert_eq!(kind(udp.send_to(b"", NO_ROUTE)), ErrorKind::NetworkUnreachable);
}
