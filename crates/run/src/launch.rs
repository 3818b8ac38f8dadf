//! Starts a program: its process is made first and waits; then its sockets are led to a host; then
//! it runs. Terminal, directory, standard streams and environment are the launcher's own.

mod channel;
mod error;
mod inherited;
mod left;
mod running;
mod trial;

pub use error::LaunchError;
pub use running::{Ended, Running};
pub(crate) use trial::{Listening, Namespaces};

use crate::Intercept;
use crate::notify::{Supervisor, filter};
use crate::program::Program;
use crate::sys::child::{Order, Plan};
use crate::sys::namespace::{Entry, Step};
use crate::sys::signals::Signals;
use crate::under::{Connected, Equipment, Under};
use channel::Channel;
use danja::Host;
use danja::stack::InterfaceId;
use left::Home;
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};
use std::ffi::{CString, OsString};
use std::fmt::{self, Write};
use std::fs;
use std::mem;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// The way from a program's sockets to the host that was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Mode {
    /// TCP's calls are trapped; everything else goes through a namespace's device.
    NotifyOverTun,
    /// Calls are trapped; there is no namespace.
    Notify,
    /// Everything goes through a namespace's device.
    Tun,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotifyOverTun => "notify over tun",
            Self::Notify => "notify",
            Self::Tun => "tun",
        })
    }
}

/// What is to be started, and how.
///
/// ```no_run
/// use danja_run::{Ended, Launcher, Program};
/// # use danja::{Host, lan::{MacAddress, cable::Switch}};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let program = Program::find("curl", ["http://10.0.0.1/"], std::env::var_os("PATH").as_deref())?;
/// // The process exists from here on, and waits for its host.
/// let parked = Launcher::new(program).park()?;
/// # let lan = Switch::new();
/// let mut builder = Host::builder()
///     .adapter(lan.port(MacAddress([2, 0, 0, 0, 0, 2])))
///     .address("10.0.0.2/24".parse().unwrap());
/// if parked.shares_the_address() {
///     builder = builder.hand_out_unclaimed();
/// }
/// let host = builder.build()?;
/// let mut running = parked.start(&host, host.interfaces()[1].id)?;
/// assert_eq!(running.wait()?, Ended::Exit(0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Launcher {
    program: Program,
    intercept: Intercept,
    keep_fds: bool,
}

impl Launcher {
    /// Starts `program` with [`Intercept::Auto`], and without the internet sockets that this
    /// process has inherited or opened for inheritance.
    pub fn new(program: Program) -> Self {
        Self { program, intercept: Intercept::default(), keep_fds: false }
    }

    /// The way to the host.
    #[must_use]
    pub fn intercept(self, intercept: Intercept) -> Self {
        Self { intercept, ..self }
    }

    /// Whether the program gets internet sockets that this process would hand on.
    #[must_use]
    pub fn keep_fds(self, keep_fds: bool) -> Self {
        Self { keep_fds, ..self }
    }

    /// Makes the program's process, which waits. Signals for the launcher are taken from here on
    /// in this thread and those that it starts (and passed on to the program while it is waited
    /// for): it should be called before other threads are started.
    ///
    /// # Errors
    /// What was asked for is not permitted here, or the system gives no process.
    pub fn park(self) -> Result<Parked, LaunchError> {
        let signals =
            Signals::take().map_err(|errno| LaunchError::system("take signals", errno))?;
        let mut plan = self.plan(&signals)?;
        let mut reasons = Vec::new();
        if self.intercept != Intercept::Notify {
            plan.entry = Some(entry()?);
            match Channel::fork(&plan).and_then(enter) {
                Ok((channel, equipment, notes)) => {
                    reasons.extend(notes);
                    let equipment = Some(equipment);
                    let Self { program, intercept, .. } = self;
                    return Ok(Parked { program, intercept, signals, channel, equipment, reasons });
                }
                Err(error) if self.intercept == Intercept::Tun => return Err(error),
                Err(error) => reasons.push(error.to_string()),
            }
            plan.entry = None;
        }
        let channel = Channel::fork(&plan)?;
        let Self { program, intercept, .. } = self;
        Ok(Parked { program, intercept, signals, channel, equipment: None, reasons })
    }

