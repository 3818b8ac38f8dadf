//! `danja completions` and `danja man`: every command and option is in them, and who reads them
//! understands them.

mod common;

use common::{danja, fail, succeed};
use std::io::Write;
use std::process::{Command, Stdio};

/// The commands that `danja --help` lists.
fn listed() -> Vec<String> {
    let (help, _) = succeed("--help");
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = commands.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<_> = names.filter(|name| !name.is_empty()).map(str::to_owned).collect();
    for expected in ["get", "serve", "ping", "resolve", "replay", "completions", "man"] {
        assert!(names.iter().any(|name| name == expected), "{expected}: {help}");
    }
    names
}

/// What bash says to this script. (`.ci/run` is written in it, so it is there.)
fn bash(script: &str) -> String {
    let child = Command::new("bash")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && talk.is_empty(), "{talk}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn completions_name_every_command_and_option() {
    for shell in ["bash", "zsh", "fish"] {
        let (script, talk) = succeed(&format!("completions {shell}"));
        assert_eq!(talk, "");
        for command in listed() {
            assert!(script.contains(&command), "{shell}: {command}");
        }
        for option in ["explain", "pcap", "publish", "loss", "cacert"] {
            assert!(script.contains(option), "{shell}: {option}");
        }
    }
    let talk = fail("completions csh", 2);
    assert!(talk.contains("bash") && talk.contains("fish"), "{talk}");
}

#[test]
fn bash_completes_with_them() {
    let (script, _) = succeed("completions bash");
    let ask =
        "COMP_WORDS=(danja pi); COMP_CWORD=1; _danja danja pi danja; echo \"${COMPREPLY[*]}\"";
    assert_eq!(bash(&format!("{script}\n{ask}\n")), "ping\n");
}

#[test]
fn pages_name_every_command_and_option() {
    let (page, talk) = succeed("man");
    assert_eq!(talk, "");
    assert!(page.contains(".TH danja 1"), "{page}");
    for command in listed() {
        assert!(page.contains(&format!("danja\\-{command}(1)")), "{command}: {page}");
        let (own, _) = succeed(&format!("man {command}"));
        assert!(own.contains(&format!(".TH danja-{command} 1")), "{own}");
        assert!(own.contains(&format!("danja {command}")), "{own}");
        let examples = own.split(".SH EXAMPLES\n.nf\n  danja ").nth(1);
        assert!(
            command == "help" || examples.is_some_and(|text| text.ends_with("\n.fi\n")),
            "{own}"
        );
    }
    let (page, _) = succeed("man get");
    for option in ["explain", "pcap", "loss", "cacert", "verbose"] {
        assert!(page.contains(&format!("\\-\\-{option}")), "{option}: {page}");
    }
    let talk = fail("man fetch", 2);
    assert!(talk.contains("fetch") && talk.contains("get, serve"), "{talk}");
}

/// A reader of standard output that has had enough is no failure.
#[test]
fn a_closed_pipe_is_success() {
    let mut child = danja().args(["completions", "zsh"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
