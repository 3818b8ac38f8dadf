use super::*;
use fluent_bundle::FluentResource;
use std::collections::{BTreeMap, BTreeSet};

/// The placeholders of each sentence of a language.
fn sentences(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let resource = FluentResource::try_new(language.source().to_owned())
        .unwrap_or_else(|(_, errors)| panic!("{language:?}: {errors:?}"));
    resource
        .entries()
        .filter_map(|entry| match entry {
            fluent_syntax::ast::Entry::Message(message) => {
                let value = format!("{:?}", message.value);
                let placeholders = value
                    .split("VariableReference { id: Identifier { name: \"")
                    .skip(1)
                    .filter_map(|rest| rest.split('"').next().map(str::to_owned))
                    .collect();
                Some((message.id.name.to_owned(), placeholders))
            }
            fluent_syntax::ast::Entry::Junk { content } => panic!("{language:?}: {content}"),
            _ => None,
        })
        .collect()
}

#[test]
fn all_languages_have_the_same_sentences_with_the_same_placeholders() {
    let english = sentences(Language::En);
    assert!(english.len() > 60, "{}", english.len());
    assert!(english["socket-made"].contains("memory"));
    for language in Language::ALL {
        let other = sentences(language);
        for (key, placeholders) in &english {
            assert_eq!(other.get(key), Some(placeholders), "{key} in {language:?}");
        }
        assert_eq!(other.len(), english.len(), "{language:?} has sentences of its own");
    }
}

#[test]
fn sentences_are_filled_in() {
    let catalog = Catalog::new(Language::En);
    let values =
        [("socket", "3".into()), ("endpoint", "10.0.2.2:80".into()), ("bytes", 1u64.into())];
    let said = catalog.say("call-send", &values);
    assert_eq!(said, "send(): one byte goes from the program into the send queue of descriptor 3.");
    let catalog = Catalog::new(Language::Ko);
    let said = catalog.say("call-send", &[("socket", "3".into()), ("bytes", 5000u64.into())]);
    assert_eq!(
        said,
        "send(): 프로그램의 데이터 5000바이트가 디스크립터 3번의 송신 큐로 들어갑니다."
    );
}

#[test]
fn the_locale_chooses_the_language() {
    let with = |pairs: &'static [(&str, &str)]| {
        Language::from_environment(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    };
    assert_eq!(with(&[]), Language::En);
    assert_eq!(with(&[("LANG", "ko_KR.UTF-8")]), Language::Ko);
    assert_eq!(with(&[("LANG", "ko")]), Language::Ko);
    assert_eq!(with(&[("LANG", "ko_KR.UTF-8"), ("LC_ALL", "C")]), Language::En);
    assert_eq!(with(&[("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "ko_KR")]), Language::Ko);
    assert_eq!(with(&[("LANG", "ko_KR"), ("LC_ALL", "")]), Language::Ko);
    assert_eq!(with(&[("LANG", "kok_IN")]), Language::En);
}

#[test]
fn long_paragraphs_are_broken_at_spaces() {
    assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    assert_eq!(wrap("", 10), [""]);
    assert_eq!(wrap("unbreakable", 4), ["unbreakable"]);
    // A Korean syllable takes two columns.
    assert_eq!(wrap("소켓 이름", 8), ["소켓", "이름"]);
    assert_eq!(wrap("소켓 이름", 9), ["소켓 이름"]);
    let page = Page { width: 60, colour: false };
    let text = page.paragraph("get", &(2, "word ".repeat(30)));
    assert!(text.lines().count() > 2 && text.lines().all(|line| line.len() <= 60), "{text}");
    assert!(text.lines().all(|line| line.starts_with("get        ")), "{text}");
    assert!(!text.contains('\x1b'));
}
