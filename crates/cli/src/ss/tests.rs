//! The filters, and the words of `ss`.

use super::*;
use crate::args::{Cli, Command};
use clap::Parser;
use serde_json::json;

fn wanted(line: &str) -> Vec<usize> {
    let words = ["danja", "ss"].into_iter().chain(line.split_whitespace());
    let Command::Ss(args) = Cli::parse_from(words).command else { panic!("{line}") };
    let all = sockets();
    (0..all.len()).filter(|index| is_wanted(&all[*index], &args)).collect()
}

fn sockets() -> Vec<Value> {
    vec![
        json!({ "kind": "tcp", "state": "LISTEN", "local": "10.0.2.15:80", "remote": null }),
        json!({ "kind": "tcp", "state": "ESTABLISHED", "local": "10.0.2.15:80", "remote": "10.0.2.2:50000" }),
        json!({ "kind": "udp", "state": null, "local": "0.0.0.0:53", "remote": null }),
        json!({ "kind": "udp", "state": null, "local": "10.0.2.15:50000", "remote": "10.0.2.2:53" }),
        json!({ "kind": "tcp", "state": "TIME-WAIT", "local": "10.0.2.15:443", "remote": "10.0.2.9:80" }),
        json!({ "kind": "tcp", "state": null, "local": null, "remote": null }),
    ]
}

#[test]
fn filters_by_state_kind_and_port() {
    assert_eq!(wanted(""), [0, 1, 2, 3, 4, 5]);
    assert_eq!(wanted("--state estab"), [1]);
    assert_eq!(wanted("--state listen,TIME-WAIT"), [0, 4]);
    assert_eq!(wanted("-l"), [0, 2, 5]);
    assert_eq!(wanted("-u"), [2, 3]);
    assert_eq!(wanted("-tu --port 80"), [0, 1, 4]);
    assert_eq!(wanted("--sport 80"), [0, 1]);
    assert_eq!(wanted("--dport 80"), [4]);
    assert_eq!(wanted("--port 53 --sport 50000"), [3]);
    let wrong = Cli::try_parse_from(["danja", "ss", "--state", "open"]).unwrap_err().to_string();
    assert!(wrong.contains("\u{2018}open\u{2019}") && wrong.contains("time-wait"), "{wrong}");
}

#[test]
fn states_and_endpoints_are_those_of_ss() {
    let names: Vec<String> = sockets().iter().map(state).collect();
    assert_eq!(names, ["LISTEN", "ESTAB", "UNCONN", "ESTAB", "TIME-WAIT", "UNCONN"]);
    assert_eq!(shown(None), "*:*");
    assert_eq!(shown("0.0.0.0:0".parse().ok()), "0.0.0.0:*");
}

#[test]
fn control_information_has_the_names_of_ss() {
    let tcp = json!({
        "timestamps": true, "sack": true, "congestion": "reno", "window_scaling": true,
        "snd_wind_shift": 7, "rcv_wind_shift": 6, "rto": 0.204, "srtt": 0.0501, "rttvar": 0.002,
        "min_rtt": 0.05, "snd_mss": 1448, "path_mtu": 1500, "rcv_mss": 1460, "cwnd": 14480,
        "ssthresh": 4294967295u32, "bytes_sent": 77, "total_retransmissions": 3,
        "segments_retransmitted": 1, "recovery": "Loss", "timers": { "retransmission": 0.2 },
    });
    let socket = json!({ "kind": "tcp", "memory": 900, "descriptor": 4, "tcp": tcp,
                         "error": { "kind": "Reset" } });
    let text = control_information(&socket);
    for word in [
        "ts sack reno wscale:7,6 rto:204 rtt:50.100/2.000 minrtt:50.000 mss:1448 pmtu:1500",
        "cwnd:10 bytes_sent:77 retrans:1/3",
        "ca_state:Loss timer:(retransmission,200ms) error:Reset\n\t fd:4 mem:900",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(text.starts_with("\t ts") && !text.contains("ssthresh"));
    assert_eq!(control_information(&json!({ "kind": "udp", "via": "tun" })), "");
    let waiting = json!({ "timestamps": true, "snd_mss": 0, "timers": { "time-wait": 59.5 } });
    let waiting = json!({ "kind": "tcp", "state": "TIME-WAIT", "tcp": waiting });
    assert_eq!(control_information(&waiting), "\t timer:(time-wait,59500ms)\n");
    let closed = json!({ "kind": "tcp", "memory": 160, "descriptor": null });
    assert_eq!(control_information(&closed), "\t mem:160 rb:0/0 sb:0/0\n");
}
