//! Bad days: what breaks around a program, and that nothing hangs, leaks or is left behind.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::place::{self, Mode};
use crate::skip::skip;

/// The ways in which a supervisor answers.
const SUPERVISED: [Mode; 2] = [Mode::NotifyOverTun, Mode::Notify];

/// A program under `danja run` that stops where it says so.
struct Day {
    /// Its runtime directory, in which no other run is to be found.
    folder: TempDir,
    child: Child,
    input: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl Day {
    /// Starts the case of days.py, after the words (of a shell) before it; `None` where the mode
    /// is not permitted.
    fn start(test: &str, mode: Mode, before: &str, case: &str) -> Option<Self> {
        if let Err(why) = place::permits(mode) {
            skip(&format!("differential::days::{test} ({mode})"), &why);
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut command = place::inside().unwrap();
        command.env("XDG_RUNTIME_DIR", folder.path());
        command.args(["sh", "-c", &format!("{before}exec \"$@\""), "sh"]);
        command.args(place::words(mode)).args(place::python("days"));
        command.args(case.split(' ')).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Some(Self { folder, child, input, lines })
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn go(&mut self) {
        self.input.write_all(b"\n").unwrap();
    }

    /// The supervisor: the shells before it became it.
    fn id(&self) -> u32 {
        self.child.id()
    }

    fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }

    /// What it holds of memory, in KiB.
    fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// How many of the program's sockets `danja ss` shows, but for those that only wait out their
    /// time; `None` if the answer takes it too long, as that of thousands may.
    fn sockets(&self) -> Option<usize> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_danja"));
        command.args(["ss", "--tcp", "--json"]).env("XDG_RUNTIME_DIR", self.folder.path());
        let output = command.stdin(Stdio::null()).output().unwrap();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let sockets = told["hosts"].get(0)?["sockets"].as_array().unwrap();
        Some(sockets.iter().filter(|socket| socket["state"] != "TIME-WAIT").count())
    }

    /// Waits until there is not more of it than before, but says what there is if there always is.
    #[track_caller]
    fn settles(what: &str, mode: Mode, before: usize, now: impl Fn() -> Option<usize>) {
        let end = Instant::now() + Duration::from_secs(90);
        loop {
            let seen = now();
            if seen.is_some_and(|seen| seen <= before) {
                return;
            }
            assert!(Instant::now() < end, "{mode}: {before} {what} before, now {seen:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    fn ends(mut self, mode: Mode) {
        drop(self.input);
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{mode}: {status}");
    }
}

/// Runs a case between whose `before` and `after` nothing may be left behind; the lines between.
#[track_caller]
fn leaves_nothing(test: &str, case: &str, kibibytes: u64) {
    for mode in SUPERVISED {
        leaves_nothing_in(test, mode, "", case, kibibytes);
    }
}

/// The same in one mode, after the words (of a shell) before it.
#[track_caller]
fn leaves_nothing_in(test: &str, mode: Mode, before: &str, case: &str, kibibytes: u64) {
    if let Some(mut day) = Day::start(test, mode, before, case) {
        assert_eq!(day.line(), "before", "{mode}");
        // What the warm-up has left is gone soon.
        std::thread::sleep(Duration::from_millis(600));
        let sockets = std::iter::repeat_with(|| day.sockets()).take(20).flatten().next().unwrap();
        let (descriptors, memory) = (day.descriptors(), day.memory());
        day.go();
        loop {
            let line = day.line();
            if line == "after" {
                break;
            }
            assert!(!line.is_empty(), "{mode}: it came to its end");
            assert!(!line.ends_with("False"), "{mode}: {line}");
        }
        Day::settles("descriptors", mode, descriptors, || Some(day.descriptors()));
        let after = day.memory();
        assert!(after < memory + kibibytes, "{mode}: {memory} KiB before, {after} KiB after");
        // Only now, for to be asked takes memory too.
        Day::settles("sockets", mode, sockets, || day.sockets());
        day.go();
        day.ends(mode);
    }
}

#[test]
fn five_thousand_connections_leave_nothing() {
    leaves_nothing("five_thousand_connections_leave_nothing", "thousands 5000", 16 * 1024);
}

#[test]
fn five_thousand_open_at_once() {
    leaves_nothing("five_thousand_open_at_once", "many_at_once 5000", 64 * 1024);
}

#[test]
fn two_thousand_connections_outside_leave_nothing() {
    let test = "two_thousand_connections_outside_leave_nothing";
    let server = format!("{} & ", place::python("echo").join(" "));
    for mode in Mode::OURS {
        leaves_nothing_in(test, mode, &server, "thousands_outside 2000", 16 * 1024);
    }
}

#[test]
fn closing_while_connecting_leaves_nothing() {
    let test = "closing_while_connecting_leaves_nothing";
    leaves_nothing(test, "closes_while_connecting", 16 * 1024);
}

#[test]
fn being_killed_while_connecting_leaves_nothing() {
    let test = "being_killed_while_connecting_leaves_nothing";
    leaves_nothing(test, "killed_while_connecting", 16 * 1024);
}

#[test]
fn forking_without_end_leaves_nothing() {
    leaves_nothing("forking_without_end_leaves_nothing", "forks_without_end", 16 * 1024);
}

#[test]
fn a_supervisor_that_dies_takes_nothing_along() {
    for mode in SUPERVISED {
        let test = "a_supervisor_that_dies_takes_nothing_along";
        let Some(mut day) = Day::start(test, mode, "", "supervisor_dies") else { continue };
        assert_eq!(day.line(), "ready", "{mode}");
        let kill = Command::new("kill").args(["-KILL", &day.id().to_string()]).status();
        assert!(kill.unwrap().success());
        day.go();
        assert!(["read ''", "read ECONNRESET"].contains(&&*day.line()), "{mode}");
        assert_eq!(day.line(), "accept ENOSYS", "{mode}");
        assert_eq!(day.line(), "connect ENOSYS", "{mode}");
        assert!(day.line().starts_with("poll IN"), "{mode}");
        assert_eq!(day.line(), "socket ENOSYS", "{mode}");
        assert_eq!(day.line(), "file True", "{mode}");
        let _ = day.child.wait();
    }
}

#[test]
fn a_supervisor_without_descriptors_fails_calls_and_recovers() {
    for mode in SUPERVISED {
        let test = "a_supervisor_without_descriptors_fails_calls_and_recovers";
        let few = "ulimit -n 80; ";
        let Some(mut day) = Day::start(test, mode, few, "descriptors_run_out") else { continue };
        let failed = day.line();
        assert!(failed.starts_with("failed E") || failed == "failed timed out", "{mode}: {failed}");
        assert_eq!(day.line(), "again True", "{mode}");
        day.ends(mode);
    }
}
