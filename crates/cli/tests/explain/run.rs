//! One run of `danja get` with its story, its capture and the control information it fetched.

use crate::common::{danja, texts, tshark};
use serde_json::Value;
use std::path::Path;

/// A TCP segment, as the story or the capture has it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Segment {
    pub(crate) from: String,
    pub(crate) to: String,
    /// As tcpdump writes them: S, F, R, P and a dot for ACK.
    pub(crate) flags: String,
    pub(crate) seq: u64,
    pub(crate) ack: Option<u64>,
    pub(crate) window: u64,
    pub(crate) bytes: u64,
    pub(crate) mss: Option<u64>,
    pub(crate) shift: Option<u64>,
}

impl Segment {
    /// Whether the line of the text says what the segment says.
    pub(crate) fn same_words(&self, other: &Self) -> bool {
        (&self.from, &self.to, &self.flags) == (&other.from, &other.to, &other.flags)
            && (self.seq, self.ack, self.window, self.bytes)
                == (other.seq, other.ack, other.window, other.bytes)
    }
}

/// A captured frame with its headers.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) seq: u64,
    pub(crate) bytes: u64,
    pub(crate) length: u64,
    pub(crate) tcp_header: u64,
    pub(crate) ip_header: u64,
    pub(crate) ttl: u64,
    pub(crate) source_mac: String,
    pub(crate) destination_mac: String,
    pub(crate) window: u64,
    pub(crate) ack: u64,
}

/// One run.
pub(crate) struct Run {
    pub(crate) name: &'static str,
    /// The events of the story.
    pub(crate) all: Vec<Value>,
    /// The segments of the capture, in its order.
    pub(crate) wire: Vec<Segment>,
    frames: Vec<Frame>,
    /// The page: the sockets of both hosts as they were while it was made.
    pub(crate) page: String,
    sockets: Value,
    /// The program's endpoint.
    pub(crate) client: String,
}

/// A field of an event as text.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no text {key} in {value}"))
}

/// A field of an event as a number.
pub(crate) fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("no number {key} in {value}"))
}

impl Run {
    /// Runs it; `None` (and a skip) without tshark.
    pub(crate) fn new(test: &str, name: &'static str, options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("run.pcapng");
        let words = format!(
            "get http://danja/api/sockets --explain=json {options} --pcap {}",
            file.display()
        );
        let output = danja().args(words.split_whitespace()).output().unwrap();
        let (page, story) = texts(&output);
        assert!(output.status.success(), "{name}: {story}");
        let all: Vec<Value> =
            story.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let wire = capture(test, &file)?;
        let frames = frames(test, &file)?;
        let client = wire[0].from.clone();
        let sockets = serde_json::from_str(&page).unwrap();
        Some(Self { name, all, wire, frames, page, sockets, client })
    }

    /// The events of one kind.
    pub(crate) fn events<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.all.iter().filter(move |event| event["event"] == kind)
    }

    /// The segments told at a host.
    pub(crate) fn told(&self, host: &str) -> Vec<Segment> {
        let told = self.all.iter().filter(|event| event["host"] == host);
        told.filter_map(segment_of_event).collect()
    }

    /// The segments told at a host in one direction.
    pub(crate) fn directed(&self, host: &str, direction: &str) -> Vec<Segment> {
        let told = self.all.iter().filter(|event| event["host"] == host);
        told.filter(|event| event["direction"] == direction).filter_map(segment_of_event).collect()
    }

    /// Whether an event is about the connection of the page (and not about the resolver).
    pub(crate) fn is_of_connection(&self, event: &Value) -> bool {
        let known = |key: &str| event[key].as_str() == Some(self.client.as_str());
        let call = event["event"] == "call" && event["stream"] == true;
        let listener = event["call"] == "bind" || event["call"] == "listen";
        (call && !listener) || (event["event"] != "datagram" && (known("from") || known("to")))
    }

    /// The captured frame with this data, for the first time.
    pub(crate) fn frame(&self, seq: u64, bytes: u64) -> &Frame {
        let found = self.frames.iter().find(|frame| (frame.seq, frame.bytes) == (seq, bytes));
        found.unwrap_or_else(|| panic!("{}: no frame {seq} {bytes}", self.name))
    }

    /// A host's control information of the connection, as the page shows it.
    pub(crate) fn control_info(&self, host: &str) -> &Value {
        let hosts = self.sockets["hosts"].as_array().unwrap();
        let sockets = &hosts.iter().find(|other| other["host"] == host).unwrap()["sockets"];
        let mut all = sockets.as_array().unwrap().iter();
        all.find(|socket| socket["state"] == "ESTABLISHED").unwrap()
    }
}

