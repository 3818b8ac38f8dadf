//! Debuggers and tracers, of the program and of the launcher with it.

use crate::common::texts;
use crate::launched::Launcher;
use crate::network::has;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

/// What talks to itself by TCP, and says that it went well.
const TALKS: &str = "
import socket
at = socket.create_server(('127.0.0.1', 0))
one = socket.create_connection(at.getsockname())
two, name = at.accept()
assert name == one.getsockname()
one.sendall(b'traced')
print(two.recv(100).decode())
";

#[test]
fn a_program_may_be_traced() {
    let test = "a_program_may_be_traced";
    if !has(test, "strace") || !has(test, "python3") {
        return;
    }
    for launcher in Launcher::all() {
        for way in ["auto", "notify", "tun"] {
            let options = format!("-q --intercept {way}");
            let words = ["strace", "-f", "-e", "trace=accept,accept4,connect"];
            let words = words.into_iter().chain(["python3", "-c", TALKS]);
            let Some(output) = launcher.run(test, &options, words) else { continue };
            let (out, said) = texts(&output);
            assert_eq!(out, "traced\n", "{way}: {said}");
            assert!(said.contains("connect(") && said.contains("accept4("), "{way}: {said}");
        }
    }
}

#[test]
fn the_launcher_may_be_traced_with_its_program() {
    let test = "the_launcher_may_be_traced";
    if !has(test, "strace") || !has(test, "python3") {
        return;
    }
    for launcher in Launcher::all() {
        for way in ["auto", "notify", "tun"] {
            let inner = launcher.command(&format!("-q --intercept {way}"));
            let mut command = Command::new("timeout");
            command.args(["60", "strace", "-f", "-o", "/dev/null"]);
            command.arg(inner.get_program()).args(inner.get_args());
            command.args(["python3", "-c", TALKS]).stdin(Stdio::null()).current_dir("/");
            let output = command.output().unwrap();
            let (out, said) = texts(&output);
            if said.contains("no namespace") {
                crate::common::skip(test, said.trim());
                continue;
            }
            assert_eq!(out, "traced\n", "{way}: {said}");
        }
    }
}

#[test]
fn a_program_may_be_debugged() {
    let test = "a_program_may_be_debugged";
    if !has(test, "gdb") || !has(test, "python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    // gdb passes no line breaks on.
    let script = folder.path().join("talks.py");
    fs::write(&script, TALKS).unwrap();
    for launcher in Launcher::all() {
        for way in ["auto", "notify", "tun"] {
            let options = format!("-q --intercept {way}");
            let words = ["gdb", "-q", "-nx", "-batch", "-ex", "set startup-with-shell off"];
            // It stops in the call, and is let go.
            let stops = ["-ex", "catch syscall connect", "-ex", "run", "-ex", "continue"];
            // However many more there are: a libc may ask a name service's cache, too.
            let goes = ["-ex", "delete", "-ex", "continue"];
            // gdb takes no script for a program; python3 may be one.
            let program = ["--args", "/usr/bin/env", "python3"];
            let words = words.into_iter().chain(stops).chain(goes).chain(program);
            let words = words.chain([script.to_str().unwrap()]);
            let Some(output) = launcher.run(test, &options, words) else { continue };
            let (out, said) = texts(&output);
            assert!(out.contains("call to syscall connect"), "{way}: {out}{said}");
            assert!(out.contains("returned from syscall connect"), "{way}: {out}{said}");
            assert!(out.contains("\ntraced\n"), "{way}: {out}{said}");
            assert!(out.contains("exited normally"), "{way}: {out}{said}");
        }
    }
}
