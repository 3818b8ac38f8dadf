//! What a launcher leaves as it is: exit codes, environment, descriptors, signals, and the
//! program itself when the launcher dies.

use crate::common::texts;
use crate::launched::{Launcher, wait};
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn exit_codes_are_the_programs() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let file = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let text = file("text", "hello", 0o644);
    let script = file("script", "exit $1", 0o755);
    let orphan = file("orphan", "#!/no/such/interpreter\n", 0o755);
    for launcher in Launcher::all() {
        for (line, code) in
            [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -TERM $$", 143)]
        {
            let Some(output) = launcher.shell("exit_codes", "", line) else { return };
            assert_eq!(output.status.code(), Some(code), "{line}: {}", texts(&output).1);
        }
        for (program, code, why) in [
            (vec!["no-such-program-anywhere"], 127, "no such program"),
            (vec!["/no/such/file"], 127, "no such program"),
            (vec![text.as_str()], 126, "not executable"),
            (vec!["/etc"], 126, "a folder"),
            // Without a first line that says whose script it is, it is the shell's.
            (vec![script.as_str(), "9"], 9, ""),
            (vec![orphan.as_str()], 127, "#! line"),
        ] {
            let Some(output) = launcher.run("exit_codes", "", &program) else { return };
            let said = texts(&output).1;
            assert_eq!(output.status.code(), Some(code), "{program:?}: {said}");
            assert!(said.contains("danja: ") && said.contains(why), "{program:?}: {said}");
        }
    }
    // Whether there is such a program is not to be seen.
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o600)).unwrap();
    let ordinary = Launcher::ordinary();
    let Some(output) = ordinary.run("exit_codes", "", [closed.join("program")]) else { return };
    assert_eq!(output.status.code(), Some(126));
    assert!(texts(&output).1.contains("Permission denied"), "{}", texts(&output).1);
}

