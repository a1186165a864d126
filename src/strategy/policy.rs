//! What an administrator may change about the gate, and the digest that says which gate judged a strategy.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::finding::Severity;
use super::rules;

/// Version of the rule table. Raise it whenever a rule's meaning changes, so that cached verdicts expire.
pub const ENGINE: &str = "gate/1";

/// A module beyond the built-in allow-list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedImport {
    /// Exact dotted name; a submodule needs an entry of its own.
    pub module: String,
    /// The attributes that may be used. Empty allows the import and nothing from it.
    pub names: Vec<String>,
}

/// What a finding of a rule that is not part of the core counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Blocks the strategy.
    Error,
    /// Is told, does not block.
    Warning,
    /// Is not looked for.
    Off,
}

/// The administrator's changes to the gate. The default is the built-in gate unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Modules added to the allow-list. Modules that reach the machine (`os`, `ctypes`, …) stay refused.
    pub allowed_imports: Vec<AllowedImport>,
    /// Level by rule id. A core rule can be made no weaker; unknown ids have no effect.
    pub severity_overrides: BTreeMap<String, Level>,
}

impl Policy {
    /// SHA-256 (hex) over the engine's rule table and this policy: two equal digests give equal verdicts.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut text = String::new();
        // Lengths and quotes come from Debug, so that no two policies share a serialisation.
        let _ = writeln!(text, "{ENGINE}");
        for rule in rules::RULES {
            let _ = writeln!(text, "{} {:?} {}", rule.id, rule.severity, rule.core);
        }
        let mut imports: Vec<(&str, Vec<&str>)> = self
            .allowed_imports
            .iter()
            .map(|allowed| {
                let mut names: Vec<&str> = allowed.names.iter().map(String::as_str).collect();
                names.sort_unstable();
                (allowed.module.as_str(), names)
            })
            .collect();
        imports.sort();
        let _ = writeln!(text, "{imports:?}\n{:?}", self.severity_overrides);
        hex(&Sha256::digest(text.as_bytes()))
    }

    /// The severity that a finding of `rule` has, or `None` if the rule is off.
    pub(super) fn severity(&self, rule: &rules::Rule, proposed: Severity) -> Option<Severity> {
        match self.severity_overrides.get(rule.id) {
            Some(Level::Error) => Some(Severity::Error),
            Some(Level::Warning | Level::Off) if rule.core => Some(proposed),
            Some(Level::Warning) => Some(Severity::Warning),
            Some(Level::Off) => None,
            None => Some(proposed),
        }
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_ignores_order_and_sees_every_change() {
        let allowed = |module: &str, names: &[&str]| AllowedImport {
            module: module.into(),
            names: names.iter().map(ToString::to_string).collect(),
        };
        let one = Policy {
            allowed_imports: vec![allowed("a", &["x", "y"]), allowed("b", &[])],
            ..Policy::default()
        };
        let two = Policy {
            allowed_imports: vec![allowed("b", &[]), allowed("a", &["y", "x"])],
            ..Policy::default()
        };
        assert_eq!(one.digest(), two.digest());
        assert_ne!(one.digest(), Policy::default().digest());
        let three =
            Policy { severity_overrides: [("RES005".to_owned(), Level::Off)].into(), ..Policy::default() };
        assert_ne!(three.digest(), Policy::default().digest());
        assert_eq!(Policy::default().digest().len(), 64);
    }
}
