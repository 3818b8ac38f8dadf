//! Runs one cell: a case in namespaces of its own (network, processes, mounts), so that it meets
//! nothing of the machine, and nothing that it starts outlives it.

use crate::case::{Case, Column, Impossible, Meeting, Mode, Outcome, Who};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The ordinary user, when the tests are root's: `nobody`.
const NOBODY: u32 = 65534;

/// What the cells share.
pub(crate) struct World {
    /// Everybody may read it: the command, and what was built once.
    shared: TempDir,
    /// Who runs the tests.
    own: (u32, u32),
    root: bool,
}

impl World {
    /// Puts the command where everybody can run it.
    pub(crate) fn new() -> Self {
        let shared = TempDir::with_prefix("danja-programs-").unwrap();
        open(shared.path());
        let danja = shared.path().join("danja");
        fs::copy(env!("CARGO_BIN_EXE_danja"), danja).unwrap();
        let me = fs::metadata("/proc/self").unwrap();
        let own = (me.uid(), me.gid());
        Self { shared, own, root: own.0 == 0 }
    }

    /// The folder of what is built once.
    pub(crate) fn shared(&self) -> &Path {
        self.shared.path()
    }

    /// The columns that can be run here: root's are root's alone.
    pub(crate) fn columns(&self) -> Vec<Column> {
        let mut columns = Column::all();
        columns.retain(|column| self.root || column.who == Who::User);
        columns
    }

    /// The user and the group that `who` is.
    fn ids(&self, who: Who) -> (u32, u32) {
        match (self.root, who) {
            (true, Who::User) => (NOBODY, NOBODY),
            _ => self.own,
        }
    }

    /// Why no cell can be run on this machine, if so.
    pub(crate) fn refused(&self) -> Option<String> {
        let mut command = self.unshare();
        command.args(["sh", "-c", "ip link set lo up"]);
        let output = command.output().map_err(|error| error.to_string());
        match output {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Some(format!("unshare (util-linux): {error}")),
        }
    }

