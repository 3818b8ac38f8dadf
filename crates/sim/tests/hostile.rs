//! Scripts with random faults: reading and running them ends, without a panic, whatever they say.

use danja_sim::packetdrill::{Definitions, Personality, Settings, parse, run, suite};
use std::path::Path;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

const PIECES: &[&str] = &[
    "0",
    "1",
    "9999999999",
    "4294967295",
    "-1",
    ".",
    "...",
    "~",
    "+",
    "*",
    "<",
    ">",
    "S",
    "F",
    "R",
    "P.",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "`",
    "%{",
    "}%",
    "//",
    "/*",
    "\n",
    " ",
    "ack 1",
    "win 0",
    "urg 9",
    "sack 1:9",
    "mss 0",
    "wscale 255",
    "TS val 1 ecr 1",
    "nop",
    "FO",
    "icmp unreachable frag_needed mtu 0 [1:1(0)]",
    "udp (65535)",
    "--mtu=68\n",
    "=",
    ",",
    "|",
    "#ifdef A\n",
    "#endif\n",
    "é",
    "\u{0}",
    "close(3) = 0\n",
    "+0 close(4) = 0\n",
    "+0 shutdown(4, SHUT_RDWR) = 0\n",
    "+1000000 write(4, ..., 100000) = 100000\n",
    "+0 < R. 1:1(0) ack 1 win 0\n",
    "+0 setsockopt(4, SOL_SOCKET, SO_RCVBUF, [1], 4) = 0\n",
    "+0 setsockopt(3, IPPROTO_TCP, TCP_MAXSEG, [1], 4) = 0\n",
    "+0 `sysctl -w net.ipv4.tcp_wmem=0`\n",
    "+0 `sysctl -w net.ipv4.tcp_rmem='0 0 0'`\n",
    "+0 `sysctl -w net.ipv4.tcp_min_snd_mss=0`\n",
    "+0 `tcpdrop -s ESTABLISHED`\n",
];

/// The script with a few pieces cut out, doubled or put in.
fn spoil(text: &str, random: &mut Random) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(4) {
        let at = random.below(characters.len() + 1);
        let length = random.below(20).min(characters.len() - at);
        match random.below(4) {
            0 => drop(characters.drain(at..at + length)),
            1 => {
                let copy = characters[at..at + length].to_vec();
                let to = random.below(characters.len() + 1);
                characters.splice(to..to, copy);
            }
            _ => drop(characters.splice(at..at, PIECES[random.below(PIECES.len())].chars())),
        }
    }
    characters.into_iter().collect()
}

#[test]
fn spoilt_scripts_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let files = suite::scripts(&[folder]).expect("the scripts are there");
    let (mut read, mut all) = (0, 0);
    for (number, file) in files.iter().enumerate() {
        let text = std::fs::read_to_string(file).expect("a script can be read");
        let mut random = Random(number as u64);
        for round in 0..100 {
            let spoilt = spoil(&text, &mut random);
            let personality =
                if round % 2 == 0 { Personality::Linux } else { Personality::FreeBsd };
            all += 1;
            if let Ok(script) = parse("spoilt", &spoilt, &Definitions::new()) {
                read += 1;
                let settings = Settings { personality, strict: round % 4 < 2, seed: 1 };
                let _ = run(&script, &settings);
            }
        }
    }
    // Enough of them still are scripts, so that running was tried as well.
    assert!(all > 2_000 && read > all / 10, "{read} of {all}");
}