fn segment_of_event(event: &Value) -> Option<Segment> {
    let bytes = match event["event"].as_str()? {
        "segment" => number(event, "bytes"),
        "layers" => number(event, "data"),
        _ => return None,
    };
    let options = text(event, "options");
    let option = |name: &str| {
        let found = options.split(',').find_map(|option| option.strip_prefix(name))?;
        found.trim().parse().ok()
    };
    Some(Segment {
        from: text(event, "from").to_owned(),
        to: text(event, "to").to_owned(),
        flags: text(event, "flags").to_owned(),
        seq: number(event, "seq"),
        ack: event["ack"].as_u64(),
        window: number(event, "window"),
        bytes,
        mss: option("mss "),
        shift: option("wscale "),
    })
}

/// The lines of a capture as fields.
fn fields(test: &str, file: &Path, names: &str) -> Option<Vec<Vec<String>>> {
    let mut words = vec!["-Y", "tcp.port==80", "-T", "fields", "-E", "separator=;"];
    words.extend(names.split(' ').flat_map(|name| ["-e", name]));
    let lines = tshark(test, file, &words)?;
    Some(lines.iter().map(|line| line.split(';').map(str::to_owned).collect()).collect())
}

/// The TCP segments of a capture.
pub(crate) fn capture(test: &str, file: &Path) -> Option<Vec<Segment>> {
    let names = "ip.src tcp.srcport ip.dst tcp.dstport tcp.flags tcp.seq_raw tcp.ack_raw \
                 tcp.window_size_value tcp.len tcp.options.mss_val tcp.options.wscale.shift";
    let names = names.split_whitespace().collect::<Vec<_>>().join(" ");
    let segments = fields(test, file, &names)?.into_iter().map(|field| {
        let number = |index: usize| field[index].parse::<u64>().ok();
        let bits = u16::from_str_radix(field[4].trim_start_matches("0x"), 16).unwrap();
        // In tcpdump's order.
        let letters = [(1, 'F'), (2, 'S'), (4, 'R'), (8, 'P'), (16, '.')];
        let flags = letters.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, c)| *c).collect();
        Segment {
            from: format!("{}:{}", field[0], field[1]),
            to: format!("{}:{}", field[2], field[3]),
            flags,
            seq: number(5).unwrap(),
            ack: number(6).filter(|_| bits & 16 != 0),
            window: number(7).unwrap(),
            bytes: number(8).unwrap(),
            mss: number(9),
            shift: number(10),
        }
    });
    Some(segments.collect())
}

fn frames(test: &str, file: &Path) -> Option<Vec<Frame>> {
    let names = "tcp.seq_raw tcp.len frame.len tcp.hdr_len ip.hdr_len ip.ttl eth.src eth.dst \
                 tcp.window_size_value tcp.ack_raw";
    let names = names.split_whitespace().collect::<Vec<_>>().join(" ");
    let frames = fields(test, file, &names)?.into_iter().map(|field| {
        let number = |index: usize| field[index].parse().unwrap();
        Frame {
            seq: number(0),
            bytes: number(1),
            length: number(2),
            tcp_header: number(3),
            ip_header: number(4),
            ttl: number(5),
            source_mac: field[6].clone(),
            destination_mac: field[7].clone(),
            window: number(8),
            ack: number(9),
        }
    });
    Some(frames.collect())
}

/// The segments that a text tells in its `TCP a > b FLAGS seq N ack N win N len N` lines.
pub(crate) fn segments_of_text(text: &str) -> Vec<Segment> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let starts = words
        .windows(3)
        .enumerate()
        .filter(|(_, three)| three[0] == "TCP" && three[1].contains(':') && three[2] == ">");
    starts
        .map(|(at, _)| {
            let rest = &words[at + 1..];
            let value = |name: &str| {
                let place = rest.iter().take(13).position(|word| *word == name)?;
                rest[place + 1].parse::<u64>().ok()
            };
            Segment {
                from: rest[0].to_owned(),
                to: rest[2].to_owned(),
                flags: rest[3].to_owned(),
                seq: value("seq").unwrap(),
                ack: value("ack"),
                window: value("win").unwrap(),
                bytes: value("len").unwrap(),
                mss: None,
                shift: None,
            }
        })
        .collect()
}
