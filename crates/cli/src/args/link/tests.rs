//! What is typed of a link, and the state that it makes.

use super::*;
use clap::Parser;
use danja_lan::impair::Loss;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    link: LinkArgs,
}

fn state(line: &str) -> Result<LinkState, String> {
    let words = line.split_whitespace();
    let line = Line::try_parse_from(["x"].into_iter().chain(words));
    line.map_err(|error| error.to_string())?.link.state()
}

#[test]
fn a_direction_has_its_own_or_that_of_both() {
    let state =
        state("--delay 50ms --delay-down 5ms --loss-up 2% --rate 10mbit --rate-up none").unwrap();
    let (up, down) = (state.transmit.impairment, state.receive.impairment);
    assert_eq!((up.delay, down.delay), (Duration::from_millis(50), Duration::from_millis(5)));
    assert_eq!((up.loss, down.loss), (Loss::Random(0.02), Loss::None));
    assert_eq!((up.rate, down.rate), (None, Some(10_000_000)));
    assert!(state.connected);
}

#[test]
fn bursts_of_both_directions_and_the_loss_of_one() {
    let state = state("--burst-loss 2%,5 --loss-down 1%").unwrap();
    assert!(matches!(state.transmit.impairment.loss, Loss::Bursts(_)));
    assert_eq!(state.receive.impairment.loss, Loss::Random(0.01));
}

#[test]
fn a_trace_is_read_before_anything_begins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("up");
    std::fs::write(&file, "1\n1\n2\n").unwrap();
    let made = state(&format!("--trace-up {}", file.display())).unwrap();
    assert_eq!(made.transmit.trace.unwrap().bits_per_second(), 18_000_000);
    assert!(made.receive.trace.is_none());
    assert!(state("--trace /nowhere/at/all").unwrap_err().contains("/nowhere/at/all"));
    std::fs::write(&file, "one\n").unwrap();
    assert!(state(&format!("--trace {}", file.display())).unwrap_err().contains("line 1"));
    assert!(state(&format!("--trace {} --rate 1mbit", file.display())).is_err());
}

#[test]
fn nothing_asked_is_nothing_wrong() {
    assert!(state("").unwrap().is_plain());
    assert!(state("--seed 5 --queue 9").unwrap().is_plain());
    assert!(state("--rate 5").unwrap_err().contains("10mbit"));
}
