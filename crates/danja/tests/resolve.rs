//! The resolver against a small DNS server on another host of the LAN.

mod common;
#[path = "common/dns.rs"]
mod dns;

use common::{address, builder, host, in_time};
use danja::Host;
use danja::lan::cable::Switch;
use danja::net::ToEndpoints;
use danja::observe::{Observed, Observer};
use dns::Asked;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A server, and a client that asks it.
fn world() -> (Host, Host, Asked) {
    let lan = Switch::new();
    let server = host(&lan, 1);
    let client = builder(&lan, 2).dns(address(1)).search("lan").build().unwrap();
    client.configure_resolver(|settings| settings.timeout = Duration::from_millis(500));
    let asked = dns::serve(&server);
    (server, client, asked)
}

fn given(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

#[test]
fn names_are_found() {
    in_time(|| {
        let (_server, client, asked) = world();
        assert_eq!(client.resolve("one.lan").unwrap(), [given(1)]);
        assert_eq!(client.resolve("ONE.lan.").unwrap(), [given(1)]);
        assert_eq!(client.resolve("two.lan").unwrap(), [given(1), given(2)]);
        assert_eq!(client.resolve("alias.lan").unwrap(), [given(7)]);
        assert_eq!("one.lan:80".endpoints(&client).unwrap(), ["192.0.2.1:80".parse().unwrap()]);
        // No question for what needs none.
        asked.lock().unwrap().clear();
        assert_eq!(client.resolve("192.0.2.9").unwrap(), [given(9)]);
        assert_eq!(client.resolve("localhost").unwrap(), [IpAddr::from([127, 0, 0, 1])]);
        assert_eq!(*asked.lock().unwrap(), [""; 0]);
    });
}

#[test]
fn the_search_list_is_gone_through() {
    in_time(|| {
        let (_server, client, asked) = world();
        assert_eq!(client.resolve("one").unwrap(), [given(1)]);
        assert_eq!(*asked.lock().unwrap(), ["udp one.lan."]);
        let error = client.resolve("nobody").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(
            error.to_string(),
            "10.0.0.1 answered that there is no nobody.lan; \
             10.0.0.1 answered that there is no nobody"
        );
    });
}

#[test]
fn a_domain_of_the_search_list_that_is_of_no_use_is_passed_over() {
    in_time(|| {
        let (_server, client, asked) = world();
        // Its server fails for the one, and knows the other.
        assert_eq!(client.resolve("broken").unwrap(), [given(9)]);
        asked.lock().unwrap().clear();
        // As long as a name can be, so that no domain fits behind it.
        let long = format!("{0}.{0}.{0}.{1}", "x".repeat(63), "y".repeat(61));
        let error = client.resolve(&long).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert_eq!(*asked.lock().unwrap(), [format!("udp {long}.")]);
    });
}

#[test]
fn a_truncated_answer_is_asked_for_over_tcp() {
    in_time(|| {
        let (_server, client, asked) = world();
        let all: Vec<_> = (1..=100).map(given).collect();
        assert_eq!(client.resolve("large.lan").unwrap(), all);
        assert_eq!(*asked.lock().unwrap(), ["udp large.lan.", "tcp large.lan."]);
    });
}

#[test]
fn forged_answers_are_not_taken() {
    in_time(|| {
        let (_server, client, asked) = world();
        assert_eq!(client.resolve("forged.lan").unwrap(), [given(1)]);
        assert_eq!(*asked.lock().unwrap(), ["udp forged.lan."]);
        assert_eq!(client.resolve("elsewhere.lan").unwrap(), [given(1)]);
    });
}

#[test]
fn answers_over_tcp_may_be_huge_and_must_be_whole() {
    in_time(|| {
        let (_server, client, _asked) = world();
        let all = client.resolve("huge.lan").unwrap();
        assert_eq!((all.len(), all[2_499]), (2_500, IpAddr::from([10, 1, 9, 195])));
        let error = client.resolve("endless.lan.").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        let error = client.resolve("short.lan.").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
    });
}

#[test]
fn failures_say_who_said_what() {
    in_time(|| {
        let (_server, client, asked) = world();
        let error = client.resolve("empty.lan.").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(error.to_string(), "10.0.0.1 answered that empty.lan. has no address");

        let error = client.resolve("broken.lan.").unwrap_err();
        let text = error.to_string();
        let expected = "cannot look up broken.lan.: 10.0.0.1 answered \"";
        assert!(text.starts_with(expected), "{text}");

        asked.lock().unwrap().clear();
        let error = client.resolve("silent.lan.").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let expected = "cannot look up silent.lan.: 10.0.0.1 did not answer in 500ms";
        assert_eq!(error.to_string(), expected);
        assert_eq!(asked.lock().unwrap().len(), 2, "it is tried twice");

        for name in ["", "a..b", &"x".repeat(64)] {
            let error = client.resolve(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
    });
}

#[test]
fn the_next_server_is_asked() {
    in_time(|| {
        let lan = Switch::new();
        let (server, closed) = (host(&lan, 1), host(&lan, 3));
        // Nobody is at 9; 3 has no DNS server.
        let client =
            builder(&lan, 2).dns(address(9)).dns(address(3)).dns(address(1)).build().unwrap();
        client.configure_resolver(|settings| settings.timeout = Duration::from_millis(500));
        dns::serve(&server);
        assert_eq!(client.resolve("one.lan").unwrap(), [given(1)]);
        client.configure_resolver(|settings| {
            settings.servers.truncate(2);
            settings.timeout = Duration::from_secs(4);
            settings.attempts = 1;
        });
        let error = client.resolve("one.lan").unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot look up one.lan: \
             10.0.0.9 could not be asked: host unreachable: nobody answered ARP for 10.0.0.9; \
             10.0.0.3 could not be asked: connection refused: \
             10.0.0.3 sent ICMP port unreachable"
        );
        drop(closed);
        client.configure_resolver(|settings| settings.servers.clear());
        assert_eq!(client.resolve("one.lan").unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[derive(Default)]
struct Lookups(Mutex<Vec<String>>);

impl Observer for Lookups {
    fn observe(&self, _: &str, _: danja::stack::Instant, event: &Observed<'_>) {
        if let Observed::Lookup(lookup) = event {
            let over = if lookup.over_tcp { "tcp" } else { "udp" };
            let told = match lookup.answer {
                Ok(addresses) => format!("{} addresses", addresses.len()),
                Err(why) => why.to_owned(),
            };
            let line = format!("{over} {} {} {told}", lookup.server, lookup.name);
            self.0.lock().unwrap().push(line);
        }
    }
}

#[test]
fn an_observer_hears_of_each_question() {
    in_time(|| {
        let lan = Switch::new();
        let server = host(&lan, 1);
        let lookups = Arc::new(Lookups::default());
        let observer = Arc::clone(&lookups);
        let client = builder(&lan, 2).dns(address(1)).observer(observer).build().unwrap();
        dns::serve(&server);
        client.resolve("large.lan").unwrap();
        client.resolve("nobody.lan").unwrap_err();
        assert_eq!(
            *lookups.0.lock().unwrap(),
            [
                "udp 10.0.0.1:53 large.lan. answered, but truncated",
                "tcp 10.0.0.1:53 large.lan. 100 addresses",
                "udp 10.0.0.1:53 nobody.lan. no such name",
            ]
        );
    });
}
