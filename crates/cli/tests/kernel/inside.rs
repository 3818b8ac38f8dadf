//! Programs of our own that a test runs in its namespace: this same test binary, told by its
//! environment which of them to be.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::process::Command;

use danja::Host;
use danja::lan::MacAddress;
use danja::lan::tap::Tap;

use crate::namespace::{DEVICE, Namespace, STACK_CIDR};
use crate::{endpoints, errors, many};

const WHICH: &str = "DANJA_INSIDE";
/// What a line for the test begins with, among what the test harness prints.
const MARK: &str = "| ";

/// A command that runs `program` (a name below) in `namespace`.
pub(crate) fn command(namespace: &Namespace, program: &str) -> Command {
    let binary = std::env::current_exe().expect("this test binary");
    let mut command = namespace.command(&binary.to_string_lossy());
    command.args(["--exact", "inside::program", "--nocapture"]).env(WHICH, program);
    command
}

/// Not a test of its own: what [`command`] starts.
#[test]
fn program() {
    let Ok(program) = std::env::var(WHICH) else { return };
    match program.as_str() {
        "many-kernel" => many::fetch(&Kernel),
        "many-ours" => many::fetch(&Ours::new()),
        "endpoints-kernel" => endpoints::from_the_kernel(),
        "endpoints-ours" => endpoints::from_ours(&Ours::new()),
        "client-kernel" => errors::client(&Kernel),
        "client-ours" => errors::client(&Ours::new()),
        "server-kernel" => errors::server(&Kernel),
        "server-ours" => errors::server(&Ours::new()),
        other => panic!("no program {other:?}"),
    }
}

/// Says one line to the test.
pub(crate) fn tell(line: &str) {
    writeln!(io::stdout(), "\n{MARK}{line}").expect("the test listens");
}

/// What the program told, of its standard output.
pub(crate) fn told(output: &str) -> Vec<String> {
    output.lines().filter_map(|line| line.strip_prefix(MARK)).map(str::to_owned).collect()
}

/// Sockets of the kernel or of ours, so that the same steps can be taken with either.
pub(crate) trait Net: Sync {
    type Stream: Read + Write + Send;
    type Listener: Send;

    fn connect(&self, to: SocketAddr) -> io::Result<Self::Stream>;
    fn listen(&self, at: SocketAddr) -> io::Result<Self::Listener>;
    fn accept(&self, listener: &Self::Listener) -> io::Result<Self::Stream>;
    fn peek(&self, stream: &Self::Stream) -> io::Result<usize>;
    fn shutdown(&self, stream: &Self::Stream, how: Shutdown) -> io::Result<()>;
    /// How many of its connections are established now.
    fn established(&self) -> usize;
}

/// The kernel's sockets.
pub(crate) struct Kernel;

impl Net for Kernel {
    type Stream = std::net::TcpStream;
    type Listener = std::net::TcpListener;

    fn connect(&self, to: SocketAddr) -> io::Result<Self::Stream> {
        Self::Stream::connect(to)
    }

    fn listen(&self, at: SocketAddr) -> io::Result<Self::Listener> {
        Self::Listener::bind(at)
    }

    fn accept(&self, listener: &Self::Listener) -> io::Result<Self::Stream> {
        Ok(listener.accept()?.0)
    }

    fn peek(&self, stream: &Self::Stream) -> io::Result<usize> {
        stream.peek(&mut [0])
    }

    fn shutdown(&self, stream: &Self::Stream, how: Shutdown) -> io::Result<()> {
        stream.shutdown(how)
    }

    fn established(&self) -> usize {
        let output = Command::new("ss").args(["-Htn", "state", "established"]).output();
        String::from_utf8_lossy(&output.expect("ss (iproute2)").stdout).lines().count()
    }
}

/// A host of ours at the other end of the TAP device.
pub(crate) struct Ours {
    pub(crate) host: Host,
}

impl Ours {
    fn new() -> Self {
        let tap = Tap::open(DEVICE, MacAddress([2, 0, 0, 0, 0, 9])).expect("the TAP device");
        let host = Host::builder()
            .name("ours")
            .adapter(tap)
            .address(STACK_CIDR.parse().expect("an address"))
            .build()
            .expect("a host");
        Self { host }
    }
}

impl Net for Ours {
    type Stream = danja::net::TcpStream;
    type Listener = danja::net::TcpListener;

    fn connect(&self, to: SocketAddr) -> io::Result<Self::Stream> {
        Self::Stream::connect(&self.host, to)
    }

    fn listen(&self, at: SocketAddr) -> io::Result<Self::Listener> {
        Self::Listener::bind(&self.host, at)
    }

    fn accept(&self, listener: &Self::Listener) -> io::Result<Self::Stream> {
        Ok(listener.accept()?.0)
    }

    fn peek(&self, stream: &Self::Stream) -> io::Result<usize> {
        stream.peek(&mut [0])
    }

    fn shutdown(&self, stream: &Self::Stream, how: Shutdown) -> io::Result<()> {
        stream.shutdown(how)
    }

    fn established(&self) -> usize {
        let sockets = self.host.sockets();
        sockets.iter().filter(|info| format!("{:?}", info.state) == "Some(Established)").count()
    }
}
