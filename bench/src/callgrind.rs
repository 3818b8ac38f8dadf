//! Instructions, counted by valgrind's callgrind: a figure that a busy machine does not change.
//! The program runs itself under the profiler, which collects inside `work_*` only.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::peers::{Danja, Peer, Settings, Side, Smoltcp};
use crate::rows::CHECKSUM_BYTES;
use crate::work::{
    Application, work_bulk, work_checksum_danja, work_checksum_smoltcp, work_cycle, work_deadline,
    work_exchange, work_poll, work_references,
};

/// Instructions of one thing, in both stacks.
#[derive(Clone, Debug)]
pub struct Count {
    /// The row it belongs to.
    pub row: u8,
    /// Of what.
    pub what: &'static str,
    /// Ours.
    pub ours: f64,
    /// smoltcp's.
    pub theirs: f64,
}

/// What is done under the profiler.
struct Task {
    row: u8,
    name: &'static str,
    what: &'static str,
    /// Does it; returns of how many things the instructions are.
    ours: fn() -> u64,
    theirs: fn() -> u64,
}

const TASKS: [Task; 10] = [
    Task {
        row: 1,
        name: "ethernet",
        what: "a segment of a stream, MTU 1500",
        ours: || stream::<Danja>(Settings::ETHERNET),
        theirs: || stream::<Smoltcp>(Settings::ETHERNET),
    },
    Task {
        row: 1,
        name: "cut",
        what: "… cut and joined by our driver",
        ours: || stream::<Danja>(Settings::CUT),
        theirs: || stream::<Smoltcp>(Settings::ETHERNET),
    },
    Task {
        row: 2,
        name: "large",
        what: "a segment of a stream, MTU 65535",
        ours: || stream::<Danja>(Settings::LARGE),
        theirs: || stream::<Smoltcp>(Settings::LARGE),
    },
    Task {
        row: 2,
        name: "references",
        what: "… references only, to its copies",
        ours: references,
        theirs: || stream::<Smoltcp>(Settings::LARGE),
    },
    Task {
        row: 3,
        name: "checksum",
        what: "a checksum of 1460 bytes",
        ours: || checksums(work_checksum_danja),
        theirs: || checksums(work_checksum_smoltcp),
    },
    Task {
        row: 4,
        name: "exchange",
        what: "a 1-byte request and response, 0 idle",
        ours: || exchanges::<Danja>(0),
        theirs: || exchanges::<Smoltcp>(0),
    },
    Task {
        row: 4,
        name: "exchange-beside",
        what: "… 1000 idle",
        ours: || exchanges::<Danja>(1_000),
        theirs: || exchanges::<Smoltcp>(1_000),
    },
    Task {
        row: 5,
        name: "poll",
        what: "an empty poll, 1000 idle",
        ours: || polls::<Danja>(),
        theirs: || polls::<Smoltcp>(),
    },
    Task {
        row: 5,
        name: "deadline",
        what: "the next deadline, 1000 idle",
        ours: || deadlines::<Danja>(),
        theirs: || deadlines::<Smoltcp>(),
    },
    Task {
        row: 6,
        name: "connection",
        what: "a connection opened and closed",
        ours: || cycles::<Danja>(),
        theirs: || cycles::<Smoltcp>(),
    },
];

fn stream<P: Peer>(settings: Settings) -> u64 {
    let mut peer = P::new(settings);
    let sockets = peer.open();
    let before = peer.seen().segments;
    let total = settings.mtu * 1_000;
    work_bulk(&mut peer, sockets, &mut Application::default(), settings.burst, total);
    peer.seen().segments - before
}

fn references() -> u64 {
    let settings = Settings::LARGE;
    let mut peer = Danja::new(settings);
    let [client, server] = peer.open();
    let before = peer.seen().segments;
    let slice = danja_stack::Payload::from(vec![7; crate::work::SLICE]);
    let (from, to) = ((Side::Client, client), (Side::Server, server));
    work_references(&mut peer, from, to, &slice, settings.burst, settings.mtu * 1_000);
    peer.seen().segments - before
}

fn checksums(sum: fn(&[u8], usize) -> u16) -> u64 {
    std::hint::black_box(sum(&[0x5a; CHECKSUM_BYTES], 1_000));
    1_000
}

fn exchanges<P: Peer>(idle: usize) -> u64 {
    let mut peer = P::new(Settings::ETHERNET);
    let sockets = peer.open();
    peer.open_idle(idle);
    work_exchange(&mut peer, sockets, 1_000);
    1_000
}

fn polls<P: Peer>() -> u64 {
    let mut peer = P::new(Settings::ETHERNET);
    peer.open_idle(1_000);
    for _ in 0..50 {
        peer.pass(std::time::Duration::from_millis(100));
        crate::peers::settle(&mut peer);
    }
    work_poll(&mut peer, 100);
    100
}

fn deadlines<P: Peer>() -> u64 {
    let mut peer = P::new(Settings::ETHERNET);
    peer.open_idle(1_000);
    work_deadline(&mut peer, 100);
    100
}

fn cycles<P: Peer>() -> u64 {
    let mut peer = P::new(Settings::ETHERNET);
    work_cycle(&mut peer, 1_000);
    1_000
}

/// Under the profiler: does the task that `name` names, such as `poll/danja`.
///
/// # Errors
/// There is no such task.
pub fn under_the_profiler(name: &str) -> Result<u64, Box<dyn Error>> {
    let (task, stack) = name.split_once('/').ok_or("a task and a stack")?;
    let task = TASKS.iter().find(|it| it.name == task).ok_or("no such task")?;
    Ok(if stack == Smoltcp::NAME { (task.theirs)() } else { (task.ours)() })
}

/// Counts the tasks of these rows. The profiles are kept in `folder`, if there is one, for
/// `callgrind_annotate`.
///
/// # Errors
/// valgrind is missing or fails.
pub fn count(rows: &[u8], folder: Option<&Path>) -> Result<Vec<Count>, Box<dyn Error>> {
    let tasks = TASKS.iter().filter(|task| rows.contains(&task.row));
    tasks
        .map(|task| {
            let ours = profile(task.name, Danja::NAME, folder)?;
            let theirs = profile(task.name, Smoltcp::NAME, folder)?;
            Ok(Count { row: task.row, what: task.what, ours, theirs })
        })
        .collect()
}

/// Instructions of one thing of a task.
fn profile(task: &str, stack: &str, folder: Option<&Path>) -> Result<f64, Box<dyn Error>> {
    let name = format!("callgrind.{task}.{stack}");
    let temporary = || env::temp_dir().join(format!("danja-{}-{name}", std::process::id()));
    let file: PathBuf = folder.map_or_else(temporary, |folder| folder.join(&name));
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--toggle-collect=*::work_*", "--dump-instr=no"]);
    command.arg(format!("--callgrind-out-file={}", file.display()));
    command.arg(env::current_exe()?).arg("--under-callgrind").arg(format!("{task}/{stack}"));
    let output = command.output().map_err(|error| format!("valgrind: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    let things: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    let profile = fs::read_to_string(&file)?;
    if folder.is_none() {
        fs::remove_file(&file)?;
    }
    let line = profile.lines().find_map(|line| line.strip_prefix("totals:"));
    let total: f64 = line.ok_or("callgrind gave no totals")?.trim().parse()?;
    Ok(total / things)
}
