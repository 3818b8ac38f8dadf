use super::*;
use crate::explain::Language;
use clap::CommandFactory;
use danja_lan::impair::Loss;
use std::time::Duration;

fn parse(line: &str) -> Result<Cli, String> {
    Cli::try_parse_from(line.split(' ')).map_err(|error| error.to_string())
}

fn network(line: &str) -> NetworkArgs {
    match parse(line).unwrap().command {
        Command::Get(args) => args.network,
        Command::Serve(args) => args.network,
        Command::Ping(args) => args.network,
        Command::Resolve(args) => args.network,
        Command::Run(args) => args.network,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_arguments_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_long_help_with_two_examples() {
    for command in [
        "get",
        "serve",
        "ping",
        "resolve",
        "run",
        "hosts",
        "replay",
        "completions",
        "man",
        "ss",
        "neighbours",
        "routes",
        "counters",
        "link",
        "doctor",
    ] {
        let help = parse(&format!("danja {command} --help")).unwrap_err();
        let examples = help.split("Examples:").nth(1).unwrap_or_default();
        let count = examples.matches(&format!("danja {command} ")).count();
        assert!(count >= 2, "{command}: {help}");
        let networked = ["get", "serve", "ping", "resolve", "run", "replay"].contains(&command);
        assert_eq!(help.contains("--explain"), networked, "{command}");
    }
}

#[test]
fn a_congestion_control_that_there_is_not_is_told_which_there_are() {
    let args = network("danja run --congestion reno -- curl http://danja/");
    assert_eq!(args.tap.congestion.map(|it| it.name()), Some("reno"));
    let error = parse("danja get danja --congestion vegas").unwrap_err();
    assert!(error.contains("\u{2018}vegas\u{2019}") && error.contains("reno"), "{error}");
}

#[test]
fn a_bad_link_is_described_with_units() {
    let args = network(
        "danja get danja --delay 50ms --jitter 5ms --loss 2% --reorder 1% --duplicate 3% \
         --corrupt 0.5% --rate 10mbit --queue 20 --seed 7",
    );
    let link = args.link.state().unwrap().receive.impairment;
    assert_eq!(link.delay, Duration::from_millis(50));
    assert_eq!(link.jitter, Duration::from_millis(5));
    assert_eq!(link.loss, Loss::Random(0.02));
    assert_eq!((link.reorder, link.duplicate, link.corrupt), (0.01, 0.03, 0.005));
    assert_eq!((link.rate, link.limit), (Some(10_000_000), 20));
    assert_eq!(args.link.seed, Some(7));
    assert!(network("danja get danja").link.state().unwrap().is_plain());
    let bursts = network("danja get danja --burst-loss 2%,5").link.state().unwrap();
    assert!(matches!(bursts.transmit.impairment.loss, Loss::Bursts(_)));
}

#[test]
fn wrong_quantities_are_quoted_with_a_right_example() {
    for (line, quoted, example) in [
        ("danja get danja --delay 50", "\u{2018}50\u{2019}", "50ms"),
        ("danja get danja --loss 2", "\u{2018}2\u{2019}", "2%"),
        ("danja get danja --rate 10", "\u{2018}10\u{2019}", "10mbit"),
        ("danja get danja --burst-loss 2%", "\u{2018}2%\u{2019}", "2%,5"),
        ("danja ping danja -s 1x", "\u{2018}1x\u{2019}", "56"),
        ("danja ping danja -i soon", "\u{2018}soon\u{2019}", "50ms"),
        ("danja get danja --inspect x", "\u{2018}x\u{2019}", "127.0.0.1:8080"),
        ("danja get a --tap t --address 10.0.0.1", "\u{2018}10.0.0.1\u{2019}", "192.168.7.2/24"),
        ("danja get a --tap t --address 10.0.0.1/33", "\u{2018}10.0.0.1/33\u{2019}", "/24"),
        ("danja get a --tap t --address 1.2.3.4/24 --via x", "\u{2018}x\u{2019}", "192.168.7.1"),
    ] {
        let message = parse(line).unwrap_err();
        assert!(message.contains(quoted) && message.contains(example), "{line}: {message}");
    }
    let message = parse("danja ping danja -s 65508").unwrap_err();
    assert!(message.contains("65507"), "{message}");
}

#[test]
fn options_that_need_or_exclude_each_other() {
    assert!(parse("danja get a --tap tap0").unwrap_err().contains("--address"));
    assert!(parse("danja get a --address 10.0.0.1/8").unwrap_err().contains("--tap"));
    assert!(parse("danja get a --loss 1% --burst-loss 1%,2").is_err());
    assert!(parse("danja -q -v get a").is_err());
    assert!(parse("danja serve . --tap t --address 10.0.0.1/8 --publish 80").is_err());
    for rule in ["--host-access", "--no-outside", "--allow 10.0.0.0/8", "--deny *:25"] {
        assert!(parse(&format!("danja get a {rule}")).is_ok());
        assert!(parse(&format!("danja get a --lan lab {rule}")).is_ok());
        for device in ["--tap t", "--nic n"] {
            // There is no router of ours.
            let line = format!("danja get a {device} --address 10.0.0.1/8 {rule}");
            assert!(parse(&line).unwrap_err().contains("cannot be used with"), "{line}");
        }
    }
    assert!(parse("danja serve . --port 0").is_err());
    assert!(parse("danja ping a -c 0").is_err());
}

#[test]
fn explain_has_two_forms_and_two_languages() {
    let explain = |line| network(line).show.story.explain;
    assert_eq!(explain("danja get danja"), None);
    assert_eq!(explain("danja get danja --explain"), Some(ExplainForm::Text));
    assert_eq!(explain("danja get --explain danja"), Some(ExplainForm::Text));
    assert_eq!(explain("danja get danja --explain=json"), Some(ExplainForm::Json));
    let language = network("danja get danja --explain --lang ko").show.story.lang;
    assert_eq!(language, Some(Language::Ko));
}

#[test]
fn ports_of_this_machine() {
    assert_eq!("8080".parse::<AtPort>().unwrap().0, "127.0.0.1:8080".parse().unwrap());
    assert_eq!("0.0.0.0:80".parse::<AtPort>().unwrap().0, "0.0.0.0:80".parse().unwrap());
    assert!("70000".parse::<AtPort>().is_err());
    for (text, on, port) in [
        ("8081", "127.0.0.1:8081", None),
        ("0.0.0.0:8081", "0.0.0.0:8081", None),
        ("8081:80", "127.0.0.1:8081", Some(80)),
        ("0.0.0.0:8081:80", "0.0.0.0:8081", Some(80)),
    ] {
        let on = AtPort(on.parse().unwrap());
        for (suffix, transport) in
            [("", Transport::Tcp), ("/tcp", Transport::Tcp), ("/udp", Transport::Udp)]
        {
            let text = format!("{text}{suffix}");
            let parsed = text.parse::<Publish>().unwrap();
            assert_eq!(parsed, Publish { on, port, transport }, "{text}");
        }
    }
    let wrong =
        ["", ":", "8081:", ":80", "8081:0", "a:80", "8081:80:80:80", "80/", "/udp", "80/sctp"];
    for text in wrong {
        assert!(text.parse::<Publish>().unwrap_err().contains("8080:80"), "{text}");
    }
    assert!(parse("danja serve . --publish 80/udp").unwrap_err().contains("TCP"));
}
