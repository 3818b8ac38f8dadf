//! Programs that a launcher may not be able to serve, or has to say something about: setuid ones,
//! rings, calls of other sizes, launchers in launchers, sockets that a service manager gives.

use crate::common::{skip, texts};
use crate::launched::{Launcher, wait};
use crate::network::has;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The ways that trap calls, and the one that does not.
const WAYS: [&str; 3] = ["auto", "notify", "tun"];

#[test]
fn a_setuid_program_is_named_and_runs_without_its_privilege() {
    let test = "a_setuid_program";
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let path = folder.path().join("id");
    fs::copy("/usr/bin/id", &path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o4755)).unwrap();
    let name = path.to_str().unwrap();
    let [own, ordinary] = Launcher::all();
    let user = ordinary.run(test, "-q", ["id", "-u"]);
    for way in WAYS {
        let options = format!("--intercept {way}");
        let Some(output) = ordinary.run(test, &options, [name, "-u"]) else { continue };
        let (out, said) = texts(&output);
        let expected = format!("{name} is setuid, and runs without that privilege");
        assert!(said.contains(&expected), "{way}: {said}");
        assert_eq!(Some(out), user.as_ref().map(|output| texts(output).0), "{way}");
    }
    // Who has all privileges loses none.
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout.trim_ascii() == b"0";
    if let Some(output) = own.run(test, "", [name, "-u"]).filter(|_| is_root) {
        assert!(!texts(&output).1.contains("setuid"), "{}", texts(&output).1);
    }
}

/// A Python program that makes a call by its number: what it says on the kernel.
fn by_number(script: &str) -> Option<String> {
    let output = Command::new("python3").args(["-c", script]).output().ok()?;
    output.status.success().then(|| texts(&output).0)
}

#[test]
fn rings_are_refused_where_calls_are_trapped() {
    let test = "rings";
    if !has(test, "python3") {
        return;
    }
    // io_uring_setup of 4 entries; parameters are 120 bytes.
    let script = "
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
print('made' if libc.syscall(425, 4, bytes(120)) >= 0 else errno.errorcode[ctypes.get_errno()])";
    let kernel = by_number(script);
    for launcher in Launcher::all() {
        for way in WAYS {
            let options = format!("-q --intercept {way}");
            let Some(output) = launcher.run(test, &options, ["python3", "-c", script]) else {
                continue;
            };
            let (out, said) = texts(&output);
            if way == "tun" {
                assert_eq!(Some(out), kernel, "{said}");
            } else {
                assert_eq!(out, "ENOSYS\n", "{way}: {said}");
            }
        }
    }
}

#[test]
fn calls_of_32_bits_are_refused_where_calls_are_trapped() {
    let test = "calls_of_32_bits";
    if !cfg!(target_arch = "x86_64") || !has(test, "python3") {
        return;
    }
    // socket(AF_INET, SOCK_STREAM, 0) by its number of 1999, by `int 0x80`, and by socketcall.
    let script = "
import ctypes, errno, mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
def call(number, first, second):
    code = b'\\x53\\xb8' + number.to_bytes(4, 'little') + b'\\xbb' + first.to_bytes(4, 'little')
    page.seek(0)
    page.write(code + b'\\xb9' + second.to_bytes(4, 'little') + b'\\x31\\xd2\\xcd\\x80\\x5b\\xc3')
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
for number, first, second in ((359, 2, 1), (102, 1, 0), (362, 0, 0), (20, 0, 0)):
    got = call(number, first, second)
    print('done' if got >= 0 else errno.errorcode[-got])";
    let Some(kernel) = by_number(script) else {
        return skip(test, "the kernel has no calls of 32 bits");
    };
    for launcher in Launcher::all() {
        for way in WAYS {
            let options = format!("-q --intercept {way}");
            let Some(output) = launcher.run(test, &options, ["python3", "-c", script]) else {
                continue;
            };
            let (out, said) = texts(&output);
            if way == "tun" {
                assert_eq!(out, kernel, "{said}");
            } else {
                // The last, getpid, is nobody's business.
                assert_eq!(out, "ENOSYS\nENOSYS\nENOSYS\ndone\n", "{way}: {said}");
            }
        }
    }
}

