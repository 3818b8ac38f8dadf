//! Programs that measure: throughput, requests a second, round trips, the way.

use crate::case::{Case, Impossible, Meeting, Where};

/// Clients of nginx, by HTTP/1.1 (8080) and by HTTP/2 (8082).
const NGINX: Case = Case {
    meetings: Meeting::ANYWHERE,
    ports: "8080 8082",
    server: r#"bash "$SHARED/nginx.sh""#,
    ..Case::BASE
};

pub(crate) const CASES: &[Case] = &[
    Case {
        name: "iperf3",
        does: "TCP to and from the server, four streams, UDP at 10 Mbit/s to and from it",
        needs: &["iperf3"],
        meetings: Meeting::ANYWHERE,
        ports: "5201 5201/udp",
        server: "iperf3 -s -4 --forceflush",
        client: r#"
            said listening "$T/server.log"; sleep 0.2
            moved() { python3 "$SHARED/iperf_moved.py" "$1" "$2"; }
            step "to the server"
            iperf3 -4 -c "$SERVER" -t 1 -J >figures; moved figures 1000000
            step "from the server"
            iperf3 -4 -c "$SERVER" -t 1 -R -J >figures; moved figures 1000000
            step "four streams both ways"
            iperf3 -4 -c "$SERVER" -t 1 -P 4 --bidir -J >figures; moved figures 1000000
            step "UDP to the server"
            iperf3 -4 -c "$SERVER" -t 1 -u -b 10M -l 1200 -J >figures; moved figures 300000
            step "UDP from the server"
            iperf3 -4 -c "$SERVER" -t 1 -u -R -b 10M -l 1200 -J >figures; moved figures 300000
        "#,
        seconds: 90,
        ..Case::BASE
    },
    Case {
        name: "wrk",
        does: "thirty connections, two threads, two seconds against nginx; no error",
        needs: &["wrk", "nginx"],
        client: r#"
            listening 8080
            step "two seconds of requests"
            wrk -t 2 -c 30 -d 2 "http://$SERVER:8080/word" >figures
            grep -q 'requests in' figures
            ! grep -qE 'Socket errors|Non-2xx' figures
            step "some of them were answered"
            [ "$(awk '/requests in/ { print $1 }' figures)" -gt 100 ]
        "#,
        ..NGINX
    },
    Case {
        name: "h2load",
        does: "2,000 requests of HTTP/1.1 and of HTTP/2 against nginx, none failed",
        needs: &["h2load", "nginx"],
        client: r#"
            listening 8080
            step "HTTP/1.1"
            h2load --h1 -n 2000 -c 20 "http://$SERVER:8080/word" >figures
            grep -q '2000 succeeded, 0 failed' figures
            step "HTTP/2"
            h2load -n 2000 -c 20 -m 10 "http://$SERVER:8082/word" >figures
            grep -q '2000 succeeded, 0 failed' figures
        "#,
        ..NGINX
    },
    Case {
        name: "dig",
        does: "a name over UDP and over TCP, an answer that is cut short, a name that is not there, from dnsmasq",
        needs: &["dig", "dnsmasq"],
        meetings: Meeting::SERVED,
        ports: "5353 5353/udp",
        server: r#"bash "$SHARED/dnsmasq.sh" 5353"#,
        client: r#"
            listening 5353
            at() { dig -p 5353 +time=3 +tries=2 "@$SERVER" "$@"; }
            step "over UDP"
            [ "$(at +short www.example.test)" = 192.0.2.7 ]
            step "over TCP"
            [ "$(at +tcp +short www.example.test)" = 192.0.2.7 ]
            step "an answer that is cut short"
            [ "$(at +noedns +short many.example.test | wc -l)" = 60 ]
            step "a name that is not there"
            at absent.example.test | grep -q NXDOMAIN
        "#,
        // It answers TCP only on interfaces that netlink names.
        impossible: &[(Where::Notify, Impossible::NeedsTun)],
        ..Case::BASE
    },
    Case {
        name: "dig, the resolver of resolv.conf",
        does: "the same names from the machine's own resolver, dnsmasq",
        needs: &["dig", "dnsmasq"],
        meetings: &[Meeting::Out],
        server: r#"bash "$SHARED/dnsmasq.sh" 53"#,
        client: r#"
            said started "$T/server.log"
            at() { dig +time=3 +tries=2 "$@"; }
            step "over UDP"
            [ "$(at +short www.example.test)" = 192.0.2.7 ]
            step "over TCP"
            [ "$(at +tcp +short www.example.test)" = 192.0.2.7 ]
            step "the C library"
            getent ahostsv4 www.example.test | grep -q '192.0.2.7'
            step "a name that is not there"
            at absent.example.test | grep -q NXDOMAIN
        "#,
        ..Case::BASE
    },
    Case {
        name: "ping",
        does: "itself, and the machine: three requests of 1,000 bytes",
        needs: &["ping"],
        meetings: &[Meeting::Out],
        server: "sleep 1000",
        client: r#"
            step "itself"
            ping -n -c 3 -i 0.2 -s 1000 10.0.2.15 >said; grep -q ' 0% packet loss' said
            step "the machine"
            ping -n -c 3 -i 0.2 -s 1000 "$SERVER" >said; grep -q ' 0% packet loss' said
        "#,
        impossible: &[(Where::Notify, Impossible::NeedsTun)],
        ..Case::BASE
    },
    Case {
        name: "traceroute",
        does: "by UDP to the machine: it is reached, and answers itself",
        needs: &["traceroute"],
        meetings: &[Meeting::Out],
        server: "sleep 1000",
        client: r#"
            step "reached"
            traceroute -n -q 1 -w 2 -m 5 "$SERVER" >way; cat way
            tail -1 way | grep -q " $SERVER "
        "#,
        impossible: &[(Where::Notify, Impossible::NeedsTun)],
        ..Case::BASE
    },
];
