//! Who is on a LAN: names and addresses, each given to one host only.

use super::hello::{Answer, HostView};
use super::{may_have, on_lan};
use crate::network::{PROGRAM, ROUTER};
use danja_lan::uplink::Station;
use std::net::Ipv4Addr;
use std::time::Instant;

/// Names that are the router's and the machine's.
const RESERVED: [&str; 2] = ["danja", "host"];

/// A host on the LAN.
pub(super) struct Member {
    pub(super) number: u64,
    pub(super) name: String,
    pub(super) address: Ipv4Addr,
    pub(super) mac: String,
    pub(super) mtu: usize,
    pub(super) process: u32,
    pub(super) since: Instant,
    /// Its cable, once it is plugged in.
    pub(super) station: Option<Station>,
}

impl Member {
    fn view(&self) -> HostView {
        let counters = self.station.as_ref().map(Station::counters).unwrap_or_default();
        HostView {
            name: self.name.clone(),
            address: self.address,
            mac: self.mac.clone(),
            mtu: self.mtu,
            process: self.process,
            seconds: self.since.elapsed().as_secs(),
            received_frames: counters.received_frames,
            transmitted_frames: counters.transmitted_frames,
            dropped_frames: counters.received_dropped,
        }
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Members {
    all: Vec<Member>,
    count: u64,
}

/// What a host asks for.
pub(super) struct Wish<'a> {
    pub(super) name: &'a str,
    /// The name was asked for, and no other will do.
    pub(super) asked_for: bool,
    pub(super) address: Option<Ipv4Addr>,
    pub(super) mtu: usize,
    pub(super) process: u32,
}

impl Members {
    /// Takes a host in.
    ///
    /// # Errors
    /// Its name or address is taken, or none is left: the message says what to do.
    pub(super) fn admit(&mut self, wish: &Wish<'_>, lan: &str) -> Result<&Member, String> {
        let name = self.name_for(wish, lan)?;
        let address = self.address_for(wish, lan)?;
        let [a, b, c, d] = address.octets();
        self.count += 1;
        self.all.push(Member {
            number: self.count,
            name,
            address,
            mac: danja_lan::MacAddress([2, 0, a, b, c, d]).to_string(),
            mtu: wish.mtu,
            process: wish.process,
            since: Instant::now(),
            station: None,
        });
        self.all.last().ok_or_else(String::new)
    }

    fn name_for(&self, wish: &Wish<'_>, lan: &str) -> Result<String, String> {
        let name = super::name(wish.name)?;
        let holder = |name: &str| self.all.iter().find(|member| member.name == name);
        let taken = |name: &str| RESERVED.contains(&name) || holder(name).is_some();
        if !taken(&name) {
            return Ok(name);
        }
        if wish.asked_for {
            let by = holder(&name).map(|member| format!(" by process {}", member.process));
            return Err(format!(
                "the name \u{2018}{name}\u{2019} is taken on the LAN \u{2018}{lan}\u{2019}{}: \
                 choose another with --name",
                by.unwrap_or_default()
            ));
        }
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        Ok(numbered.into_iter().find(|name| !taken(name)).unwrap_or_default())
    }

    fn address_for(&self, wish: &Wish<'_>, lan: &str) -> Result<Ipv4Addr, String> {
        let holder = |address| self.all.iter().find(|member| member.address == address);
        let Some(address) = wish.address else {
            let [a, b, c, first] = PROGRAM.octets();
            let mut free = (first..255).map(|last| Ipv4Addr::new(a, b, c, last));
            return free
                .find(|address| holder(*address).is_none())
                .ok_or_else(|| format!("the LAN \u{2018}{lan}\u{2019} has no free address left"));
        };
        if !may_have(address) {
            let network = on_lan(ROUTER).map(|lan| lan.network().to_string()).unwrap_or_default();
            return Err(format!(
                "{address} cannot be a host's on the LAN \u{2018}{lan}\u{2019}, which is {network} \
                 with {ROUTER} for its router: write --address 10.0.2.20/24"
            ));
        }
        match holder(address) {
            None => Ok(address),
            Some(other) => Err(format!(
                "the host \u{2018}{}\u{2019} of the LAN \u{2018}{lan}\u{2019} has the address \
                 {address}: choose another with --address",
                other.name
            )),
        }
    }

    /// A host's cable is plugged in. If it has gone already, the cable is given back.
    pub(super) fn plug(&mut self, number: u64, station: Station) -> Option<Station> {
        let Some(member) = self.all.iter_mut().find(|member| member.number == number) else {
            return Some(station);
        };
        member.station = Some(station);
        None
    }

    /// A host has gone.
    pub(super) fn remove(&mut self, number: u64) -> Option<Member> {
        let at = self.all.iter().position(|member| member.number == number)?;
        Some(self.all.remove(at))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The answer to who is there.
    pub(super) fn list(&self, mtu: usize) -> Answer {
        Answer::Hosts { mtu, hosts: self.all.iter().map(Member::view).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(name: &str, asked_for: bool, address: Option<[u8; 4]>) -> Wish<'_> {
        Wish { name, asked_for, address: address.map(Ipv4Addr::from), mtu: 1500, process: 7 }
    }

    #[test]
    fn names_and_addresses_are_given_once_and_come_free_again() {
        let mut members = Members::default();
        let first = members.admit(&wish("Web", true, None), "lab").unwrap();
        assert_eq!((first.name.as_str(), first.address), ("web", PROGRAM));
        assert_eq!(first.mac, "02:00:0a:00:02:0f");
        let number = first.number;
        let error = members.admit(&wish("web", true, None), "lab").map(|_| ()).unwrap_err();
        assert!(error.contains("process 7") && error.contains("--name"), "{error}");
        assert_eq!(members.admit(&wish("web", false, None), "lab").unwrap().name, "web-2");
        let own = members.admit(&wish("own", true, Some([10, 0, 2, 17])), "lab").unwrap();
        assert_eq!(own.address.octets(), [10, 0, 2, 17]);
        let next = members.admit(&wish("next", true, None), "lab").unwrap();
        assert_eq!(next.address.octets(), [10, 0, 2, 18], "what was asked for is not given again");
        members.remove(number);
        assert_eq!(members.admit(&wish("web", true, None), "lab").unwrap().address, PROGRAM);
    }

    #[test]
    fn what_cannot_be_given_is_said() {
        let mut members = Members::default();
        let mut error = |wish: &Wish<'_>| members.admit(wish, "lab").map(|_| ()).unwrap_err();
        assert!(error(&wish("danja", true, None)).contains("taken"));
        assert!(error(&wish("a b", true, None)).contains("a b"));
        assert!(error(&wish("x", true, Some([10, 0, 2, 2]))).contains("10.0.2.0/24"));
        assert!(error(&wish("x", true, Some([10, 0, 9, 9]))).contains("10.0.2.0/24"));
        let mut members = Members::default();
        members.admit(&wish("x", true, Some([10, 0, 2, 9])), "lab").unwrap();
        let error = members.admit(&wish("y", true, Some([10, 0, 2, 9])), "lab").map(|_| ());
        assert!(error.unwrap_err().contains('x'));
    }

    #[test]
    fn a_full_lan_says_so() {
        let mut members = Members::default();
        for _ in 15..255 {
            members.admit(&wish("x", false, None), "lab").unwrap();
        }
        assert!(members.admit(&wish("x", false, None), "lab").is_err());
    }
}
