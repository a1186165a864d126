//! Equal runs: what makes two of them equal, and one's answer for the other.

use super::lifecycle::rerun_requested;
use super::observed::{Gate, Observed};
use super::resolve::{Resolved, gate_policy, resolve};
use super::status::Draft;
use crate::crd::{CachePolicy, Reason, RunPath, SandboxClass, StrategyRun, StrategyRunSpec};
use crate::strategy::ValidatedStrategy;
use crate::wire;

/// Hash of everything that decides a result, known before anything runs: the text, its parameters, the slice of data,
/// how it is traded and checked, what it may use, and what it runs in.
pub(super) fn fingerprint(
    spec: &StrategyRunSpec,
    class: &SandboxClass,
    resolved: &Resolved<'_>,
    strategy: &ValidatedStrategy,
) -> String {
    let dataset = resolved.dataset;
    let mut symbols = spec.dataset.symbols.clone();
    symbols.sort_unstable();
    let source = match &dataset.image {
        Some(image) => serde_json::json!(image.reference),
        // Part of the class's image, where its name says which one it is.
        None => serde_json::json!({"name": dataset.name}),
    };
    let inputs = serde_json::json!({
        "code": strategy.sha256(),
        "params": spec.params,
        "data": {"image": source, "path": dataset.path, "format": dataset.format, "symbols": symbols,
            "start": spec.dataset.start, "end": spec.dataset.end},
        "benchmark": spec.benchmark,
        "execution": resolved.execution,
        "trials": resolved.trials,
        "checks": resolved.echo.checks,
        "limits": resolved.echo.limits,
        "image": class.spec.image,
        "runtime": class.spec.runtime_class_name,
        "require": class.spec.require,
        "policy": gate_policy(&class.spec).digest(),
        "engine": {"version": env!("CARGO_PKG_VERSION"), "schema": wire::SCHEMA},
    });
    // serde_json keeps object keys sorted, so equal inputs have equal text.
    wire::sha256_hex(inputs.to_string().as_bytes())
}

/// The fingerprint that an equal run must have for its result to be this one's; None where this one has to run.
#[must_use]
pub fn sought(observed: &Observed<'_>) -> Option<String> {
    let (run, class, Gate::Accepted(strategy)) = (observed.run, observed.class?, observed.gate) else {
        return None;
    };
    let begun = run.status.as_ref().is_some_and(|status| {
        status.input_hash.as_deref() == Some(&observed.input_hash) && !status.attempts.is_empty()
    });
    // Whoever asks for another run wants one.
    if begun || rerun_requested(run).is_some() || run.spec.cache_policy == CachePolicy::Never {
        return None;
    }
    let resolved = resolve(&run.spec, &class.spec, observed.config).ok()?;
    // A tag may name other content tomorrow: only digests say that two runs have the same image and the same data.
    let own = resolved.dataset.image.as_ref();
    let pinned = is_pinned(&class.spec.image) && own.is_none_or(|image| is_pinned(&image.reference));
    pinned.then(|| fingerprint(&run.spec, class, &resolved, strategy))
}

fn is_pinned(reference: &str) -> bool {
    reference.rsplit_once("@sha256:").is_some_and(|(_, digest)| {
        digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// Whether `other` has the answer to `run`, which seeks that fingerprint. A run that was itself answered by another one
/// is none: its artifacts and its name would be second-hand.
#[must_use]
pub fn answers(other: &StrategyRun, run: &StrategyRun, fingerprint: &str) -> bool {
    let Some(status) = &other.status else { return false };
    let Some(provenance) = &status.provenance else { return false };
    provenance.fingerprint.as_deref() == Some(fingerprint)
        && provenance.cached_from.is_none()
        && status.metrics.is_some()
        && status.completion_time.is_some()
        && status.path == Some(RunPath::Sandbox)
        && other.metadata.namespace == run.metadata.namespace
        && other.metadata.uid != run.metadata.uid
        && other.metadata.deletion_timestamp.is_none()
        && run.spec.artifacts.iter().all(|kind| status.artifacts.iter().any(|there| there.name == *kind))
}

/// Takes over the other run's result.
pub(super) fn take_over(draft: &mut Draft, run: &StrategyRun, other: &StrategyRun) {
    let Some(answer) = &other.status else { return };
    let status = draft.status_mut();
    status.path = answer.path;
    status.metrics = answer.metrics;
    status.checks.clone_from(&answer.checks);
    status.output.clone_from(&answer.output);
    status.artifacts =
        answer.artifacts.iter().filter(|there| run.spec.artifacts.contains(&there.name)).cloned().collect();
    let theirs = answer.provenance.clone().unwrap_or_default();
    let provenance = status.provenance.get_or_insert_default();
    provenance.data_sha256 = theirs.data_sha256;
    provenance.image_digest = theirs.image_digest;
    provenance.engine_version = theirs.engine_version;
    provenance.isolation = theirs.isolation;
    provenance.cached_from.clone_from(&other.metadata.name);
}

/// The reason of a run that has succeeded.
pub(super) fn success(draft: &Draft) -> Reason {
    let cached =
        draft.status().provenance.as_ref().is_some_and(|provenance| provenance.cached_from.is_some());
    if cached { Reason::CacheHit } else { Reason::Succeeded }
}
