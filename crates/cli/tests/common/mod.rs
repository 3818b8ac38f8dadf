//! What the tests of the command share: running it, a browser's worth of HTTP on the machine's
//! own sockets, and skipping loudly.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod http;
#[path = "../../../../tests/skip.rs"]
mod skip;

pub(crate) use skip::skip;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The command, in a locale of its own so that the caller's does not matter.
pub(crate) fn danja() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_danja"));
    command.env("LC_ALL", "C").env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

/// Runs `danja` with these words to its end.
pub(crate) fn run(words: &str) -> Output {
    danja().args(words.split_whitespace()).output().unwrap()
}

/// Runs `danja` with these words, which must succeed: standard output and standard error.
pub(crate) fn succeed(words: &str) -> (String, String) {
    let output = run(words);
    let (stdout, stderr) = texts(&output);
    assert!(output.status.success(), "danja {words}: {:?}\n{stderr}", output.status);
    (stdout, stderr)
}

/// Runs `danja` with these words, which must end with this code: standard error.
pub(crate) fn fail(words: &str, code: i32) -> String {
    let output = run(words);
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(code), "danja {words}:\n{stdout}\n{stderr}");
    stderr
}

/// Standard output and standard error as text.
pub(crate) fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// The lines that `tshark -r FILE` with these words prints; `None` (and a skip) without tshark.
pub(crate) fn tshark(test: &str, file: &Path, words: &[&str]) -> Option<Vec<String>> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file);
    command.args(["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"]);
    let output = match command.args(words).output() {
        Ok(output) => output,
        Err(error) => {
            skip(test, &format!("tshark: {error}"));
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// A `danja` that runs until this is dropped (or it is interrupted).
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    /// Lines of standard error that were read so far.
    pub(crate) seen: Vec<String>,
}

impl Running {
    /// Starts `danja` with these words.
    pub(crate) fn start(words: &str) -> Self {
        let mut command = danja();
        command.args(words.split_whitespace());
        Self::spawn(command)
    }

    /// Starts this command.
    pub(crate) fn spawn(mut command: Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = child.stderr.take().unwrap();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || pass(stderr, &sender));
        Self { child, lines, seen: Vec::new() }
    }

    /// The same with this folder for the user's sockets; lines of standard output come among those
    /// of standard error.
    pub(crate) fn start_in(words: &str, runtime: &Path) -> Self {
        let mut command = danja();
        command.args(words.split_whitespace()).env("XDG_RUNTIME_DIR", runtime);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let out = sender.clone();
        thread::spawn(move || pass(stdout, &out));
        thread::spawn(move || pass(stderr, &sender));
        Self { child, lines, seen: Vec::new() }
    }

    /// The next line; it must come in time.
    pub(crate) fn next_line(&mut self) -> String {
        let line = self.lines.recv_timeout(Duration::from_secs(30)).unwrap();
        self.seen.push(line.clone());
        line
    }

    /// The lines that come within this time.
    pub(crate) fn lines_of(&self, time: Duration) -> Vec<String> {
        thread::sleep(time);
        self.lines.try_iter().collect()
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of standard error that contains `part`.
    pub(crate) fn line(&mut self, part: &str) -> String {
        if let Some(line) = self.seen.iter().find(|line| line.contains(part)) {
            return line.clone();
        }
        loop {
            match self.lines.recv_timeout(Duration::from_secs(30)) {
                Ok(line) => self.seen.push(line.clone()),
                Err(error) => panic!("no line with '{part}' ({error}): {:#?}", self.seen),
            }
            let line = self.seen.last().unwrap();
            if line.contains(part) {
                return line.clone();
            }
        }
    }

    /// Interrupts it as Ctrl-C does, waits for its end, and gives its exit code.
    pub(crate) fn interrupt(mut self) -> (Option<i32>, Vec<String>) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        let mut seen = std::mem::take(&mut self.seen);
        seen.extend(self.lines.iter());
        (code, seen)
    }
}

/// Passes lines on until nobody wants them.
fn pass(from: impl std::io::Read, to: &mpsc::Sender<String>) {
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        if to.send(line).is_err() {
            return;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
