//! The command `packetdrill` as a person meets it: output, exit codes, and that it executes nothing.

use std::path::PathBuf;
use std::process::{Command, Output};

/// A folder of this test's own, with these scripts in it.
fn folder(name: &str, scripts: &[(&str, &str)]) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for the scripts");
    for (file, text) in scripts {
        std::fs::write(folder.join(file), text).expect("a script");
    }
    folder
}

fn packetdrill(arguments: &[&str], folder: &PathBuf) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packetdrill"));
    command.args(arguments).current_dir(folder).output().expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const GOOD: &str = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 bind(3, ..., ...) = 0
+.1 < . 17:17(0) ack 34 win 100
+0 > R 34:34(0) win 0
";

#[test]
fn a_line_a_script_and_the_sum() {
    let wrong = GOOD.replace("R 34:34(0)", "R 35:35(0)");
    let other = GOOD.replace("bind(3, ..., ...) = 0", "epoll_create(1) = 4");
    let folder = folder(
        "lines",
        &[("a.pkt", GOOD), ("b.pkt", &wrong), ("c.pkt", &other), ("d.txt", "no script")],
    );
    let output = packetdrill(&["."], &folder);
    let expected = "PASS ./a.pkt
FAIL ./b.pkt:4: the packet differs: seq
  expected  +0 > R 35:35(0) win 0
  got       0.100000 > R 34:34(0) win 0
SKIP ./c.pkt:2: the call epoll_create is not simulated
1 passed, 1 failed, 1 skipped
";
    assert_eq!(text(&output.stdout), expected);
    assert_eq!(output.status.code(), Some(1));
    let output = packetdrill(&["--quiet", "a.pkt", "c.pkt"], &folder);
    assert_eq!(
        (text(&output.stdout).as_str(), output.status.code()),
        ("1 passed, 0 failed, 1 skipped\n", Some(0))
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    let folder =
        folder("errors", &[("bad.pkt", "0 close(3) = 0\n+0 > Q 1:1(0)\n"), ("list", "x.pkt\n")]);
    let output = packetdrill(&["bad.pkt"], &folder);
    assert!(text(&output.stdout).starts_with("FAIL bad.pkt:2:6: TCP flags"), "{output:?}");
    assert_eq!(output.status.code(), Some(1));
    for arguments in [
        &["none.pkt"][..],
        &["--personality", "plan9", "bad.pkt"],
        &[],
        &["--manifest", "list", "bad.pkt"],
    ] {
        let output = packetdrill(arguments, &folder);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(!output.stderr.is_empty() && output.stdout.is_empty(), "{output:?}");
    }
    assert!(text(&packetdrill(&["none.pkt"], &folder).stderr).contains("none.pkt"));
    let output = packetdrill(&["--check", "bad.pkt"], &folder);
    assert!(
        text(&output.stdout).contains("bad.pkt:2:6") && output.status.code() == Some(1),
        "{output:?}"
    );
}

#[test]
fn what_is_no_script_does_not_end_the_others() {
    let mtu = format!("--mtu=99999999999\n{GOOD}");
    let marked = format!("\u{feff}{GOOD}");
    let scripts = [("a.pkt", GOOD), ("empty.pkt", ""), ("mtu.pkt", &mtu), ("marked.pkt", &marked)];
    let folder = folder("garbage", &scripts);
    std::fs::write(folder.join("garbage.pkt"), b"0 close(3) = 0\n\xff\xfe\x00").expect("a file");
    let output = packetdrill(&["."], &folder);
    let expected = "PASS ./a.pkt
FAIL ./empty.pkt:1:1: this script has no event
FAIL ./garbage.pkt: this is no script: line 2 is not text (UTF-8)
PASS ./marked.pkt
FAIL ./mtu.pkt:1: --mtu takes a number from 68 to 65535
  expected  --mtu=99999999999
2 passed, 3 failed, 0 skipped
";
    assert_eq!((text(&output.stdout).as_str(), output.status.code()), (expected, Some(1)));
}

#[test]
fn mutants_that_pass_make_their_script_fail() {
    // The stack answers twice, and the script asks for one of the answers.
    let loose = GOOD.replace("+0 >", "+0 < . 17:17(0) ack 34 win 100\n+0 >");
    let folder = folder("mutants", &[("a.pkt", GOOD), ("b.pkt", &loose)]);
    let output = packetdrill(&["--mutants", "."], &folder);
    let expected = "PASS ./a.pkt
FAIL ./b.pkt: passes, and so do its mutants with
  line 5: a missing packet
1 passed, 1 failed, 0 skipped; 16 mutants were tried
";
    assert_eq!((text(&output.stdout).as_str(), output.status.code()), (expected, Some(1)));
    assert_eq!(packetdrill(&["."], &folder).status.code(), Some(0));
}

#[test]
fn no_command_of_a_script_is_executed() {
    let script = format!("`touch executed`\n{GOOD}`touch executed`\n");
    let timed = format!("0 `touch executed`\n{}", GOOD.replace("0 socket", "+0 socket"));
    let code = format!("{GOOD}+0 %{{ open('executed', 'w') }}%\n");
    let folder = folder("executed", &[("a.pkt", &script), ("b.pkt", &timed), ("c.pkt", &code)]);
    let output = packetdrill(&["."], &folder);
    assert!(text(&output.stdout).ends_with("0 passed, 0 failed, 3 skipped\n"), "{output:?}");
    assert!(!folder.join("executed").exists());
}

#[test]
fn definitions_and_strictness() {
    let defined = GOOD.replace("34:34(0) win 0", "34:34(0) win NOTHING");
    let extra = GOOD.replace("+0 > R 34:34(0) win 0\n", "");
    let block = format!("{GOOD}#ifdef MORE\n+0 > R 1:1(0)\n#endif\n");
    let folder = folder(
        "options",
        &[("defined.pkt", &defined), ("extra.pkt", &extra), ("block.pkt", &block)],
    );
    let code = |arguments: &[&str]| packetdrill(arguments, &folder).status.code();
    assert_eq!(code(&["defined.pkt"]), Some(1));
    assert_eq!(code(&["-D", "NOTHING=0", "defined.pkt"]), Some(0));
    assert_eq!(code(&["extra.pkt"]), Some(0));
    assert_eq!(code(&["--strict", "extra.pkt"]), Some(1));
    assert_eq!(code(&["block.pkt"]), Some(0));
    assert_eq!(code(&["-D", "MORE", "block.pkt"]), Some(1));
}

#[test]
fn a_list_of_what_does_not_apply_is_held_to_its_word() {
    let other = GOOD.replace("bind(3, ..., ...) = 0", "epoll_create(1) = 4");
    let list = "# why\nother.pkt: epoll\n";
    let scripts = [
        ("good.pkt", GOOD),
        ("other.pkt", &other),
        ("list", list),
        ("wrong", "good.pkt: is not there\n"),
    ];
    let folder = folder("manifest", &scripts);
    let output = packetdrill(&["--manifest", "list", "."], &folder);
    assert_eq!(
        text(&output.stdout),
        "PASS ./good.pkt\nSKIP ./other.pkt: epoll\n1 passed, 0 failed, 1 skipped\n"
    );
    let output = packetdrill(&["--manifest", "wrong", "."], &folder);
    let expected = "FAIL ./good.pkt: listed as not applicable (is not there), but it passes
FAIL ./other.pkt:2: not applicable, but not listed: the call epoll_create is not simulated
0 passed, 2 failed, 0 skipped
";
    assert_eq!((text(&output.stdout).as_str(), output.status.code()), (expected, Some(1)));
}

#[test]
fn a_list_of_what_is_quieter_counts_strictly() {
    let extra = GOOD.replace("+0 > R 34:34(0) win 0\n", "");
    let list = "strict extra.pkt: an answer\nstrict good.pkt: none\n";
    let scripts = [("extra.pkt", extra.as_str()), ("good.pkt", GOOD), ("list", list)];
    let folder = folder("quieter", &scripts);
    let output = packetdrill(&["--strict", "--manifest", "list", "."], &folder);
    let expected = "PASS ./extra.pkt (not strictly: an answer)
FAIL ./good.pkt: listed as quieter than the stack (none), but it passes strictly
1 passed, 1 failed, 0 skipped
";
    assert_eq!((text(&output.stdout).as_str(), output.status.code()), (expected, Some(1)));
    let output = packetdrill(&["--manifest", "list", "."], &folder);
    assert!(text(&output.stdout).ends_with("2 passed, 0 failed, 0 skipped\n"), "{output:?}");
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = folder("pipe", &[("a.pkt", GOOD)]);
    let program = env!("CARGO_BIN_EXE_packetdrill");
    let script = format!("set -o pipefail; '{program}' a.pkt a.pkt a.pkt | true");
    let status = Command::new("bash")
        .args(["-c", &script])
        .current_dir(&folder)
        .status()
        .expect("bash starts");
    assert!(status.success(), "{status:?}");
}