    /// Namespaces, and whoever runs this their root.
    fn unshare(&self) -> Command {
        let mut command = Command::new("unshare");
        if !self.root {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
        command.stdin(Stdio::null()).current_dir("/");
        command
    }

    /// Runs `case` in `column`, all its meetings.
    pub(crate) fn cell(&self, case: &Case, column: Column) -> Outcome {
        let reason = case.impossible.iter().find(|(place, _)| place.has(column));
        let mut failures = Vec::new();
        for &meeting in case.meetings {
            let folder = TempDir::with_prefix_in("cell-", self.shared()).unwrap();
            let begun = Instant::now();
            let failed = self.meet(case, column, meeting, folder.path(), reason.is_some()).err();
            log(case, column, meeting, begun.elapsed(), failed.as_deref(), folder.path());
            if let Some(doing) = failed {
                failures.push((meeting, doing));
                if std::env::var_os("DANJA_KEEP").is_some() {
                    let _ = folder.keep();
                }
            }
        }
        let outcome = if failures.is_empty() { Outcome::Pass } else { Outcome::Fail(failures) };
        judge(outcome, reason.map(|(_, why)| *why))
    }

    /// Runs `case` once; an error is what was being done.
    fn meet(
        &self,
        case: &Case,
        column: Column,
        meeting: Meeting,
        folder: &Path,
        hopeless: bool,
    ) -> Result<(), String> {
        let (uid, gid) = self.ids(column.who);
        self.write_scripts(case, folder).map_err(|error| error.to_string())?;
        if self.root {
            chown(folder, Some(uid), Some(gid)).map_err(|error| error.to_string())?;
        }
        let mut command = self.unshare();
        // A server that ends its process group ends no more than what is in here.
        command.args(["setsid", "bash", "world.sh"]).current_dir(folder).process_group(0);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("T", folder).env("SHARED", self.shared()).env("PORTS", case.ports);
        command.env("DANJA", self.shared().join("danja"));
        command.env("MODE", column.mode.to_string()).env("WHO", column.who.to_string());
        command.env("MEETING", meeting.to_string());
        command.env("OWN_UID", uid.to_string()).env("OWN_GID", gid.to_string());
        command.env("BELOW", if self.root { "no" } else { "yes" });
        let log = File::create(folder.join("world.log")).map_err(|error| error.to_string())?;
        command.stdout(log.try_clone().map_err(|error| error.to_string())?).stderr(log);
        // What cannot work may do so by waiting in vain: not for long.
        let seconds = if hopeless { case.seconds.min(20) } else { case.seconds };
        let status = finish(command, Duration::from_secs(seconds))?;
        let doing = fs::read_to_string(folder.join("step")).unwrap_or_default();
        let doing = match doing.trim() {
            "" if column.mode == Mode::Kernel => "start",
            "" => "danja run",
            doing => doing,
        };
        match status {
            Some(status) if status.success() => Ok(()),
            Some(_) => Err(doing.to_owned()),
            None => Err(format!("no end to: {doing}")),
        }
    }

    /// The scripts of a cell, in its folder.
    fn write_scripts(&self, case: &Case, folder: &Path) -> io::Result<()> {
        let prelude = include_str!("prelude.sh");
        let Case { server, client, .. } = case;
        let within = format!(
            "{prelude}\nset -m\n(\n{server}\n) >server.log 2>&1 &\nserver=$!; set +m\n\
             (\n{client}\n)\nkill -- -$server 2>/dev/null || true\n"
        );
        fs::write(folder.join("world.sh"), include_str!("world.sh"))?;
        fs::write(folder.join("server.sh"), format!("{prelude}\n{server}\n"))?;
        fs::write(folder.join("client.sh"), format!("{prelude}\n{client}\n"))?;
        fs::write(folder.join("within.sh"), within)?;
        fs::write(folder.join("step"), "")?;
        fs::set_permissions(folder.join("step"), Permissions::from_mode(0o666))?;
        open(folder);
        Ok(())
    }
}

/// What is tried where it cannot work must not work.
fn judge(outcome: Outcome, reason: Option<Impossible>) -> Outcome {
    match (outcome, reason) {
        (Outcome::Fail(_), Some(reason)) => Outcome::Impossible(reason),
        (outcome, _) => outcome,
    }
}

/// Everybody may look into `folder`.
fn open(folder: &Path) {
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
}

/// The exit status, or none if `command` had to be ended. (Its process namespace ends with it.)
fn finish(mut command: Command, patience: Duration) -> Result<Option<ExitStatus>, String> {
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(Some(status)),
            Ok(None) if begun.elapsed() < patience => thread::sleep(Duration::from_millis(20)),
            other => {
                let _ = child.kill();
                let _ = child.wait();
                return other.map(|_| None).map_err(|error| error.to_string());
            }
        }
    }
}

/// One line a run, and the ends of the logs of one that failed, for whoever looks (`DANJA_TELL`).
fn log(
    case: &Case,
    column: Column,
    meeting: Meeting,
    took: Duration,
    failed: Option<&str>,
    folder: &Path,
) {
    if std::env::var_os("DANJA_TELL").is_none() {
        return;
    }
    use std::io::Write;
    let mut text = format!("{:5.1} s  {} | {column} | {meeting}", took.as_secs_f64(), case.name);
    if let Some(doing) = failed {
        text.push_str(&format!(" | FAIL: {doing}\n"));
        for name in ["world.log", "within.log", "server.log", "client.log"] {
            let Ok(said) = fs::read(folder.join(name)) else { continue };
            let said = String::from_utf8_lossy(&said).into_owned();
            let lines: Vec<&str> = said.lines().collect();
            for line in &lines[lines.len().saturating_sub(12)..] {
                text.push_str(&format!("    {name}: {line}\n"));
            }
        }
    } else {
        text.push_str(" | pass\n");
    }
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Where a program lies, as the cells look for it.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    folders.iter().map(|folder| Path::new(folder).join(program)).find(|path| path.exists())
}
