//! `danja replay`: every command's recording is replayed to the same bytes and the same story.

mod common;

use common::{Running, danja, fail, run, succeed, texts, tshark};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder, and a recording in it that the command with these words made.
fn recorded(words: &str) -> (TempDir, PathBuf, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.rec");
    let (data, talk) = succeed(&format!("{words} --record {}", file.display()));
    (folder, file, data, talk)
}

fn replay(file: &Path, options: &str) -> (String, String) {
    succeed(&format!("replay {} {options}", file.display()))
}

#[test]
fn a_page_is_fetched_again_with_the_same_story() {
    let options = "--loss 5% --delay 3ms --seed 4 --explain";
    let (folder, file, _, live) = recorded(&format!("get http://danja/ {options}"));
    let (data, story) = replay(&file, "--explain");
    assert!(data.ends_with(" bytes, the same\n"), "{data}");
    assert!(data.starts_with("danja: "), "each host has a line: {data}");
    assert!(story.lines().count() > 50);
    for (live, again) in live.lines().zip(story.lines()) {
        assert_eq!(live, again);
    }
    assert_eq!(live, story);

    // In the other language, of one host, and as values.
    let (_, korean) = replay(&file, "--explain --lang ko --host get");
    assert!(korean.contains('\u{c18c}') && korean.lines().all(|line| !line.starts_with("danja")));
    let (values, _) = replay(&file, "--json");
    let values: serde_json::Value = serde_json::from_str(&values).unwrap();
    assert_eq!((&values["same"], &values["complete"]), (&true.into(), &true.into()));
    assert_eq!(values["hosts"][1]["name"], "get");
    assert!(values["frames"].as_u64().unwrap() > 10);

    // Recorded without a story, it has one all the same.
    drop(folder);
    let (_folder, file, _, talk) = recorded("get http://danja/");
    assert_eq!(talk, "");
    assert!(replay(&file, "--explain").1.contains("SYN"));
}

#[test]
fn ping_and_resolve_are_replayed() {
    for words in ["ping danja -c 3 -i 10ms -s 3000 --loss 2%", "resolve danja"] {
        let (_folder, file, _, live) = recorded(&format!("{words} --explain"));
        let (data, story) = replay(&file, "--explain");
        assert!(data.ends_with(" bytes, the same\n"), "{data}");
        assert_eq!(live, story, "{words}");
    }
}

#[test]
fn an_interrupted_server_is_replayed_and_a_killed_one_so_far() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("page.txt"), "a page\n").unwrap();
    let file = folder.path().join("run.rec");
    let serve = |file: &Path| {
        let words = "--publish 127.0.0.1:0 --record";
        let words = format!("serve {} {words} {}", folder.path().display(), file.display());
        let mut server = Running::start(&words);
        let line = server.line("published");
        let at = line.split("http://").nth(1).unwrap().trim_end_matches('/').parse().unwrap();
        let page = common::http::request(at, "GET", "/page.txt", "");
        assert_eq!(page.text(), "a page\n");
        server
    };
    let (code, _) = serve(&file).interrupt();
    assert_eq!(code, Some(130));
    let (data, talk) = replay(&file, "");
    assert!(data.ends_with(" bytes, the same\n") && talk.is_empty(), "{data}{talk}");

    // One that is killed had written nothing of its last quarter of a second.
    let server = serve(&file);
    drop(server);
    let (data, talk) = replay(&file, "");
    assert!(data.ends_with(" bytes, the same\n"), "{data}");
    assert!(talk.contains("cut off"), "{talk}");
}

#[test]
fn the_frames_of_a_replay_are_those_of_the_capture() {
    let folder = tempfile::tempdir().unwrap();
    let [live, again] = ["live.pcapng", "again.pcapng"].map(|name| folder.path().join(name));
    let (_folder, file, _, _) = recorded(&format!("get http://danja/ --pcap {}", live.display()));
    replay(&file, &format!("--host get --pcap {}", again.display()));
    let fields =
        "-Tfields -eframe.len -eip.id -etcp.seq_raw -etcp.checksum -etcp.flags -eudp.length";
    let words: Vec<_> = fields.split(' ').collect();
    let test = "the_frames_of_a_replay_are_those_of_the_capture";
    let Some(mut live) = tshark(test, &live, &words) else { return };
    let mut again = tshark(test, &again, &words).unwrap();
    assert!(live.len() > 10);
    // A frame that came while another was made is received before it, and processed after.
    live.sort_unstable();
    again.sort_unstable();
    assert_eq!(live, again);
}

#[test]
fn files_that_are_no_recordings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.rec");
    let of = |bytes: &[u8], part: &str| {
        fs::write(&file, bytes).unwrap();
        let talk = fail(&format!("replay {}", file.display()), 2);
        assert!(talk.contains(part) && talk.contains("run.rec"), "{talk}");
    };
    of(b"", "no recording");
    of(b"a text that is long enough to be something else", "no recording");
    fs::remove_file(&file).unwrap();
    assert!(fail(&format!("replay {}", file.display()), 2).contains("No such file"));

    let (_folder, whole, _, _) = recorded("resolve danja");
    let mut bytes = fs::read(&whole).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    of(&bytes, "damaged");
    fs::write(&file, &bytes[..at]).unwrap();
    let (_, talk) = replay(&file, "");
    assert!(talk.contains("cut off"), "{talk}");
    let talk = fail(&format!("replay {} --host nobody", whole.display()), 2);
    assert!(talk.contains("nobody"), "{talk}");

    let output =
        run(&format!("get http://danja/ --record {}/no/such/folder", folder.path().display()));
    assert_eq!(output.status.code(), Some(1));
    assert!(texts(&output).1.contains("cannot be written"));
    let closed = danja().args(["replay", "--help"]).output().unwrap();
    assert!(closed.status.success());
}
