//! Changes of links: only what is named changes, and what makes no sense changes nothing.

use super::*;

fn after(asked: Value) -> LinkState {
    let mut state = LinkState::default();
    apply(&mut state, &asked).unwrap();
    state
}

fn words(asked: Value) -> String {
    apply(&mut LinkState::default(), &asked).unwrap_err()
}

#[test]
fn only_what_is_named_changes() {
    let mut state =
        after(json!({ "transmit": { "delay": 0.05, "loss": 0.02, "rate": 1_000_000 } }));
    assert!(state.receive.is_plain() && state.connected);
    apply(&mut state, &json!({ "transmit": { "loss": 0 }, "receive": { "corrupt": 0.5 } }))
        .unwrap();
    let up = state.transmit.impairment;
    assert_eq!(
        (up.delay, up.loss, up.rate),
        (Duration::from_millis(50), Loss::None, Some(1_000_000))
    );
    assert_eq!(state.receive.impairment.corrupt, 0.5);
    apply(&mut state, &json!({ "transmit": { "rate": null, "queue": 7 } })).unwrap();
    assert_eq!((state.transmit.impairment.rate, state.transmit.impairment.limit), (None, 7));
    apply(&mut state, &json!({ "reset": true, "connected": false })).unwrap();
    assert!(!state.connected && state.transmit.is_plain() && state.receive.is_plain());
    assert_eq!(state.transmit.impairment.limit, 1000);
}

#[test]
fn a_trace_takes_the_place_of_a_rate() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace");
    fs::write(&file, "1\n2\n").unwrap();
    let mut state = after(json!({ "receive": { "rate": 5 } }));
    apply(&mut state, &json!({ "receive": { "trace": file } })).unwrap();
    assert!(state.receive.trace.is_some() && state.receive.impairment.rate.is_none());
    apply(&mut state, &json!({ "receive": { "rate": 5 } })).unwrap();
    assert!(state.receive.trace.is_none());
    fs::write(&file, "2\n1\n").unwrap();
    assert!(words(json!({ "receive": { "trace": file } })).contains("line 2"));
    assert!(words(json!({ "receive": { "trace": "/nowhere" } })).contains("/nowhere"));
}

#[test]
fn what_makes_no_sense_is_said() {
    for (field, value) in [
        ("delay", json!(-1)),
        ("loss", json!("much")),
        ("loss", json!(1.01)),
        ("burst_loss", json!([0.5])),
        ("burst_loss", json!([1.0, 5])),
        ("rate", json!(-5)),
        ("queue", json!(null)),
    ] {
        assert!(words(json!({ "transmit": { field: value } })).contains(field), "{field} {value}");
    }
    assert!(words(json!({ "transmit": { "speed": 1 } })).contains("speed"));
    let bursts = after(json!({ "transmit": { "burst_loss": [0.02, 5] } }));
    assert_eq!(bursts.transmit.impairment.loss, Loss::Bursts(Bursts::with_mean(0.02, 5.0)));
}
