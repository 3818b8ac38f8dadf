//! A network namespace with a TAP device: the kernel's side of the cable.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::skip::skip;

/// The kernel's address on the cable.
pub(crate) const KERNEL: &str = "10.9.0.1";
/// The stack's address on the cable.
pub(crate) const STACK: &str = "10.9.0.2";
/// The stack's address as options want it.
pub(crate) const STACK_CIDR: &str = "10.9.0.2/24";
/// The device between the two.
pub(crate) const DEVICE: &str = "tap0";

/// A network namespace, kept by a process that waits for the end of its standard input: should
/// the test die, however it dies, the namespace dies too.
pub(crate) struct Namespace {
    keeper: Child,
    /// In a user namespace, where we are its root.
    user: bool,
}

impl Namespace {
    /// A namespace for `test`, or a loud line and `None` if this machine does not allow one.
    pub(crate) fn new(test: &str) -> Option<Self> {
        let made = Self::keep(false).or_else(|_| Self::keep(true)).and_then(|namespace| {
            namespace.furnish()?;
            Ok(namespace)
        });
        made.inspect_err(|why| skip(test, why)).ok()
    }

    /// Starts the keeper.
    fn keep(user: bool) -> Result<Self, String> {
        let mut command = Command::new("unshare");
        command.arg("--net");
        if user {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--", "sh", "-c", "echo ready; exec cat"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let keeper = command.spawn().map_err(|error| format!("unshare (util-linux): {error}"))?;
        let mut namespace = Self { keeper, user };
        let mut line = String::new();
        if let Some(stdout) = namespace.keeper.stdout.take() {
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        if line.trim() == "ready" {
            return Ok(namespace);
        }
        Err(format!("no network namespace of its own (user namespace: {user})"))
    }

    /// Brings up the loopback and the TAP device.
    fn furnish(&self) -> Result<(), String> {
        // IPv6 on the device would chatter into captures; the stack speaks IPv4.
        let script = format!(
            "set -e
            echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
            ip link set lo up
            ip tuntap add dev {DEVICE} mode tap
            ip address add {KERNEL}/24 dev {DEVICE}
            ip link set {DEVICE} up"
        );
        let output = self.command("sh").args(["-c", &script]).output();
        let output = output.map_err(|error| format!("nsenter (util-linux): {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        Err(format!("no TAP device in a namespace of its own: {said}"))
    }

    /// A command that will run in here.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--target").arg(self.keeper.id().to_string()).arg("--net");
        if self.user {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg("--").arg(program);
        command
    }

    /// The `danja` command on the stack's side of the cable; its subcommand and arguments first.
    pub(crate) fn danja(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_danja"));
        command.args(arguments).args(["--tap", DEVICE, "--address", STACK_CIDR]);
        command
    }

    /// The same, with an address by DHCP.
    pub(crate) fn danja_by_dhcp(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_danja"));
        command.args(arguments).args(["--tap", DEVICE, "--dhcp"]);
        command
    }

    /// Runs a shell line in here and gives its standard output.
    ///
    /// # Panics
    /// When it fails.
    pub(crate) fn shell(&self, line: &str) -> String {
        let output = self.command("sh").args(["-euc", line]).output().expect("sh is there");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {}: {said}", output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
