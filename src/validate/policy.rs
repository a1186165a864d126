//! The policy file: the `policy` of a `SandboxClass`, by itself.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::crd::{AllowedImport, ClassPolicy, SandboxClassSpec, Severity};
use crate::run::gate_policy;
use crate::strategy::{Policy, RULES};

/// Why a policy file is not used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not YAML, or with fields that a policy does not have.
    #[error(transparent)]
    Yaml(Box<serde_saphyr::Error>),
    /// An id that no rule has: most likely misspelt, and then it would do nothing.
    #[error("severityOverrides: there is no rule {0:?}; `stratbox rules` lists them")]
    UnknownRule(String),
}

/// As the class has it, but without tolerance for fields that a policy does not have.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct File {
    allowed_imports: Vec<AllowedImport>,
    severity_overrides: BTreeMap<String, Severity>,
}

/// Reads `{allowedImports: [{module, names}], severityOverrides: {RULE: error|warning|off}}`.
///
/// # Errors
/// Another form, or a rule that does not exist.
pub fn parse(text: &str) -> Result<Policy, PolicyError> {
    let file: Option<File> =
        serde_saphyr::from_str(text).map_err(|error| PolicyError::Yaml(Box::new(error)))?;
    let File { allowed_imports, severity_overrides } = file.unwrap_or_default();
    if let Some(id) = severity_overrides.keys().find(|id| !RULES.iter().any(|rule| rule.id == id.as_str())) {
        return Err(PolicyError::UnknownRule(id.clone()));
    }
    let policy = ClassPolicy { allowed_imports, severity_overrides };
    Ok(gate_policy(&SandboxClassSpec { policy, ..SandboxClassSpec::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::Level;

    #[test]
    fn a_policy_is_that_of_a_class() {
        let policy = parse(
            "allowedImports: [{module: scipy.stats, names: [zscore]}]\nseverityOverrides: {RES005: error}\n",
        )
        .unwrap();
        assert_eq!(policy.allowed_imports[0].module, "scipy.stats");
        assert_eq!(policy.severity_overrides["RES005"], Level::Error);
        assert_eq!(parse("").unwrap(), Policy::default());
    }

    #[test]
    fn misspelt_policies_are_refused() {
        for text in [
            "allowedimports: []",
            "severityOverrides: {RES999: off}",
            "severityOverrides: {RES005: no}",
            "[]",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
