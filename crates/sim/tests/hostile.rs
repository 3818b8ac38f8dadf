//! Scripts with random faults: reading and running them ends, without a panic, whatever they say.

use danja_sim::packetdrill::{Definitions, Personality, Settings, parse, run, suite};
use proptest::prelude::*;
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

/// Reads a text and runs it if it is a script; an error must name a place that is there.
fn taken(text: &str) -> Result<(), TestCaseError> {
    match parse("any", text, &Definitions::new()) {
        Ok(script) => {
            prop_assert!(!script.events.is_empty());
            let _ = run(&script, &Settings { strict: true, seed: 1, ..Settings::default() });
        }
        Err(error) => {
            let lines = text.split('\n').count();
            prop_assert!((1..=lines).contains(&error.line), "line {} of {lines}", error.line);
            prop_assert!(error.column >= 1 && !error.message.is_empty());
            prop_assert!(error.to_string().starts_with("any:"), "{}", error);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        taken(&text)?;
    }

    #[test]
    fn any_pieces_are_read_or_refused(
        picked in prop::collection::vec(prop::sample::select(PIECES), 0..40),
    ) {
        taken(&picked.join(" "))?;
        taken(&format!("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 {}", picked.concat()))?;
    }

    #[test]
    fn any_numbers_are_taken_or_refused(numbers in prop::collection::vec(any::<u64>(), 8)) {
        let [a, b, c, d, e, f, g, h] = numbers[..] else { return Ok(()) };
        taken(&format!(
            "--mtu={a}\n--tolerance_usecs={b}\n0 socket(..., SOCK_STREAM, IPPROTO_TCP) = {c}\n"
        ))?;
        taken(&format!(
            "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, {a}) = 0
+0.{b} < S {c}:{c}(0) win {d} <mss {e},nop,wscale {f}>\n+{g} write(3, ..., {h}) = {h}\n"
        ))?;
        let [a, c, d, e, f] = [a % 7, c % (1 << 32), d % 65_536, e % 65_536, f % 256];
        taken(&format!(
            "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, {a}) = 0
+{a}.{b} < S {c}:{c}(0) win {d} <mss {e},nop,wscale {f}>\n+0 > S. 0:0(0) ack {} <...>
+0 < . 1:1(0) ack 1 win {d}\n+0 accept(3, ..., ...) = {g}\n+0 write({g}, ..., {d}) = {d}\n+{b} > . 1:2(1) ack 1\n",
            (c + 1) % (1 << 32)
        ))?;
    }
}
