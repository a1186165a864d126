//! Metric families. No run name ever becomes a label.

use crate::crd::{Durations, StrategyRunStatus};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::sync::Arc;

/// Seconds; the warm path lives in the first ones, deadlines in the last.
const BUCKETS: [f64; 14] = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RunLabels {
    reason: String,
    path: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ErrorLabels {
    class: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerdictLabels {
    verdict: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClaimLabels {
    result: &'static str,
}

/// All families, shared by whoever counts.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    runs: Family<RunLabels, Counter>,
    fallbacks: Family<ErrorLabels, Counter>,
    stages: Family<StageLabels, Histogram, fn() -> Histogram>,
    errors: Family<ErrorLabels, Counter>,
    reviews: Family<VerdictLabels, Counter>,
    claims: Family<ClaimLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let runs = Family::default();
        let fallbacks = Family::default();
        let errors = Family::default();
        let reviews = Family::default();
        let claims = Family::default();
        let stages: Family<StageLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(BUCKETS));
        let mut registry = Registry::with_prefix("stratbox");
        registry.register("runs", "Runs that ended, by Ready's reason and path", runs.clone());
        registry.register("fallback", "Runs that ended for want of a sandbox, by cause", fallbacks.clone());
        registry.register("stage_duration_seconds", "Time that runs spent in each stage", stages.clone());
        registry.register("reconcile_errors", "Failed looks or writes, by step", errors.clone());
        registry.register("admission_reviews", "Reviews at admission, by verdict", reviews.clone());
        registry.register("claims", "Attempts to take a pool's sandbox, by result", claims.clone());
        Self { registry: Arc::new(registry), runs, fallbacks, stages, errors, reviews, claims }
    }
}

impl Metrics {
    /// Counts a run that has ended with this status.
    pub fn finished(&self, status: &StrategyRunStatus) {
        let condition = |type_: &str| status.conditions.iter().find(|condition| condition.type_ == type_);
        let path = match status.path {
            Some(crate::crd::RunPath::Sandbox) => "Sandbox",
            Some(crate::crd::RunPath::AstOnly) => "AstOnly",
            None => "",
        };
        if let Some(ready) = condition("Ready") {
            self.runs.get_or_create(&RunLabels { reason: ready.reason.clone(), path }).inc();
        }
        if let Some(fallback) = condition("FallbackActive") {
            let known = crate::crd::Reason::ALL.iter().find(|reason| reason.as_str() == fallback.reason);
            let class = known.map_or("Unknown", |reason| reason.as_str());
            self.fallbacks.get_or_create(&ErrorLabels { class }).inc();
        }
        for (stage, ms) in stages(&status.durations.unwrap_or_default()) {
            if let Some(ms) = ms {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds of a run are far below 2^52")]
                self.stages.get_or_create(&StageLabels { stage }).observe(ms as f64 / 1000.0);
            }
        }
    }

    /// Counts a reconcile that could not look or write.
    pub fn reconcile_failed(&self, class: &'static str) {
        self.errors.get_or_create(&ErrorLabels { class }).inc();
    }

    /// Counts a review at admission.
    pub fn reviewed(&self, verdict: &'static str) {
        self.reviews.get_or_create(&VerdictLabels { verdict }).inc();
    }

    /// Counts the claim of a pool's sandbox: taken, or lost to somebody who was quicker.
    pub fn claimed(&self, taken: bool) {
        let result = if taken { "Taken" } else { "Lost" };
        self.claims.get_or_create(&ClaimLabels { result }).inc();
    }

    /// The families in OpenMetrics text.
    ///
    /// # Errors
    /// Never for these families; kept because the encoder can fail for others.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

const fn stages(durations: &Durations) -> [(&'static str, Option<u64>); 8] {
    [
        ("validate", durations.validate_ms),
        ("schedule", durations.schedule_ms),
        ("start", durations.start_ms),
        ("handover", durations.handover_ms),
        ("run", durations.run_ms),
        ("checks", durations.checks_ms),
        ("score", durations.score_ms),
        ("collect", durations.collect_ms),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_run_is_counted_once_under_its_reason() {
        let metrics = Metrics::default();
        let status: StrategyRunStatus = serde_json::from_value(serde_json::json!({
            "path": "Sandbox", "durations": {"runMs": 40},
            "conditions": [{"type": "Ready", "status": "True", "reason": "Succeeded", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z"}]}))
        .unwrap();
        metrics.finished(&status);
        let text = metrics.encode().unwrap();
        assert!(text.contains(r#"stratbox_runs_total{reason="Succeeded",path="Sandbox"} 1"#), "{text}");
        assert!(
            text.contains(r#"stratbox_stage_duration_seconds_bucket{le="0.05",stage="run"} 1"#),
            "{text}"
        );
    }

    #[test]
    fn reviews_and_claims_are_counted_by_what_came_of_them() {
        let metrics = Metrics::default();
        metrics.reviewed("Refused");
        metrics.reviewed("Refused");
        metrics.claimed(true);
        metrics.claimed(false);
        metrics.claimed(true);
        let text = metrics.encode().unwrap();
        for line in [
            r#"stratbox_admission_reviews_total{verdict="Refused"} 2"#,
            r#"stratbox_claims_total{result="Taken"} 2"#,
            r#"stratbox_claims_total{result="Lost"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is not in: {text}");
        }
    }
}
