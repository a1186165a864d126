//! `eval("1")` in every place of Python's grammar where an expression can stand: the gate refuses each.
//!
//! The places are not a list of ours: `positions/positions.py` makes `positions/positions.json` from the grammar that
//! `CPython`'s own `ast` documents. `UPDATE=1 PYTHON=python3.13 cargo test --test positions` writes it anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use stratbox::strategy::{Policy, check};

/// What the generator places.
const MARK: &str = "eval('1')";
/// The same with quotes that fit into those of the generator's f-strings.
const CALL: &str = "eval(\"1\")";
/// The Python of the sandbox, whose grammar this is.
const PYTHON: &str = "3.13";

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Positions {
    python: String,
    /// Fields that take no call at all.
    nowhere: Vec<String>,
    programs: Vec<Program>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Program {
    position: String,
    program: String,
}

impl Positions {
    fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The fields of the grammar that have a program.
    fn fields(&self) -> BTreeSet<&str> {
        let field = |place: &'_ str| {
            place.split(['[', '{', '*', ' ']).next().unwrap_or_default().trim_end_matches('.').len()
        };
        self.programs.iter().map(|Program { position, .. }| &position[..field(position)]).collect()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/positions")
}

fn kept() -> Positions {
    Positions::read(&std::fs::read_to_string(folder().join("positions.json")).unwrap())
}

/// The rules that refuse a program with a harmless strategy behind it.
fn refused(program: &str) -> Vec<&'static str> {
    let code = format!("{program}\n\n\ndef strategy(data):\n    return data['close']\n");
    let findings =
        check(code.as_bytes(), &Policy::default()).err().unwrap_or_else(|| panic!("accepted:\n{code}"));
    findings.items().iter().map(|finding| finding.rule).collect()
}

#[test]
fn eval_is_refused_in_every_position_of_the_grammar() {
    let kept = kept();
    let (mut by_name, mut unread) = (0, 0);
    for Program { position, program } in &kept.programs {
        let rules = refused(&program.replace(MARK, CALL));
        if rules.contains(&"BLT001") {
            by_name += 1;
        } else {
            // Only the parsers come before the names: one of them knows no defaults of type parameters, and not
            // every operand behind a star.
            assert!(rules.iter().all(|rule| rule.starts_with("PAR")), "{position}: {rules:?}\n{program}");
            assert!(
                position.contains("default_value") || position.ends_with('*'),
                "{position}: {rules:?}\n{program}"
            );
            unread += 1;
        }
    }
    println!(
        "{} programs for {} fields: {by_name} by BLT001, {unread} by the parsers",
        kept.programs.len(),
        kept.fields().len()
    );
    assert!(by_name > 500, "{by_name}");
}

#[test]
fn eval_is_refused_in_every_position_inside_every_other() {
    let kept = kept();
    let inner: Vec<String> = kept
        .programs
        .iter()
        .filter(|inner| {
            !inner.program.contains('\n') && is_plain(&inner.position) && is_expression(&inner.position)
        })
        .map(|inner| format!("({})", inner.program.replace(MARK, CALL)))
        .collect();
    let (mut by_name, mut unread) = (0, 0);
    for outer in kept.programs.iter().filter(|outer| is_plain(&outer.position)) {
        for inner in &inner {
            let program = outer.program.replace(MARK, inner);
            let rules = refused(&program);
            if rules.contains(&"BLT001") {
                by_name += 1;
            } else {
                assert!(rules.iter().all(|rule| rule.starts_with("PAR")), "{rules:?}\n{program}");
                unread += 1;
            }
        }
    }
    println!("{} pairs: {by_name} by BLT001, {unread} by the parsers", by_name + unread);
    assert!(by_name > 5_000 && unread < by_name / 4, "{by_name} / {unread}");
}

/// Whether the position's node is an expression by itself, or stands in one.
fn is_expression(position: &str) -> bool {
    const STATEMENTS: &[&str] = &[
        "Assign",
        "AugAssign",
        "AnnAssign",
        "Assert",
        "Delete",
        "Raise",
        "TypeAlias",
        "TypeVar",
        "ParamSpec",
        "Module",
    ];
    !STATEMENTS.iter().any(|statement| position.starts_with(statement))
}

/// Whether the mark itself stands in the field, alone.
fn is_plain(position: &str) -> bool {
    position.ends_with(|c: char| c.is_alphanumeric() || c == '_') && !position.ends_with(" second")
}

#[test]
fn the_positions_are_those_of_the_grammar() {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let done = Command::new(&python)
        .arg("-B")
        .arg(folder().join("positions.py"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(done.status.success(), "{python} positions.py failed");
    let text = String::from_utf8(done.stdout).unwrap();
    let made = Positions::read(&text);
    if std::env::var_os("UPDATE").is_some() {
        assert_eq!(made.python, PYTHON, "UPDATE=1 wants PYTHON=python{PYTHON}");
        std::fs::write(folder().join("positions.json"), &text).unwrap();
    }
    let kept = kept();
    assert_eq!(kept.python, PYTHON);
    if made.python == PYTHON {
        assert_eq!(made, kept, "UPDATE=1 writes it anew");
    } else {
        // Another Python writes the same tree in another way, and knows fewer fields or more.
        let (made, kept) = (made.fields(), kept.fields());
        assert!(made.is_subset(&kept) || kept.is_subset(&made), "{:?}", made.symmetric_difference(&kept));
    }
    println!(
        "Python {}: {} fields, {} of them take no call",
        made.python,
        made.fields().len() + made.nowhere.len(),
        made.nowhere.len()
    );
}