    fn plan(&self, signals: &Signals) -> Result<Plan, LaunchError> {
        let string = |bytes: &[u8]| {
            CString::new(bytes).map_err(|_| LaunchError::system("take an argument", Errno::INVAL))
        };
        let path = string(self.program.path().as_os_str().as_bytes())?;
        let name = std::iter::once(self.program.name()).map(OsString::from);
        let arguments = name.chain(self.program.arguments().iter().cloned());
        let arguments: Result<_, _> = arguments.map(|it| string(it.as_bytes())).collect();
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            let mut variable = name.into_vec();
            variable.push(b'=');
            variable.extend(value.as_bytes());
            CString::new(variable).ok()
        });
        let mut plan = Plan::new(path, arguments?, environment.collect(), signals.before());
        if self.intercept != Intercept::Tun {
            plan.filters = Some([filter(false), filter(true)]);
        }
        if !self.keep_fds {
            plan.close = inherited::internet_sockets();
        }
        Ok(plan)
    }
}

/// CAP_NET_BIND_SERVICE, CAP_NET_BROADCAST, CAP_NET_ADMIN and CAP_NET_RAW: they are of use in a
/// network of one's own as well.
const OF_NETWORKS: u64 = 0b1111 << 10;

/// What a program's file would give it, and an ordinary user's program does not get here.
fn lost_privileges(program: &Program, mode: Mode) -> Option<String> {
    let (path, capabilities) = (program.path().display(), program.capabilities());
    if program.is_setuid() {
        return Some(format!("{path} is setuid, and runs without that privilege"));
    }
    match mode {
        Mode::Notify if capabilities != 0 => {
            Some(format!("{path} has file capabilities, and runs without them"))
        }
        Mode::NotifyOverTun | Mode::Tun if capabilities & !OF_NETWORKS != 0 => {
            Some(format!("{path} has file capabilities, which hold in its own namespaces only"))
        }
        _ => None,
    }
}

/// The namespaces and what is put there.
fn entry() -> Result<Entry, LaunchError> {
    let text = |text: String| {
        CString::new(text).map_err(|_| LaunchError::system("name a file", Errno::INVAL))
    };
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let mut settings = Vec::new();
    for (name, value) in [
        // Ephemeral ports are split: ours are those above.
        ("ipv4/ip_local_port_range", "32768 49151"),
        ("ipv4/ip_unprivileged_port_start", "0"),
        // The device speaks IPv4 only; `lo` keeps its IPv6.
        ("ipv6/conf/default/disable_ipv6", "1"),
    ] {
        settings.push((text(format!("/proc/sys/net/{name}"))?, text(value.to_owned())?));
    }
    let resolv = match fs::canonicalize("/etc/resolv.conf") {
        Ok(path) => Some(
            CString::new(path.into_os_string().into_vec())
                .map_err(|_| LaunchError::system("name a file", Errno::INVAL))?,
        ),
        Err(_) => None,
    };
    let masked =
        ["/run/nscd/socket", "/var/run/nscd/socket", "/run/systemd/resolve/io.systemd.Resolve"];
    let masked = masked.into_iter().filter(|path| Path::new(path).exists());
    let masked: Result<_, _> = masked.map(|path| text(path.to_owned())).collect();
    Ok(Entry {
        privileged: uid == 0,
        uid_map: text(format!("{uid} {uid} 1\n"))?,
        gid_map: text(format!("{gid} {gid} 1\n"))?,
        ping_group: text(format!("{gid} {gid}"))?,
        settings,
        resolv,
        masked: masked?,
        tun: true,
    })
}

