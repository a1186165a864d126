//! The rules, as their doc comments explain them.

use std::fmt::Write as _;

use crate::strategy::{RULES, Rule};

/// One line for every rule: id, severity, whether a policy may soften it, title.
#[must_use]
pub fn list() -> String {
    RULES.iter().fold(String::new(), |mut out, rule| {
        let _ =
            writeln!(out, "{}  {:<7}  {}  {}", rule.id, rule.severity.as_str(), strength(rule), title(rule));
        out
    })
}

/// What a rule refuses, why, and what to write instead; `None` if there is no rule of that id.
#[must_use]
pub fn explain(id: &str) -> Option<String> {
    let rule = RULES.iter().find(|rule| rule.id.eq_ignore_ascii_case(id))?;
    Some(format!("{} ({}, {})\n\n{}\n", rule.id, rule.severity.as_str(), strength(rule), doc(rule)))
}

/// The first line of a rule's documentation.
pub(super) fn title(rule: &Rule) -> &'static str {
    rule.doc.lines().next().unwrap_or_default().trim()
}

/// The documentation without the blank that doc comments begin with.
pub(super) fn doc(rule: &Rule) -> String {
    let lines: Vec<&str> = rule.doc.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n").trim_end().to_owned()
}

const fn strength(rule: &Rule) -> &'static str {
    if rule.core { "core" } else { "soft" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_line_and_an_explanation() {
        assert_eq!(list().lines().count(), RULES.len());
        for rule in RULES {
            assert!(explain(rule.id).unwrap().lines().count() > 3, "{}", rule.id);
            assert!(title(rule).ends_with('.'), "{}: {}", rule.id, title(rule));
        }
        assert_eq!(explain("imp001"), explain("IMP001"));
        assert_eq!(explain("XYZ001"), None);
    }
}
