//! `README.ko.md` says what `README.md` says: the same headings, commands, tables and links. That
//! the sentences agree, a person has to see.

use danja_tidy::Project;

use crate::none;

/// What both must have, in order: the level of each heading, each command and line of code without its comment,
/// and the columns of each table row.
fn skeleton(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut code = false;
    for line in text.lines() {
        if line.starts_with("```") {
            code = !code;
            found.push(line.to_owned());
        } else if code {
            let command = line.split("    # ").next().unwrap_or(line);
            let command = command.split(" // ").next().unwrap_or(command).trim_end();
            if !command.is_empty() && !command.starts_with("# ") {
                found.push(command.to_owned());
            }
        } else if line.starts_with('#') {
            let level = line.chars().take_while(|c| *c == '#').count();
            found.push(format!("a heading of level {level}"));
        } else if line.starts_with('|') {
            found.push(format!("a row of {} columns", line.matches('|').count() - 1));
        }
    }
    found
}

/// What stands in code marks, figures and the targets of links, in any order: languages differ in
/// that.
fn facts(text: &str) -> Vec<String> {
    let mut code: Vec<_> = text.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    code.retain(|words| !words.contains('\n'));
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    code.extend(targets.filter(|to| !to.starts_with("README")).map(str::to_owned));
    let mut rows = text.lines().filter(|line| line.starts_with('|')).collect::<Vec<_>>().join(" ");
    rows.retain(|c| c.is_ascii_digit() || c == '.' || c == ' ' || c == ',');
    let figures = rows.split(' ').map(|figure| figure.trim_matches(['.', ',']));
    code.extend(figures.filter(|figure| figure.len() > 1).map(str::to_owned));
    code.sort();
    code
}

#[test]
fn the_front_page_says_the_same_in_both_languages() {
    let project = Project::read();
    let (english, korean) = (project.text("README.md"), project.text("README.ko.md"));
    let (first, second) = (skeleton(english), skeleton(korean));
    assert!(first.len() > 40, "README.md: {} headings, commands and rows", first.len());
    let mut faults = Vec::new();
    let differs = first.iter().zip(&second).find(|(one, other)| one != other);
    if let Some((one, other)) = differs {
        faults.push(format!("README.md has {one:?} where README.ko.md has {other:?}"));
    } else if first.len() != second.len() {
        let rest = first.get(second.len()).or_else(|| second.get(first.len()));
        faults.push(format!("only one of them has {rest:?}"));
    }
    let (first, second) = (facts(english), facts(korean));
    let only = |these: &[String], those: &[String]| {
        these.iter().filter(|fact| !those.contains(fact)).cloned().collect::<Vec<_>>()
    };
    faults.extend(only(&first, &second).iter().map(|fact| format!("README.ko.md lacks {fact}")));
    faults.extend(only(&second, &first).iter().map(|fact| format!("README.md lacks {fact}")));
    none("the languages differ", &faults);
}

#[test]
fn each_language_leads_to_the_other() {
    let project = Project::read();
    let top = |path: &str| project.text(path).lines().take(5).collect::<Vec<_>>().join("\n");
    assert!(top("README.md").contains("(README.ko.md)"));
    assert!(top("README.ko.md").contains("(README.md)"));
}

#[test]
fn differences_are_seen() {
    let text = "# A\n\n```console\n$ a b    # why\n# why\n```\n\n| `c` | 1,072 |\n";
    let same = "# 가\n\n```console\n$ a b    # 왜\n# 왜\n```\n\n| `c`는 | 1,072개 |\n";
    assert_eq!(skeleton(text), skeleton(same));
    assert_eq!(facts(text), facts(same));
    assert_eq!(skeleton("```rust\nf(); // why\n```"), skeleton("```rust\nf(); // 왜\n```"));
    assert_ne!(skeleton("```rust\nf(); // why\n```"), skeleton("```rust\ng(); // why\n```"));
    for (from, to) in [("a b", "a c"), ("# A", "## A"), ("| `c`", "| | `c`")] {
        assert_ne!(skeleton(text), skeleton(&text.replacen(from, to, 1)), "{from}");
    }
    for (from, to) in [("`c`", "`d`"), ("1,072", "1,073")] {
        assert_ne!(facts(text), facts(&text.replacen(from, to, 1)), "{from}");
    }
}