/// Hears how the child has fared with its namespaces.
fn enter(channel: Channel) -> Result<(Channel, Equipment, Vec<String>), LaunchError> {
    let (report, opened) = channel.hear()?;
    if report.errno != 0 {
        let errno = Errno::from_raw_os_error(report.errno);
        return Err(LaunchError::NoNamespace { step: Step::text(report.step), errno });
    }
    let mut notes = Vec::new();
    let equipment = Equipment::new(opened).ok_or_else(|| {
        LaunchError::system("open a device", Errno::from_raw_os_error(report.no_tun))
    })?;
    if equipment.is_pair() {
        let errno = Errno::from_raw_os_error(report.no_tun);
        notes.push(format!("/dev/net/tun cannot be opened ({errno}), a veth pair takes its place"));
    }
    if report.no_resolv != 0 {
        let errno = Errno::from_raw_os_error(report.no_resolv);
        notes.push(format!("the machine's resolv.conf is seen as it is ({errno})"));
    }
    Ok((channel, equipment, notes))
}

/// A program whose process is made and waits for a host. Dropped, it never runs.
pub struct Parked {
    program: Program,
    intercept: Intercept,
    signals: Signals,
    channel: Channel,
    equipment: Option<Equipment>,
    reasons: Vec<String>,
}

impl Parked {
    /// Whether the program has a kernel's stack of its own behind the host's address: then the
    /// host's interface must hand out what no socket claims
    /// ([`Builder::hand_out_unclaimed`](danja::Builder::hand_out_unclaimed)).
    pub const fn shares_the_address(&self) -> bool {
        self.equipment.is_some()
    }

    /// Leads the program's sockets to `host`, whose interface this is, and lets it run.
    ///
    /// # Errors
    /// What was asked for is not permitted, or the program cannot be executed.
    pub fn start(mut self, host: &Host, interface: InterfaceId) -> Result<Running, LaunchError> {
        let connected = match self.equipment.take() {
            None => None,
            Some(equipment) => {
                let connected = equipment.connect(host, interface);
                Some(connected.map_err(|error| LaunchError::device(&error))?)
            }
        };
        let (mode, under, supervisor) = self.lead(connected, host)?;
        // While it becomes another program nobody may look at it.
        let home = Home::of(self.channel.pid(), under.is_some());
        self.channel.order(Order::Execute)?;
        if !geteuid().is_root() {
            self.reasons.extend(lost_privileges(&self.program, mode));
        }
        let Self { program, signals, channel, reasons, .. } = self;
        channel.executed(&program)?;
        let child = channel.into_child();
        Ok(Running { child, signals, mode, reasons, home, under, supervisor })
    }

    fn lead(
        &mut self,
        connected: Option<Connected>,
        host: &Host,
    ) -> Result<(Mode, Option<Under>, Option<Supervisor>), LaunchError> {
        let supervisor = match self.intercept {
            Intercept::Tun => None,
            _ => match self.trap(connected.is_none(), host) {
                Ok(supervisor) => Some(supervisor),
                Err(reason) => {
                    self.reasons.push(reason);
                    None
                }
            },
        };
        let Some(connected) = connected else {
            let Some(supervisor) = supervisor else {
                return Err(LaunchError::Impossible { reasons: mem::take(&mut self.reasons) });
            };
            return Ok((Mode::Notify, None, Some(supervisor)));
        };
        let under = connected.start(supervisor.is_none());
        let under = under.map_err(|error| LaunchError::device(&error))?;
        let mode = if supervisor.is_some() { Mode::NotifyOverTun } else { Mode::Tun };
        Ok((mode, Some(under), supervisor))
    }

    /// Has the program's socket calls answered from the host's stack; `alone`, with nothing to
    /// carry datagrams beneath.
    fn trap(&self, alone: bool, host: &Host) -> Result<Supervisor, String> {
        if let Some(reason) = Listening::try_it().refusal() {
            return Err(reason);
        }
        let order = if alone { Order::OtherFilter } else { Order::Filter };
        let listener = self.channel.install(order)?;
        let started = Supervisor::start(listener, host.clone(), alone);
        started.map_err(|error| format!("system calls cannot be answered ({error})"))
    }
}

impl fmt::Debug for Parked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parked").field("program", &self.program).finish_non_exhaustive()
    }
}

/// Reasons as one text.
fn join(reasons: &[String]) -> String {
    reasons.iter().fold(String::new(), |mut text, reason| {
        let _ = write!(text, "\n- {reason}");
        text
    })
}
