//! Starting `danja run` in a test: as whoever runs the tests, and as an ordinary user.

use crate::common::skip;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The command, as one who starts it.
pub(crate) struct Launcher {
    as_user: bool,
    path: PathBuf,
    _folder: Option<TempDir>,
}

impl Launcher {
    /// As whoever runs the tests.
    pub(crate) fn own() -> Self {
        Self { as_user: false, path: env!("CARGO_BIN_EXE_danja").into(), _folder: None }
    }

    /// As a user without privileges, with a copy of the command that such a one can read.
    pub(crate) fn ordinary() -> Self {
        let id = Command::new("id").arg("-u").output().unwrap();
        if id.stdout.trim_ascii() != b"0" {
            return Self::own();
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let path = folder.path().join("danja");
        fs::copy(env!("CARGO_BIN_EXE_danja"), &path).unwrap();
        Self { as_user: true, path, _folder: Some(folder) }
    }

    /// All who can be tried.
    pub(crate) fn all() -> [Self; 2] {
        [Self::own(), Self::ordinary()]
    }

    /// `danja run` with these options, to be followed by a program.
    pub(crate) fn command(&self, options: &str) -> Command {
        let mut command = if self.as_user {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
            command.arg(&self.path);
            // Nothing that this user may not look into.
            command.env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
            command
        } else {
            Command::new(&self.path)
        };
        command.arg("run").args(options.split_whitespace()).arg("--");
        command.env("LC_ALL", "C").stdin(Stdio::null()).current_dir("/");
        command
    }

    /// The outcome of a program; `None` (and a skip) where there is no such way on this machine.
    pub(crate) fn run<S: AsRef<OsStr>>(
        &self,
        test: &str,
        options: &str,
        program: impl IntoIterator<Item = S>,
    ) -> Option<Output> {
        let own = self.command(options);
        let mut command = Command::new("timeout");
        command.arg("60").arg(own.get_program()).args(own.get_args()).args(program);
        for (name, value) in own.get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        let output = command.stdin(Stdio::null()).current_dir("/").output().unwrap();
        permitted(test, &output).then_some(output)
    }

    /// As [`Self::run`], of a line for the shell.
    pub(crate) fn shell(&self, test: &str, options: &str, line: &str) -> Option<Output> {
        self.run(test, options, ["sh", "-c", line])
    }
}

/// The exit code of a child, which has a minute.
pub(crate) fn wait(child: &mut Child) -> Option<i32> {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("it does not end");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether danja could start the program; else a skip.
fn permitted(test: &str, output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    let refused = output.status.code() == Some(125) && said.contains("no namespace");
    if refused {
        skip(test, said.trim());
    }
    !refused
}
