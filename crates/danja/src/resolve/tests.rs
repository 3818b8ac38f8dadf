use super::*;

fn settings() -> Settings {
    Settings {
        search: vec!["lan".to_owned(), "example.".to_owned()],
        names: vec![
            ("Gateway".to_owned(), IpAddr::from([10, 0, 2, 2])),
            ("gateway.".to_owned(), IpAddr::from([10, 0, 2, 7])),
        ],
        ..Settings::default()
    }
}

#[test]
fn known_names_have_any_case_and_any_end() {
    let both = vec![IpAddr::from([10, 0, 2, 2]), IpAddr::from([10, 0, 2, 7])];
    for name in ["gateway", "GATEWAY.", "Gateway"] {
        assert_eq!(settings().known(name), both, "{name}");
    }
    for name in ["localhost", "LocalHost.", "page.localhost"] {
        assert_eq!(settings().known(name), [Ipv4Addr::LOCALHOST], "{name}");
    }
    assert_eq!(settings().known("notlocalhost"), Vec::<IpAddr>::new());
}

#[test]
fn the_search_list_comes_before_or_after_the_name() {
    assert_eq!(settings().candidates("server"), ["server.lan", "server.example", "server"]);
    assert_eq!(settings().candidates("a.b"), ["a.b", "a.b.lan", "a.b.example"]);
    assert_eq!(settings().candidates("server."), ["server."]);
    assert_eq!(Settings::default().candidates("server"), ["server"]);
    let dotty = Settings { ndots: 2, ..settings() };
    assert_eq!(dotty.candidates("a.b"), ["a.b.lan", "a.b.example", "a.b"]);
}

#[test]
fn addresses_in_digits_are_no_names() {
    assert_eq!(numeric("10.0.2.3"), Some(IpAddr::from([10, 0, 2, 3])));
    assert_eq!(numeric("[::1]"), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    assert_eq!(numeric("::1"), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    for name in ["[10.0.2.3]", "[10.0.2.3", "10.0.2.3]", "[[::1]]", "10.0.2", "[]", ""] {
        assert_eq!(numeric(name), None, "{name}");
    }
}
