//! Tests of the evaluator.

use super::{Refused, Value, run};

fn check(code: &str) -> Result<(), Refused> {
    run(code, &|name| match name {
        "a" => Some(Value::Number(7.0)),
        "b" => Some(Value::Number(3.0)),
        "name" => Some(Value::Text("cubic".to_owned())),
        _ => None,
    })
}

#[test]
fn true_assertions_pass() {
    let code =
        "assert a == 7\nassert b < a <= 7 and a != b, 'said'\nassert (a & 3) == 3 and (a | 8) == 15
        assert a + b * 2 - 1 == 12; assert a / 2 == 3.5; assert a // 2 == 3 and a % b == 1
        assert not a == b or False # a comment; assert False
        assert (a >
            b), a
        assert 1 << b == 8 and 16 >> 1 == 8 and -b == 0 - 3 and 0x1f == 31
        assert a == 7, 'a=%d' % a; assert a == 7, 'a=%d b=%d' % (a, b)
        assert name == 'cubic' and name != \"reno\" and not not True\nprint a, b\nprint (a)";
    assert_eq!(check(code), Ok(()));
}

#[test]
fn false_assertions_say_the_values() {
    let Err(Refused::False(message)) = check("assert a == 7\nassert a == b, 'x'") else { panic!() };
    assert_eq!(message, "assert a == b, 'x' is false (a is 7, b is 3)");
    for code in [
        "assert a < b",
        "assert 1 < a < 2",
        "assert a == 8 and b == 3",
        "assert name == 7",
        "assert not a",
    ] {
        assert!(matches!(check(code), Err(Refused::False(_))), "{code}");
    }
}

#[test]
fn what_is_not_understood_is_said() {
    for code in [
        "assert c",
        "x = 3",
        "assert a ==",
        "assert (a",
        "assert a b",
        "asserted",
        "assert a / 0",
        "if a:",
    ] {
        assert!(matches!(check(code), Err(Refused::Unknown(_))), "{code}");
    }
    let deep = format!("assert {}a", "(".repeat(10_000));
    assert!(matches!(check(&deep), Err(Refused::Unknown(_))));
}
