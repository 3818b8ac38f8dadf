//! What a case is, and the words of the table. Runs nothing.

use std::fmt;

/// A program in use: a row of the table.
pub(crate) struct Case {
    /// The row's name.
    pub(crate) name: &'static str,
    /// What is done with it, and looked at.
    pub(crate) does: &'static str,
    /// The programs it needs, as found in the system's folders.
    pub(crate) needs: &'static [&'static str],
    /// Where the two ends are, each tried.
    pub(crate) meetings: &'static [Meeting],
    /// The server, as a script for bash; ends with the cell.
    pub(crate) server: &'static str,
    /// The client, as a script for bash; says by its exit code whether all was right.
    pub(crate) client: &'static str,
    /// Ports that the client uses, published where it is on the machine: `8080` or `53/udp`.
    pub(crate) ports: &'static str,
    /// Seconds after which it has failed, on a busy machine.
    pub(crate) seconds: u64,
    /// Where it cannot work, and why. (It is tried all the same, and must not.)
    pub(crate) impossible: &'static [(Where, Impossible)],
}

impl Case {
    /// A case to change.
    pub(crate) const BASE: Self = Self {
        name: "",
        does: "",
        needs: &[],
        meetings: &[Meeting::Within],
        server: "",
        client: "",
        ports: "",
        seconds: 60,
        impossible: &[],
    };
}

/// Where client and server are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Meeting {
    /// Both are launched, together.
    Within,
    /// The client is launched, the server is on the machine.
    Out,
    /// The server is launched, its ports are published, the client is on the machine.
    In,
}

impl Meeting {
    /// All of them.
    pub(crate) const ANYWHERE: &[Self] = &[Self::Within, Self::Out, Self::In];
    /// For rows whose client alone is of interest.
    pub(crate) const FROM: &[Self] = &[Self::Within, Self::Out];
    /// For rows whose server alone is.
    pub(crate) const SERVED: &[Self] = &[Self::Within, Self::In];
}

impl fmt::Display for Meeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Within => "within",
            Self::Out => "out",
            Self::In => "in",
        })
    }
}

/// Cells that a reason applies to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Where {
    /// `--intercept notify`, whoever runs it.
    Notify,
}

impl Where {
    /// Whether `column` is among them.
    pub(crate) fn has(self, column: Column) -> bool {
        match self {
            Self::Notify => column.mode == Mode::Notify,
        }
    }
}

/// Why something cannot work: the list fixed in docs/programs.md.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Impossible {
    /// Raw sockets, ping sockets and netlink are the namespace's kernel's, which `notify` has none
    /// of.
    NeedsTun,
}

impl Impossible {
    /// All, with what docs/programs.md says of each.
    pub(crate) const ALL: [(Self, &'static str); 1] = [(
        Self::NeedsTun,
        "raw sockets, ICMP sockets and what netlink tells of interfaces belong to the kernel of a \
         namespace, and `notify` has none",
    )];
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeedsTun => "needs tun",
        })
    }
}

/// Whose stack a cell runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Kernel,
    Auto,
    Notify,
    Tun,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kernel => "kernel",
            Self::Auto => "auto",
            Self::Notify => "notify",
            Self::Tun => "tun",
        })
    }
}

/// Who runs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    Root,
    User,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Root { "root" } else { "user" })
    }
}

/// A column of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Column {
    pub(crate) mode: Mode,
    pub(crate) who: Who,
}

impl Column {
    /// All, in the table's order.
    pub(crate) fn all() -> Vec<Self> {
        let modes = [Mode::Kernel, Mode::Auto, Mode::Notify, Mode::Tun];
        let both = [Who::Root, Who::User];
        modes.into_iter().flat_map(|mode| both.map(|who| Self { mode, who })).collect()
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.mode, self.who)
    }
}

/// What became of a cell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    Pass,
    /// Where the two ends were, and what was being done.
    Fail(Vec<(Meeting, String)>),
    Impossible(Impossible),
}

impl Outcome {
    /// What the table compares: without what was being done.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Fail(failures) => {
                let meetings: Vec<String> =
                    failures.iter().map(|(meeting, _)| meeting.to_string()).collect();
                format!("fail {}", meetings.join(", "))
            }
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pass => f.write_str("pass"),
            Self::Fail(failures) => {
                let failures: Vec<String> = failures
                    .iter()
                    .map(|(meeting, doing)| format!("{meeting} ({doing})"))
                    .collect();
                write!(f, "fail {}", failures.join(", "))
            }
            Self::Impossible(reason) => write!(f, "impossible: {reason}"),
        }
    }
}
