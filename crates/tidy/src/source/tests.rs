//! What the lexer blanks, and what it leaves.

use super::{Source, blank};

#[test]
fn comments_and_literals_are_blanked_and_code_is_not() {
    let cases = [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"f("un\"safe") g"#, "f(          ) g"),
        (r##"f(r#"un"safe"#) g"##, "f(            ) g"),
        ("x('\\'', 'y', 'static)", "x(    ,    , 'static)"),
        ("for r in rows", "for r in rows"),
    ];
    for (text, code) in cases {
        assert_eq!(blank(text), code, "{text}");
    }
}

#[test]
fn words_carry_their_line() {
    let source = Source::new("x.rs".into(), "fn a() {}\n// fn b\nfn c() {}".into());
    let words: Vec<_> = source.words().collect();
    assert_eq!(words, [(1, "fn"), (1, "a"), (3, "fn"), (3, "c")]);
}
