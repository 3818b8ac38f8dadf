//! The story of `--explain`, held against the capture and against the control information.

#[path = "../common/mod.rs"]
mod common;
mod run;

use common::{danja, texts};
use run::{Run, number, text};
use serde_json::Value;

/// What each run is called, and its options.
const RUNS: [(&str, &str); 3] = [
    ("a plain run", ""),
    ("a long and narrow link", "--delay 15ms --rate 3mbit --seed 11"),
    ("a lossy link", "--loss 12% --delay 2ms --seed 5"),
];

fn runs(test: &str) -> Option<Vec<Run>> {
    RUNS.iter().map(|(name, options)| Run::new(test, name, options)).collect()
}

#[test]
fn told_segments_are_those_of_the_capture() {
    let Some(runs) = runs("told_segments_are_those_of_the_capture") else { return };
    for run in &runs {
        // Whatever is told of the program's link is on it, with all its numbers.
        let told = run.told("get");
        for segment in &told {
            assert!(run.wire.contains(segment), "{}: {segment:?} {:#?}", run.name, run.wire);
        }
        // And each segment of set-up and end that is on it is told, in its order.
        let marked = |flags: &str| flags.contains(['S', 'F', 'R']);
        let captured: Vec<_> = run.wire.iter().filter(|s| marked(&s.flags)).collect();
        let of_story: Vec<_> = told.iter().filter(|s| marked(&s.flags)).collect();
        assert_eq!(of_story, captured, "{}", run.name);
        assert!(captured.len() >= 4, "{}: {captured:#?}", run.name);
        // What the router received was sent by the program, and the other way round.
        let far = run.told("danja");
        let sent = |direction: &str, host: &str| -> Vec<_> {
            let told = run.directed(host, direction);
            told.into_iter().filter(|s| marked(&s.flags)).collect()
        };
        for segment in sent("received", "danja") {
            assert!(sent("sent", "get").contains(&segment), "{}: {segment:?}", run.name);
        }
        for segment in sent("received", "get") {
            assert!(far.contains(&segment), "{}: {segment:?}", run.name);
        }
    }
    // Without loss the two ends tell the same.
    let (near, far) = (runs[0].told("get"), runs[0].told("danja"));
    let sorted = |mut all: Vec<run::Segment>| {
        all.sort();
        all
    };
    assert_eq!(sorted(near), sorted(far));
}

#[test]
fn told_layers_add_up_to_the_captured_frame() {
    let Some(runs) = runs("told_layers_add_up_to_the_captured_frame") else { return };
    for run in &runs {
        let layers: Vec<&Value> = run.events("layers").collect();
        let directions: Vec<_> =
            layers.iter().map(|l| (text(l, "host"), text(l, "direction"))).collect();
        assert_eq!(directions, [("get", "sent"), ("danja", "received")], "{}", run.name);
        for layer in &layers {
            let parts = ["data", "tcp_header", "ip_header", "frame_header"];
            let sum: u64 = parts.iter().map(|part| number(layer, part)).sum();
            assert_eq!(sum, number(layer, "total"));
            assert_eq!(number(layer, "seq"), number(layers[0], "seq"));
            let frame = run.frame(number(layer, "seq"), number(layer, "data"));
            assert_eq!(frame.length, number(layer, "total"), "{}", run.name);
            assert_eq!(frame.tcp_header, number(layer, "tcp_header"));
            assert_eq!(frame.ip_header, number(layer, "ip_header"));
            assert_eq!(frame.ttl, number(layer, "ttl"));
            assert_eq!(frame.source_mac, text(layer, "source_mac"));
            assert_eq!(frame.destination_mac, text(layer, "destination_mac"));
            assert_eq!(frame.window, number(layer, "window"));
            assert_eq!(frame.ack, number(layer, "ack"));
        }
    }
}

/// The story's changes of one field at one host, as (before, after).
fn changes<'a>(run: &'a Run, host: &str, name: &str) -> Vec<(Option<&'a str>, Option<&'a str>)> {
    run.all
        .iter()
        .filter(|event| text(event, "host") == host && run.is_of_connection(event))
        .filter_map(|event| event.get("changes"))
        .flat_map(|changes| changes.as_array().unwrap())
        .filter(|change| change["name"] == name)
        .map(|change| (change["before"].as_str(), change["after"].as_str()))
        .collect()
}

