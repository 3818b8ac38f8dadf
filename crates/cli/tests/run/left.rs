//! Processes that outlive the program they came from: those with sockets keep their network, and
//! nobody waits for others.

use crate::common::texts;
use crate::launched::Launcher;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const WAYS: [&str; 3] = ["auto", "notify", "tun"];

#[test]
fn a_server_that_goes_into_the_background_keeps_its_network() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    for (number, launcher) in Launcher::all().into_iter().enumerate() {
        for way in WAYS {
            // It has no socket yet when the program ends, as sshd has none, and a session of its
            // own.
            let page = folder.path().join(format!("page-{number}-{way}"));
            let line = format!(
                "setsid sh -c 'sleep 0.5; exec curl -sS http://10.0.2.2/' >{} 2>&1 & exit 3",
                page.display()
            );
            let options = format!("--intercept {way}");
            let test = "a_server_that_goes_into_the_background";
            let Some(output) = launcher.shell(test, &options, &line) else { return };
            let said = texts(&output).1;
            assert_eq!(output.status.code(), Some(3), "{way}: {said}");
            let page = fs::read_to_string(page).unwrap();
            assert!(page.starts_with("Danja: a protocol stack at work"), "{way}: {page}{said}");
        }
    }
}

#[test]
fn nobody_waits_for_processes_without_sockets() {
    for launcher in Launcher::all() {
        for way in WAYS {
            let options = format!("-q --intercept {way}");
            let line = "sleep 30 </dev/null >/dev/null 2>&1 & exit 0";
            let begun = Instant::now();
            let test = "nobody_waits_for_processes_without_sockets";
            let Some(output) = launcher.shell(test, &options, line) else { return };
            assert_eq!(output.status.code(), Some(0), "{way}: {}", texts(&output).1);
            assert!(begun.elapsed() < Duration::from_secs(15), "{way}: {:?}", begun.elapsed());
        }
    }
}

#[test]
fn who_is_waited_for_is_told_to_end_as_the_launcher_is() {
    let server = "import socket, time
print('serves', flush=True)
server = socket.create_server(('0.0.0.0', 80))
time.sleep(60)";
    for launcher in Launcher::all() {
        for way in WAYS {
            let mut command = launcher.command(&format!("--intercept {way}"));
            command.args(["sh", "-c", "setsid python3 -c \"$0\" & exit 4", server]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            let mut said = String::new();
            // Until it is told that somebody is waited for.
            for line in BufReader::new(child.stderr.take().unwrap()).lines() {
                said += &line.unwrap();
                if said.contains("no namespace") {
                    let _ = child.kill();
                    child.wait().unwrap();
                    return crate::common::skip("who_is_waited_for", &said);
                }
                if said.contains("still uses its network") {
                    break;
                }
            }
            assert!(said.contains("sh has ended, and 1 process that it started"), "{way}: {said}");
            let begun = Instant::now();
            let id = child.id().to_string();
            assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
            // Its end of the pipe is the server's too, which is over with it.
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(4), "{way}");
            assert_eq!(texts(&output).0, "serves\n", "{way}");
            assert!(begun.elapsed() < Duration::from_secs(30), "{way}: {:?}", begun.elapsed());
        }
    }
}