#[test]
fn a_launcher_in_a_launcher_finds_another_way_and_says_why() {
    let test = "a_launcher_in_a_launcher";
    if !has(test, "curl") {
        return;
    }
    for launcher in Launcher::all() {
        let inner = launcher.command("");
        let danja = inner.get_args().map(|word| word.to_str().unwrap().to_owned());
        let mut words: Vec<String> = vec![inner.get_program().to_str().unwrap().to_owned()];
        words.extend(danja);
        // Who is somebody else already cannot become so again.
        let at = words.iter().position(|word| word.ends_with("danja")).unwrap();
        words.drain(..at);
        words.extend(["curl", "-sS", "--max-time", "20", "http://danja/"].map(str::to_owned));
        let Some(output) = launcher.run(test, "-q", &words) else { return };
        let (page, said) = texts(&output);
        assert!(page.starts_with("Danja: a protocol stack at work"), "{page}{said}");
        assert!(said.contains("(way: tun)"), "{said}");
    }
}

/// What a service manager does: a listener as descriptor 3, and a program that takes it.
const TAKES: &str = "
import os, socket
assert os.environ['LISTEN_FDS'] == '1'
at = socket.socket(fileno=3)
assert at.family == socket.AF_INET and at.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
print(at.getsockname()[1], flush=True)
one, name = at.accept()
assert name[0] == '127.0.0.1' and one.getpeername() == name
one.sendall(one.recv(100).upper())
one.close()
";

#[test]
fn a_service_managers_socket_works_with_keep_fds() {
    let test = "a_service_managers_socket";
    if !has(test, "python3") || !has(test, "bash") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Binds, and becomes the words that follow, with the listener as 3.
    let activate = "
import os, socket, sys
at = socket.create_server(('127.0.0.1', 0))
if at.fileno() != 3:
    os.dup2(at.fileno(), 3)
os.set_inheritable(3, True)
os.environ['LISTEN_FDS'] = '1'
os.execvp(sys.argv[1], sys.argv[1:])";
    let script = folder.path().join("activate.py");
    fs::write(&script, activate).unwrap();
    for launcher in Launcher::all() {
        for way in WAYS {
            let inner = launcher.command(&format!("-q --keep-fds --intercept {way}"));
            let mut command = Command::new("python3");
            command.arg(&script).arg(inner.get_program()).args(inner.get_args());
            command.args(["python3", "-c", TAKES]).stdin(Stdio::null()).current_dir("/");
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            let Ok(port) = line.trim().parse::<u16>() else {
                let mut said = String::new();
                child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                child.wait().unwrap();
                assert!(said.contains("no namespace"), "{way}: {said}");
                skip(test, said.trim());
                continue;
            };
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            stream.write_all(b"activated").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, "ACTIVATED", "{way}");
            assert_eq!(wait(&mut child), Some(0), "{way}");
        }
    }
}

#[test]
fn an_internet_socket_as_standard_input_is_the_programs() {
    // inetd's way: what stands in a standard stream's place was given on purpose.
    let test = "an_internet_socket_as_standard_input";
    if !has(test, "bash") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for launcher in Launcher::all() {
        let inner = launcher.command("-q");
        let mut command = Command::new("bash");
        let open = format!("exec <>/dev/tcp/127.0.0.1/{port} >&0; exec \"$@\"");
        command.args(["-c", &open, "bash"]).arg(inner.get_program()).args(inner.get_args());
        command.args(["sh", "-c", "read word; echo \"$word, too\""]).current_dir("/");
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(b"this\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let code = wait(&mut child);
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        if said.contains("no namespace") {
            return skip(test, said.trim());
        }
        assert_eq!((answer.as_str(), code), ("this, too\n", Some(0)), "{said}");
    }
}

#[test]
fn a_program_is_found_as_execvp_finds_it() {
    let test = "a_program_is_found";
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let make = |path: &Path, text: &str, mode: u32| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    };
    make(&folder.path().join("first/thing"), "not this", 0o644);
    make(&folder.path().join("second/thing"), "#!/bin/sh\necho found $0\n", 0o755);
    for launcher in Launcher::all() {
        let path = format!("{0}/none:{0}/first:{0}/second:/usr/bin:/bin", folder.path().display());
        let mut command = launcher.command("-q");
        command.env("PATH", &path).arg("thing");
        let output = command.output().unwrap();
        let (out, said) = texts(&output);
        if said.contains("no namespace") {
            return skip(test, said.trim());
        }
        assert_eq!(out, format!("found {}/second/thing\n", folder.path().display()), "{said}");
        // An empty part of PATH is the directory one is in.
        let mut command = launcher.command("-q");
        command.env("PATH", ":/usr/bin:/bin").current_dir(folder.path().join("second"));
        let output = command.arg("thing").output().unwrap();
        assert!(texts(&output).0.starts_with("found "), "{:?}", texts(&output));
    }
}