/// As in a container, whose shell has no leader of its session that it could see.
#[test]
fn the_sessions_leader_may_be_out_of_sight() {
    let test = "the_sessions_leader_may_be_out_of_sight";
    let launcher = Launcher::own();
    // Where no program can be run at all, that has been said.
    if launcher.run(test, "", ["true"]).is_none() {
        return;
    }
    let inner = launcher.command("-q");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--"]);
    command.arg(inner.get_program()).args(inner.get_args()).args(["sh", "-c", "exit 7"]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", texts(&output).1);
}

#[test]
fn the_environment_directory_and_streams_are_the_launchers() {
    for launcher in Launcher::all() {
        let mut command = launcher.command("-q");
        command.env_clear().env("PATH", "/usr/bin:/bin").env("ONE", "1 2").env("EMPTY", "");
        command.current_dir("/usr").args(["sh", "-c", "pwd; env -0; cat"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"from outside").unwrap();
        let output = child.wait_with_output().unwrap();
        let (out, said) = texts(&output);
        if said.contains("no namespace") {
            return crate::common::skip("the_environment", said.trim());
        }
        let (directory, rest) = out.split_once('\n').unwrap();
        assert_eq!(directory, "/usr");
        assert!(rest.ends_with("from outside"), "{out}");
        let rest = rest.trim_end_matches("from outside");
        // The shell's own are PWD and such.
        let mut variables: Vec<_> = rest
            .split_terminator('\0')
            .filter(|it| !["PWD=", "_=", "SHLVL=", "OLDPWD="].iter().any(|own| it.starts_with(own)))
            .collect();
        variables.sort_unstable();
        assert_eq!(variables, ["EMPTY=", "ONE=1 2", "PATH=/usr/bin:/bin"]);
        assert_eq!(said, "");
    }
}

#[test]
fn limits_masks_and_ignored_signals_are_the_launchers() {
    let test = "limits_masks_and_ignored_signals";
    let asks = "grep -E '^(Sig(Blk|Ign|Cgt)|Umask|Groups|Uid|Gid)' /proc/self/status; \
                ulimit -a; ulimit -H -n; nice";
    let plain = "ulimit -S -n 200; umask 027";
    for before in ["true", "trap '' PIPE INT USR1", plain, "ulimit -s 4096; trap '' HUP"] {
        for launcher in Launcher::all() {
            let inner = launcher.command("-q");
            // The words of who starts it, up to the launcher's own, are the same.
            let words: Vec<_> = inner.get_args().collect();
            let danja = words.iter().position(|word| word.as_encoded_bytes().ends_with(b"danja"));
            let run = |words: &mut dyn Iterator<Item = &OsStr>| {
                let mut command = Command::new("bash");
                command.args(["-c", &format!("{before}; exec \"$@\""), "bash"]).args(words);
                command.args(["bash", "-c", asks]).stdin(Stdio::null()).current_dir("/");
                texts(&command.output().unwrap())
            };
            let own = inner.get_program();
            let (here, said) = run(&mut std::iter::once(own).chain(words.iter().copied()));
            if said.contains("no namespace") {
                return crate::common::skip(test, said.trim());
            }
            let user = danja.map_or(0, |at| at + 1);
            let mut who = std::iter::once(own).chain(words.iter().copied()).take(user);
            let (there, _) = run(&mut who);
            assert_eq!(here, there, "{before}: {said}");
        }
    }
}

#[test]
fn no_descriptor_of_ours_and_no_internet_socket_reaches_the_program() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for launcher in Launcher::all() {
        for (options, kept) in [("-q", false), ("-q --keep-fds", true)] {
            // A file and a connection, both handed on.
            let open = format!("exec 8</dev/null 9<>/dev/tcp/127.0.0.1/{port}; exec \"$@\"");
            let mut command = Command::new("bash");
            let inner = launcher.command(options);
            command.args(["-c", &open, "bash"]).arg(inner.get_program()).args(inner.get_args());
            command.args(["sh", "-c", "for fd in /proc/$$/fd/*; do echo ${fd##*/}; done"]);
            let Ok(output) = command.stdin(Stdio::null()).output() else {
                return crate::common::skip("descriptors", "there is no bash");
            };
            let (out, said) = texts(&output);
            if said.contains("no namespace") {
                return crate::common::skip("descriptors", said.trim());
            }
            // What the tests' own surroundings handed on is none of ours.
            let plain = Command::new("bash")
                .args(["-c", &open, "bash", "sh", "-c"])
                .arg("for fd in /proc/$$/fd/*; do echo ${fd##*/}; done")
                .stdin(Stdio::null())
                .output()
                .unwrap();
            let mut expected: Vec<_> = texts(&plain).0.lines().map(str::to_owned).collect();
            expected.retain(|number| kept || number != "9");
            assert_eq!(out.lines().collect::<Vec<_>>(), expected, "{said}");
        }
    }
}

#[test]
fn signals_reach_the_program() {
    for launcher in Launcher::all() {
        for (name, code) in [("TERM", 42), ("INT", 43), ("HUP", 44), ("USR1", 45)] {
            let mut command = launcher.command("-q");
            command.args(["sh", "-c"]).arg(
                "trap 'exit 42' TERM; trap 'exit 43' INT; trap 'exit 44' HUP; trap 'exit 45' USR1
                 echo ready; while :; do sleep 0.05; done",
            );
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            if line != "ready\n" {
                let mut said = String::new();
                child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                child.wait().unwrap();
                return crate::common::skip("signals", said.trim());
            }
            let id = child.id().to_string();
            assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
            assert_eq!(wait(&mut child), Some(code), "{name}");
        }
    }
}

#[test]
fn a_launcher_that_dies_takes_no_program_with_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    for (number, launcher) in Launcher::all().into_iter().enumerate() {
        let file = folder.path().join(format!("alive{number}"));
        let line = format!("echo ready; sleep 0.5; echo alive >{}", file.display());
        let mut command = launcher.command("-q");
        command.args(["sh", "-c", &line]).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        if first != "ready\n" {
            child.wait().unwrap();
            return crate::common::skip("a_launcher_that_dies", "it could not start");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while fs::read(&file).unwrap_or_default() != b"alive\n" {
            assert!(Instant::now() < until, "the program has died");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_stopped_program_stops_the_launcher_and_goes_on_with_it() {
    for launcher in Launcher::all() {
        let mut command = launcher.command("-q");
        command.args(["sh", "-c", "echo ready; kill -STOP $$; exit 5"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        if first != "ready\n" {
            child.wait().unwrap();
            return crate::common::skip("a_stopped_program", "it could not start");
        }
        let until = Instant::now() + Duration::from_secs(20);
        let state = |id: u32| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            stat.rsplit(") ").next().and_then(|rest| rest.chars().next())
        };
        while state(child.id()) != Some('T') {
            assert!(Instant::now() < until, "it goes on: {:?}", state(child.id()));
            thread::sleep(Duration::from_millis(10));
        }
        let id = child.id().to_string();
        assert!(Command::new("kill").args(["-CONT", &id]).status().unwrap().success());
        assert_eq!(wait(&mut child), Some(5));
    }
}

#[test]
fn file_capabilities_that_are_lost_are_named() {
    let test = "file_capabilities";
    let launcher = Launcher::ordinary();
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("program");
    fs::copy("/bin/cat", &program).unwrap();
    let shown = program.to_str().unwrap();
    for (capability, way, named) in [
        ("cap_net_raw+ep", "notify", "runs without them"),
        ("cap_net_raw+ep", "tun", ""),
        ("cap_sys_time+ep", "tun", "which hold in its own namespaces only"),
    ] {
        let set = Command::new("setcap").args([capability, shown]).output();
        if !set.is_ok_and(|output| output.status.success()) {
            return crate::common::skip(test, "setcap is missing or refused");
        }
        let options = format!("--intercept {way}");
        let line = [shown, "/proc/self/status"];
        let Some(output) = launcher.run(test, &options, line) else { return };
        let (out, said) = texts(&output);
        let lost = out.contains("CapEff:\t0000000000000000");
        assert_eq!(lost, way == "notify", "{out}");
        let told = said.contains(&format!("{shown} has file capabilities"));
        assert!(told != named.is_empty() && said.contains(named), "{way}: {said}");
    }
}