#[test]
fn told_states_follow_one_another() {
    let Some(runs) = runs("told_states_follow_one_another") else { return };
    for run in &runs {
        for (host, first, begin) in
            [("get", Some("CLOSED"), "SYN-SENT"), ("danja", None, "SYN-RECEIVED")]
        {
            let states = changes(run, host, "state");
            assert_eq!(states[0], (first, Some(begin)), "{}: {states:?}", run.name);
            assert_eq!(states[1], (Some(begin), Some("ESTABLISHED")), "{}: {states:?}", run.name);
            for pair in states.windows(2) {
                assert_eq!(pair[0].1, pair[1].0, "{}: {host}: {states:?}", run.name);
            }
            let last = states.last().unwrap().1;
            assert!(matches!(last, Some("TIME-WAIT" | "CLOSED")), "{}: {states:?}", run.name);
        }
        // The server learns its client from the SYN, and says who that is.
        let learned: Vec<_> = run.events("server-learns").collect();
        assert_eq!(learned.len(), 1);
        assert_eq!(text(learned[0], "remote"), run.client);
        assert_eq!(text(learned[0], "local"), "10.0.2.2:80");
        assert_eq!(run.events("established").count(), 2);
    }
}

#[test]
fn told_control_information_is_that_of_the_segments_and_of_control_info() {
    let test = "told_control_information_is_that_of_the_segments_and_of_control_info";
    let Some(runs) = runs(test) else { return };
    for run in &runs {
        let syn = |flags: &str| run.wire.iter().find(|s| s.flags == flags).unwrap();
        let (ours, theirs) = (syn("S"), syn("S."));
        for (host, own, peer) in [("get", ours, theirs), ("danja", theirs, ours)] {
            let seen = run.control_info(host);
            let after = |name: &str| -> u64 {
                let all = changes(run, host, name);
                let last = all.iter().filter_map(|(_, after)| *after).find(|after| *after != "0");
                last.unwrap_or_else(|| panic!("{}: {host}: {name}: {all:?}", run.name))
                    .parse()
                    .unwrap()
            };
            // The story, the segments and the views name the same numbers.
            assert_eq!(after("iss"), own.seq, "{}", run.name);
            assert_eq!(after("irs"), peer.seq, "{}", run.name);
            assert_eq!(number(&seen["tcp"], "iss"), own.seq);
            assert_eq!(number(&seen["tcp"], "irs"), peer.seq);
            assert_eq!(after("rcv_nxt"), peer.seq + 1);
            assert_eq!(after("snd_wnd"), peer.window, "a SYN's window is not scaled");
            assert_eq!(after("snd_wind_shift"), peer.shift.unwrap());
            assert_eq!(number(&seen["tcp"], "snd_wind_shift"), peer.shift.unwrap());
            assert_eq!(number(&seen["tcp"], "rcv_wind_shift"), own.shift.unwrap());
            assert_eq!(after("rcv_mss"), own.mss.unwrap());
            assert_eq!(text(seen, "state"), "ESTABLISHED");
            assert_eq!(text(seen, "local"), own.from);
            assert_eq!(text(seen, "remote"), own.to);
            assert_eq!(changes(run, host, "local")[0].1, Some(own.from.as_str()));
            assert_eq!(changes(run, host, "remote")[0].1, Some(own.to.as_str()));
        }
        // The last window that the program announced is what the router took, scaled.
        let request = run.events("layers").next().unwrap();
        let window = number(request, "window") << ours.shift.unwrap();
        assert_eq!(number(&run.control_info("danja")["tcp"], "snd_wnd"), window);
        let next = number(request, "seq") + number(request, "data");
        assert_eq!(number(&run.control_info("get")["tcp"], "snd_nxt"), next);
        assert_eq!(number(&run.control_info("danja")["tcp"], "rcv_nxt"), next);
    }
}

