//! The hash of everything that decides a run's result.

use crate::crd::StrategyRunSpec;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Hash of the spec's fields that can change the result. Deadlines, retries, fallback, acceptance, artifacts, cache policy
/// and retention are not among them: changing those does not run anything again.
#[must_use]
pub fn input_hash(spec: &StrategyRunSpec) -> String {
    let mut input = serde_json::json!({
        "code": spec.code,
        "codeFrom": spec.code_from,
        "params": spec.params,
        "dataset": spec.dataset,
        "benchmark": spec.benchmark,
        "execution": spec.execution,
        "trials": spec.trials,
        "className": spec.class_name,
        "limits": spec.resources.as_ref().and_then(|resources| resources.limits.as_ref()),
    });
    // Only where there is one, so that what older operators have finished stays finished.
    if let (Some(checks), Some(input)) = (spec.checks, input.as_object_mut()) {
        input.insert("checks".into(), serde_json::json!(checks));
    }
    // serde_json keeps object keys sorted, so equal specs have equal text.
    let digest = Sha256::digest(input.to_string());
    digest.iter().take(16).fold(String::with_capacity(32), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
