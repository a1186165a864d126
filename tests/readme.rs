//! The README's generated parts. `UPDATE=1` writes them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]

use std::fmt::Write as _;
use std::path::Path;
use stratbox::crd::Reason;

fn table() -> String {
    let mut table = String::from("| reason | cause and remedy |\n|---|---|\n");
    for reason in Reason::ALL {
        let _ = writeln!(table, "| `{}` | {} |", reason.as_str(), reason.doc().trim());
    }
    table
}

#[test]
fn every_reason_stands_in_the_readme_with_its_remedy() {
    const BEGIN: &str = "<!-- reasons: begin -->\n";
    const END: &str = "<!-- reasons: end -->";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the marker of the table's begin");
    let (_, after) = rest.split_once(END).expect("the marker of the table's end");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap();
    assert!(
        there == wanted,
        "README.md is behind src/crd/condition.rs: run UPDATE=1 cargo test --test readme"
    );
}