#[test]
fn the_sum_is_that_of_the_capture() {
    let Some(runs) = runs("the_sum_is_that_of_the_capture") else { return };
    for run in &runs {
        let sums: Vec<&Value> = run.events("sum").collect();
        assert_eq!(sums.len(), 2, "{}", run.name);
        let sum = sums.iter().find(|sum| text(sum, "host") == "get").unwrap();
        let (out, back): (Vec<_>, Vec<_>) = run.wire.iter().partition(|s| s.from == run.client);
        assert_eq!(number(sum, "segments_sent"), out.len() as u64, "{}", run.name);
        assert_eq!(number(sum, "segments_received"), back.len() as u64, "{}", run.name);
        let far = sums.iter().find(|sum| text(sum, "host") == "danja").unwrap();
        assert_eq!(number(sum, "bytes_received"), number(far, "bytes_acked"));
        assert_eq!(number(far, "bytes_received"), number(sum, "bytes_acked"));
        assert!(number(sum, "bytes_received") > run.page.len() as u64, "headers count too");
    }
    let plain = &runs[0];
    let sum = plain.events("sum").find(|sum| text(sum, "host") == "get").unwrap();
    let bytes = |from_client: bool| -> u64 {
        let all = plain.wire.iter().filter(|s| (s.from == plain.client) == from_client);
        all.map(|s| s.bytes).sum()
    };
    assert_eq!(number(sum, "bytes_sent"), bytes(true));
    assert_eq!(number(sum, "bytes_received"), bytes(false));
}

/// The sentences of a run in a language: the paragraphs, each unbroken, with their hosts' names.
fn sentences(language: &str, more: &str) -> (String, String) {
    let words = format!("get http://danja/ --explain --lang {language} {more}");
    let output = danja().args(words.split_whitespace()).output().unwrap();
    assert!(output.status.success());
    let (page, story) = texts(&output);
    assert!(page.contains("== get =="), "the page goes to standard output as ever");
    assert!(!story.contains('\x1b'), "no colour where nobody watches");
    let lines = story.lines().map(|line| line.get(9..).unwrap_or(line).trim());
    let joined = lines.collect::<Vec<_>>().join(" ");
    (story, joined)
}

#[test]
fn both_languages_tell_the_segments_of_the_capture() {
    let test = "both_languages_tell_the_segments_of_the_capture";
    for (language, part) in [("en", "A SYN arrives"), ("ko", "SYN이 도착합니다")] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("story.pcapng");
        let (story, joined) = sentences(language, &format!("--pcap {}", file.display()));
        assert!(joined.contains(part), "{story}");
        let chapters: Vec<&str> =
            story.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
        assert_eq!(chapters.len(), 7, "{chapters:#?}");
        let hosts = |name: &str| story.lines().any(|line| line.starts_with(name));
        assert!(hosts("get ") && hosts("danja "));
        assert!(!joined.contains("{ $") && !joined.contains("heading-"), "{story}");
        let Some(wire) = run::capture(test, &file) else { return };
        let told = run::segments_of_text(&joined);
        let marked: Vec<_> = wire.iter().filter(|s| s.flags.contains(['S', 'F'])).collect();
        assert_eq!(marked.len(), 4);
        for segment in marked {
            // Once where it leaves, and once where it arrives.
            let count = told.iter().filter(|told| told.same_words(segment)).count();
            assert_eq!(count, 2, "{segment:?} {told:#?}");
        }
        for told in &told {
            assert!(wire.iter().any(|segment| told.same_words(segment)), "{told:?}");
        }
    }
}

#[test]
fn the_locale_chooses_the_language_and_quiet_hosts_are_told_too() {
    let mut command = danja();
    command.args(["ping", "danja", "-c", "1", "--explain"]).env("LC_ALL", "ko_KR.UTF-8");
    let (_, story) = texts(&command.output().unwrap());
    assert!(story.contains("에코: ICMP") && story.contains("소켓"), "{story}");
    let output = danja().args(["get", "http://10.0.2.9/", "--explain"]).output().unwrap();
    let (_, story) = texts(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        story.matches("who has 10.0.2.9?").count(),
        6,
        "asked three times, heard by two: {story}"
    );
    assert!(story.contains("nobody answered ARP for 10.0.2.9"), "{story}");
}
