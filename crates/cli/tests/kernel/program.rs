//! A program that runs while a test looks at it, and is ended by its process id.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a program may take when a test does not say.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

type Heard = Arc<Mutex<Vec<u8>>>;

/// A running program, whose output is gathered.
pub(crate) struct Program {
    name: String,
    child: Child,
    stdout: Heard,
    stderr: Heard,
    readers: Vec<JoinHandle<()>>,
}

/// What a program left.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Finished {
    /// The standard output as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

impl Program {
    /// Starts `command`.
    pub(crate) fn start(mut command: Command) -> Self {
        let name = format!("{command:?}");
        // A group of its own, which ends as a whole: tshark has a child that would outlive it.
        command.process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let (stdout, stderr) = (Heard::default(), Heard::default());
        let mut readers = Vec::new();
        readers.extend(child.stdout.take().map(|pipe| gather(pipe, &stdout)));
        readers.extend(child.stderr.take().map(|pipe| gather(pipe, &stderr)));
        Self { name, child, stdout, stderr, readers }
    }

    /// Runs `command` to its end.
    ///
    /// # Panics
    /// When it does not end within [`PATIENCE`].
    pub(crate) fn run(command: Command) -> Finished {
        Self::start(command).finish(PATIENCE)
    }

    /// Runs `command`, which must succeed, and gives its standard output.
    pub(crate) fn succeed(command: Command) -> Vec<u8> {
        let name = format!("{command:?}");
        let finished = Self::run(command);
        let status = finished.status;
        assert!(status.success(), "{name}: {status}\n{}", finished.stderr);
        finished.stdout
    }

    /// What it said on standard error so far.
    pub(crate) fn said(&self) -> String {
        text(&self.stderr)
    }

    /// Waits until it says `words` on standard error.
    pub(crate) fn wait_for(&mut self, words: &str) {
        self.wait_until(words, Self::said);
    }

    /// Waits until it says `words` on standard output.
    pub(crate) fn wait_for_line(&mut self, words: &str) {
        self.wait_until(words, |program| text(&program.stdout));
    }

    fn wait_until(&mut self, words: &str, heard: fn(&Self) -> String) {
        let end = Instant::now() + PATIENCE;
        while !heard(self).contains(words) {
            let ended = self.child.try_wait().ok().flatten();
            assert!(ended.is_none(), "{}: {ended:?}\n{}", self.name, self.said());
            assert!(Instant::now() < end, "{}: never said {words:?}:\n{}", self.name, self.said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When that takes longer than `patience`; the program is ended then.
    pub(crate) fn finish(mut self, patience: Duration) -> Finished {
        let end = Instant::now() + patience;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            let (name, said) = (&self.name, self.said());
            assert!(Instant::now() < end, "{name}: not done after {patience:?}\n{said}");
            thread::sleep(Duration::from_millis(5));
        };
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        let stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Finished { status, stdout, stderr: text(&self.stderr) }
    }

    /// Asks it to end (SIGTERM: SIGINT is ignored by children of a background job) and waits.
    pub(crate) fn end(self) -> Finished {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        self.finish(Duration::from_secs(20))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        }
        let _ = self.child.wait();
    }
}

fn gather(mut pipe: impl Read + Send + 'static, into: &Heard) -> JoinHandle<()> {
    let into = Arc::clone(into);
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            into.lock().unwrap_or_else(PoisonError::into_inner).extend(&buffer[..count]);
        }
    })
}

fn text(heard: &Heard) -> String {
    String::from_utf8_lossy(&heard.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}
