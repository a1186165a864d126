//! Findings as SARIF 2.1.0, which code scanning reads.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Located, Verdict, catalogue};
use crate::strategy::{RULES, Rule, Severity};

/// Bytes of a hash that make a fingerprint.
const FINGERPRINT: usize = 16;

/// One run of the tool with all rules and all findings. Paths become relative references, as they are shown.
///
/// # Errors
/// Never for what is written here; kept because the serialiser can fail for others.
pub fn render(verdicts: &[Verdict]) -> Result<String, serde_json::Error> {
    let mut seen = BTreeMap::new();
    let results: Vec<Value> = verdicts
        .iter()
        .flat_map(|verdict| verdict.findings.iter().map(move |located| (verdict, located)))
        .map(|(verdict, located)| result(verdict, located, &mut seen))
        .collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "stratbox",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": RULES.iter().map(|rule| describe(rule)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_string_pretty(&log).map(|text| text + "\n")
}

fn describe(rule: &Rule) -> Value {
    let title = catalogue::title(rule);
    let doc = catalogue::doc(rule);
    let (score, weakness) = rating(rule);
    let mut tags = vec!["security".to_owned(), "python".to_owned()];
    tags.extend(weakness.map(|number| format!("external/cwe/cwe-{number}")));
    json!({
        "id": rule.id,
        "name": pascal(title),
        "shortDescription": {"text": title},
        "fullDescription": {"text": doc},
        "help": {"text": doc, "markdown": doc},
        "defaultConfiguration": {"level": rule.severity.as_str()},
        "properties": {
            "tags": tags,
            "precision": if rule.severity == Severity::Error { "high" } else { "medium" },
            "security-severity": score,
        },
    })
}

/// How bad what a rule finds would be in a program that is run (CVSS scale), and its weakness in the CWE list.
fn rating(rule: &Rule) -> (&'static str, Option<&'static str>) {
    match (rule.severity, rule.id.get(..3).unwrap_or_default()) {
        (Severity::Warning, _) => ("3.0", None),
        (_, "IMP" | "BLT" | "DUN" | "PDS") => ("9.0", Some("094")),
        (_, "FMT") => ("8.0", Some("134")),
        (_, "SRC" | "PAR") => ("7.0", Some("020")),
        (_, "MUT") => ("6.0", Some("915")),
        (_, "RES") => ("5.0", Some("400")),
        _ => ("4.0", None),
    }
}

/// A title as one word: what SARIF calls the name of a rule.
fn pascal(title: &str) -> String {
    title
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| {
            let (first, rest) = word.split_at(1);
            first.to_ascii_uppercase() + rest
        })
        .collect()
}

fn result(verdict: &Verdict, located: &Located, seen: &mut BTreeMap<String, u32>) -> Value {
    let Located { finding, span, line } = located;
    let uri = uri(&verdict.path);
    // Without line numbers, so that a finding stays the same one when lines above it come and go.
    let identity = format!("{:?}", (finding.rule, &uri, &verdict.run, line.trim()));
    let number = seen.entry(identity.clone()).or_default();
    *number += 1;
    json!({
        "ruleId": finding.rule,
        "ruleIndex": RULES.iter().position(|rule| rule.id == finding.rule),
        "level": finding.severity.as_str(),
        "message": {"text": format!("{}. Instead: {}", finding.message, finding.hint)},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri},
            "region": {
                "startLine": span.line,
                "startColumn": span.column,
                "endLine": span.end_line,
                "endColumn": span.end_column,
                "snippet": {"text": finding.snippet},
            },
        }}],
        "partialFingerprints": {"ruleAndLine/v1": fingerprint(&format!("{identity} {number}"))},
    })
}

fn fingerprint(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(FINGERPRINT).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A path as a URI reference; what may not stand in one is escaped.
fn uri(path: &str) -> String {
    let prefix = if path.starts_with('/') { "file://" } else { "" };
    path.bytes().fold(prefix.to_owned(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("a b/ü.py"), "a%20b/%C3%BC.py");
        assert_eq!(uri("/x.py"), "file:///x.py");
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
        // A colon in the first segment would make a scheme of it.
        assert_eq!(uri("a:b.py"), "a%3Ab.py");
    }

    #[test]
    fn names_of_rules_are_unique_words() {
        let mut names: Vec<String> = RULES.iter().map(|rule| pascal(catalogue::title(rule))).collect();
        assert!(names.iter().all(|name| !name.is_empty() && name.len() <= 255));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RULES.len());
    }
}
