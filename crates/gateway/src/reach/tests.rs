//! Rules and their texts.

use super::*;
use std::net::SocketAddr;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 2, 15));

fn rules() -> Rules {
    Rules {
        router: Ipv4Addr::new(10, 0, 2, 2),
        own: vec!["10.0.2.2".parse().unwrap()],
        lan: vec!["10.0.2.0/24".parse().unwrap()],
        host: Some("10.0.2.3".parse().unwrap()),
        permissions: Permissions::new(),
        clients: RwLock::default(),
    }
}

fn asked(rules: &Rules, to: &str) -> Result<String, Refusal> {
    match to.parse::<SocketAddr>() {
        Ok(to) => rules.resolve(CLIENT, to.ip(), Some(to.port())),
        Err(_) => rules.resolve(CLIENT, to.parse().unwrap(), None),
    }
    .map(|address| address.to_string())
}

#[test]
fn without_lists_everything_outside_is_reached_but_what_never_leaves() {
    let rules = rules();
    assert_eq!(asked(&rules, "192.0.2.1:80"), Ok("192.0.2.1".to_owned()));
    assert_eq!(asked(&rules, "192.0.2.1"), Ok("192.0.2.1".to_owned()));
    for never in ["127.0.0.1:80", "0.0.0.0:80", "0.1.2.3:80", "224.0.0.1:80", "255.255.255.255:1"] {
        assert_eq!(asked(&rules, never), Err(Refusal::Unreachable), "{never}");
    }
    assert_eq!(asked(&rules, "10.0.2.77:80"), Err(Refusal::Unreachable));
    assert_eq!(asked(&rules, "10.0.2.2:81"), Err(Refusal::Nobody));
    assert_eq!(asked(&rules, "169.254.169.254:80"), Err(Refusal::Prohibited));
}

#[test]
fn the_machine_is_reached_by_its_name_and_if_it_said_so() {
    let mut rules = rules();
    assert_eq!(asked(&rules, "10.0.2.3:80"), Err(Refusal::Nobody));
    rules.permissions.host_access = "80,8000-8002".parse().unwrap();
    rules.permissions.outside = false;
    assert_eq!(asked(&rules, "10.0.2.3:80"), Ok("127.0.0.1".to_owned()));
    assert_eq!(asked(&rules, "10.0.2.3:8002"), Ok("127.0.0.1".to_owned()));
    assert_eq!(asked(&rules, "10.0.2.3:8003"), Err(Refusal::Nobody));
    rules.permissions.host_access = HostAccess::All;
    assert_eq!(asked(&rules, "10.0.2.3:1"), Ok("127.0.0.1".to_owned()));
    assert_eq!(asked(&rules, "192.0.2.1:80"), Err(Refusal::Prohibited));
}

#[test]
fn a_denial_wins_and_who_allows_something_allows_nothing_else() {
    let mut rules = rules();
    rules.permissions.deny =
        vec!["192.0.2.0/24:25".parse().unwrap(), "198.51.100.7".parse().unwrap()];
    assert!(asked(&rules, "192.0.2.1:80").is_ok());
    assert_eq!(asked(&rules, "192.0.2.1:25"), Err(Refusal::Prohibited));
    assert!(asked(&rules, "192.0.2.1").is_ok(), "a port's denial is not about echo requests");
    assert_eq!(asked(&rules, "198.51.100.7"), Err(Refusal::Prohibited));
    rules.permissions.allow =
        vec!["192.0.2.0/24".parse().unwrap(), "169.254.169.254:80".parse().unwrap()];
    assert!(asked(&rules, "192.0.2.1:80").is_ok());
    assert_eq!(asked(&rules, "192.0.2.1:25"), Err(Refusal::Prohibited));
    assert_eq!(asked(&rules, "203.0.113.1:80"), Err(Refusal::Prohibited));
    assert!(asked(&rules, "169.254.169.254:80").is_ok(), "by who names it");
    assert_eq!(asked(&rules, "169.254.169.254:81"), Err(Refusal::Prohibited));
}

#[test]
fn what_cannot_be_read_is_quoted_with_what_can() {
    for wrong in ["", "0", "80-", "90-80", "70000", "80,,443", "http"] {
        let error = wrong.parse::<Ports>().unwrap_err().to_string();
        assert!(error.contains(wrong) && error.contains("8000-8099"), "{error}");
    }
    for wrong in ["", "host", "10.0.0.0/33", "10.0.0.1:", "10.0.0.1:0", ":80", "10.0.0/8"] {
        let error = wrong.parse::<Endpoints>().unwrap_err().to_string();
        assert!(error.contains(wrong) && error.contains("10.0.0.0/8"), "{error}");
    }
    let any: Endpoints = "*:25".parse().unwrap();
    assert!(any.contains("203.0.113.9".parse().unwrap(), Some(25)));
}

#[test]
fn a_host_may_have_permissions_of_its_own() {
    let rules = rules();
    let other: IpAddr = "10.0.2.16".parse().unwrap();
    let own = Permissions::new()
        .host_access("80".parse().unwrap())
        .deny(["192.0.2.0/24".parse().unwrap()]);
    rules.permit(other, Some(own));
    let (host, outside) = ("10.0.2.3".parse().unwrap(), "192.0.2.1".parse().unwrap());
    assert_eq!(rules.resolve(other, host, Some(80)), Ok(Ipv4Addr::LOCALHOST.into()));
    assert_eq!(rules.resolve(other, host, Some(81)), Err(Refusal::Nobody));
    assert_eq!(rules.resolve(other, outside, Some(80)), Err(Refusal::Prohibited));
    assert_eq!(rules.resolve(CLIENT, host, Some(80)), Err(Refusal::Nobody));
    assert_eq!(rules.resolve(CLIENT, outside, Some(80)), Ok(outside));
    assert!(rules.reaches_host(other) && !rules.reaches_host(CLIENT));
    rules.permit(other, Some(Permissions::new().outside(false)));
    assert!(!rules.has_way_out(other) && rules.has_way_out(CLIENT));
    rules.permit(other, None);
    assert_eq!(rules.resolve(other, outside, Some(80)), Ok(outside));
}

#[test]
fn what_is_written_is_read_again() {
    for text in ["192.0.2.7", "10.0.0.0/8", "192.0.2.0/24:80-90,100", "*:25"] {
        let endpoints: Endpoints = text.parse().unwrap();
        assert_eq!(endpoints.to_string().parse(), Ok(endpoints), "{text}");
    }
    for text in ["all", "none", "80,8000-8099"] {
        let access: HostAccess = text.parse().unwrap();
        assert_eq!(access.to_string().parse(), Ok(access), "{text}");
    }
}
