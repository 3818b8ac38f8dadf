//! The program's terminal: it is the launcher's, and its keys reach the program as ever.

use crate::common::{skip, texts};
use crate::launched::Launcher;
use crate::network::has;
use std::process::{Command, Stdio};

/// What both tests begin with: the words after the script run in a terminal of their own.
const PRELUDE: &str = r#"
import fcntl, os, pty, select, signal, struct, sys, termios, time
def start():
    child, fd = pty.fork()
    if child == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    return child, fd
seen = ''
def until(text):
    # Reads what comes until the text is there.
    global seen
    end = time.monotonic() + 60
    while text not in seen:
        assert time.monotonic() < end, (text, seen)
        if select.select([fd], [], [], 0.2)[0]:
            try: part = os.read(fd, 4096)
            except OSError: part = b''
            if not part:
                print(seen)
                os._exit(9)
            seen += part.decode()
    seen = seen.split(text, 1)[1]
child, fd = start()
"#;

/// What the program says, with handlers that count.
const COUNTS: &str = r#"
import os, signal, sys, time
heard = {}
def hear(number, _): heard[number] = heard.get(number, 0) + 1
for number in (signal.SIGINT, signal.SIGWINCH, signal.SIGQUIT): signal.signal(number, hear)
print('terminal', os.isatty(0), os.isatty(1), os.isatty(2), os.get_terminal_size().columns, flush=True)
for word in ('INT', 'WINCH', 'QUIT'):
    number = signal.Signals['SIG' + word]
    print('wants', word, flush=True)
    end = time.monotonic() + 60
    while number not in heard and time.monotonic() < end: time.sleep(0.02)
    # A second one would be heard by now.
    time.sleep(0.3)
    print(word, heard.get(number), os.get_terminal_size().columns, flush=True)
print('word', sys.stdin.readline().strip(), flush=True)
print('group', os.tcgetpgrp(0) == os.getpgrp(), flush=True)
"#;

/// Runs a script with the launcher's words and these; whether it could.
fn driven(test: &str, launcher: &Launcher, options: &str, body: &str, words: &[&str]) -> bool {
    let inner = launcher.command(options);
    let mut command = Command::new("timeout");
    command.args(["120", "python3", "-c", &format!("{PRELUDE}{body}")]);
    command.arg(inner.get_program()).args(inner.get_args()).args(words);
    let output = command.stdin(Stdio::null()).current_dir("/").output().unwrap();
    let (out, said) = texts(&output);
    if out.contains("no namespace") {
        skip(test, out.trim());
        return false;
    }
    assert!(output.status.success(), "{options}: {out}{said}");
    true
}

#[test]
fn keys_and_sizes_reach_the_program_once() {
    let test = "keys_and_sizes";
    if !has(test, "python3") {
        return;
    }
    let body = r"
until('terminal True True True ')
until('wants INT'); os.write(fd, b'\x03'); until('INT 1 ')
until('wants WINCH')
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 99, 0, 0))
until('WINCH 1 99')
until('wants QUIT'); os.write(fd, b'\x1c'); until('QUIT 1 ')
os.write(fd, b'typed\n')
until('word typed'); until('group True')
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
";
    for launcher in Launcher::all() {
        for way in ["auto", "tun"] {
            let options = format!("-q --intercept {way}");
            if !driven(test, &launcher, &options, body, &["python3", "-c", COUNTS]) {
                return;
            }
        }
    }
}

#[test]
fn keys_end_a_program_and_a_lost_terminal_does() {
    let test = "keys_end_a_program";
    if !has(test, "python3") {
        return;
    }
    let interrupted = r"
until('ready'); os.write(fd, b'\x03')
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (130, -signal.SIGINT)
";
    // The exit code is nobody's to read; that it ends is what counts.
    let hung_up = "
until('ready'); os.close(fd)
os.waitpid(child, 0)
";
    for launcher in Launcher::all() {
        for body in [interrupted, hung_up] {
            let words = ["sh", "-c", "echo ready; exec sleep 1000"];
            if !driven(test, &launcher, "-q", body, &words) {
                return;
            }
        }
    }
}

#[test]
fn a_shells_jobs_are_stopped_and_continued() {
    let test = "a_shells_jobs";
    if !has(test, "python3") || !has(test, "bash") {
        return;
    }
    // The shell with jobs is outside: it starts the launcher.
    let body = r#"
line = ' '.join("'%s'" % word for word in sys.argv[1:])
os.write(fd, b"PS1='$ '; stty -echo; echo be''gun\n"); until('begun')
os.write(fd, (line + '\n').encode()); until('ready')
os.write(fd, b'\x1a'); until('Stopped')
os.write(fd, b'fg; echo co""de $?\n'); until('sleep')
time.sleep(0.3); os.write(fd, b'\x03'); until('code 130')
os.write(fd, b'exit\n')
os.waitpid(child, 0)
"#;
    let body = PRELUDE.replace(
        "os.execvp(sys.argv[1], sys.argv[1:])",
        "os.execvp('bash', ['bash', '--norc', '-i'])",
    ) + body;
    for launcher in Launcher::all() {
        let inner = launcher.command("-q");
        let mut command = Command::new("timeout");
        command.args(["120", "python3", "-c", &body]);
        command.arg(inner.get_program()).args(inner.get_args());
        command.args(["sh", "-c", "echo ready; exec sleep 1000"]);
        let output = command.stdin(Stdio::null()).current_dir("/").output().unwrap();
        let (out, said) = texts(&output);
        if out.contains("no namespace") {
            return skip(test, out.trim());
        }
        assert!(output.status.success(), "{out}{said}");
    }
}