#[test]
fn children_that_outlive_the_program_see_its_network_end() {
    let test = "children_that_outlive";
    if !has(test, "python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    // The child has a connection to the page, and waits for what never comes. It takes no notice
    // of being told to end, so that the launcher gives up waiting for it.
    let script = "
import errno, os, signal, socket, sys, time
def said(call, *arguments):
    try: return repr(call(*arguments))
    except OSError as error: return errno.errorcode.get(error.errno, 'time-out')
sock = socket.create_connection(('10.0.2.2', 80))
program = os.getpid()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    while os.getppid() == program: time.sleep(0.01)
    open(sys.argv[1] + '.alone', 'w').close()
    sock.settimeout(60)
    words = said(sock.recv, 100) if sys.argv[2] != 'tun' else 'none'
    while said(socket.create_connection, ('10.0.2.2', 80), 1) not in ('ENOSYS', 'ENETUNREACH'): pass
    words += ' ' + said(socket.create_connection, ('10.0.2.2', 80), 1)
    with open(sys.argv[1] + '.part', 'w') as file: file.write(words)
    os.rename(sys.argv[1] + '.part', sys.argv[1])
    os._exit(0)
";
    for (number, launcher) in Launcher::all().into_iter().enumerate() {
        for way in WAYS {
            let path = folder.path().join(format!("{number}-{way}"));
            let name = path.to_str().unwrap();
            let mut command = launcher.command(&format!("-q --intercept {way}"));
            command.args(["python3", "-c", script, name, way]);
            // Pipes would be the child's too.
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let alone = folder.path().join(format!("{number}-{way}.alone"));
            while !alone.exists() && child.try_wait().unwrap().is_none() {
                thread::sleep(Duration::from_millis(20));
            }
            let id = child.id().to_string();
            // Once to tell the child, which takes no notice, and once more not to wait for it.
            for _ in 0..2 {
                thread::sleep(Duration::from_secs(2));
                if child.try_wait().unwrap().is_none() {
                    let _ = Command::new("kill").args(["-TERM", &id]).status();
                }
            }
            match wait(&mut child) {
                Some(0) => {}
                Some(125) => {
                    skip(test, "it could not start");
                    continue;
                }
                code => panic!("{way}: {code:?}"),
            }
            let until = Instant::now() + Duration::from_secs(60);
            while !path.exists() {
                assert!(Instant::now() < until, "{way}: the child hangs");
                thread::sleep(Duration::from_millis(20));
            }
            let expected: &[&str] = match way {
                "tun" => &["none ENETUNREACH"],
                _ => &["b'' ENOSYS", "ECONNRESET ENOSYS"],
            };
            let words = fs::read_to_string(&path).unwrap();
            assert!(expected.contains(&words.as_str()), "{way}: {words}");
        }
    }
}

#[test]
fn names_are_not_asked_of_the_machines_own_services() {
    let test = "names_are_not_asked";
    if !has(test, "python3") {
        return;
    }
    // A machine like this one with nscd and systemd-resolved, who would answer.
    let machine = "
import os, socket, sys
kept = []
for path in sys.argv[1].split(','):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    kept.append(socket.socket(socket.AF_UNIX))
    kept[-1].bind(path)
    kept[-1].listen()
if os.fork() == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
os._exit(os.waitstatus_to_exitcode(os.wait()[1]))";
    let asks = "
import errno, socket, sys
for path in sys.argv[1].split(','):
    error = socket.socket(socket.AF_UNIX).connect_ex(path)
    print(errno.errorcode.get(error, error))";
    let paths = "/run/nscd/socket,/run/systemd/resolve/io.systemd.Resolve";
    for way in ["auto", "tun"] {
        let own = Launcher::own().command(&format!("-q --intercept {way}"));
        let script = "mount -t tmpfs none /run && exec \"$@\"";
        let mut command = Command::new("timeout");
        command.args(["60", "unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]);
        command.args(["sh", "python3", "-c", machine, paths]);
        command.arg(own.get_program()).args(own.get_args());
        let output = command.args(["python3", "-c", asks, paths]).output().unwrap();
        let (out, said) = texts(&output);
        if said.contains("no namespace") || said.contains("unshare:") || said.contains("mount:") {
            skip(test, said.trim());
            continue;
        }
        assert_eq!(out, "ECONNREFUSED\nECONNREFUSED\n", "{way}: {said}");
    }
}
