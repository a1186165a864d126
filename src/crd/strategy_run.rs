//! `StrategyRun`: one strategy, its params and dataset, to be run once per input.
#![expect(unreachable_pub, reason = "the types that the derives generate beside ours are not")]

use super::{Acceptance, CachePolicy, Checks, StrategyRunStatus};
use crate::wire::{ArtifactKind, Rebalance};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What to run, on what, and within which bounds. A field left out is taken from the SandboxClass, then from the
/// operator's configuration; `status.provenance.resolved` shows the values used.
#[derive(CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "stratbox.dev",
    version = "v1alpha1",
    kind = "StrategyRun",
    doc = "One strategy, its params and its dataset, to be run once per input; the status says what it is worth.",
    namespaced,
    shortname = "sr",
    category = "strategies",
    category = "all",
    status = "StrategyRunStatus",
    derive = "PartialEq",
    printcolumn = r#"{"name":"STATUS","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"PATH","type":"string","jsonPath":".status.path"}"#,
    printcolumn = r#"{"name":"SHARPE","type":"number","jsonPath":".status.metrics.sharpeRatio"}"#,
    printcolumn = r#"{"name":"RETURN","type":"number","jsonPath":".status.metrics.totalReturn"}"#,
    printcolumn = r#"{"name":"MAXDD","type":"number","jsonPath":".status.metrics.maxDrawdown"}"#,
    printcolumn = r#"{"name":"AGE","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"VERDICT","type":"string","jsonPath":".status.verdict","priority":1}"#,
    printcolumn = r#"{"name":"CLASS","type":"string","jsonPath":".spec.className","priority":1}"#,
    printcolumn = r#"{"name":"MESSAGE","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message","priority":1}"#,
    validation = Rule::new("self.metadata.name.size() <= 63")
        .message("metadata.name: must be at most 63 characters, as it becomes a label value of the sandbox")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.code) != has(self.codeFrom)").message("spec: set exactly one of code and codeFrom"),
)]
pub struct StrategyRunSpec {
    /// The strategy's Python text: `def strategy(data)`, `def strategy(data, params)`, or a script that sets `position`.
    /// At most 128 KiB of UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 131_072))]
    pub code: Option<String>,
    /// Where the text is instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_from: Option<CodeFrom>,
    /// Handed to the strategy as they are; at most 64.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "params_schema")]
    pub params: BTreeMap<String, String>,
    /// The SandboxClass.
    #[serde(default = "default_class")]
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub class_name: String,
    /// The market data.
    pub dataset: DatasetSlice,
    /// A symbol of the dataset to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub benchmark: Option<String>,
    /// How positions become trades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<Execution>,
    /// What the sandbox may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Seconds from hand-over to the strategy's positions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub active_deadline_seconds: Option<u32>,
    /// Seconds to wait for a running sandbox before the fallback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub scheduling_deadline_seconds: Option<u32>,
    /// What to do when no sandbox can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// How many more sandboxes to try after one was lost to its infrastructure. Failures of the strategy are never
    /// repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 10))]
    pub backoff_limit: Option<u32>,
    /// How many variants were tried: deflates the Sharpe ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trials: Option<Trials>,
    /// Proofs that are tried on the strategy once it has been evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<Checks>,
    /// Which results are good enough; judged again when it changes, without another run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acceptance: Option<Acceptance>,
    /// What to leave in a ConfigMap beside the status, which goes with the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2), extend("x-kubernetes-list-type" = "set"))]
    pub artifacts: Vec<ArtifactKind>,
    /// Whether a finished run of the namespace with the same fingerprint may answer.
    #[serde(default)]
    pub cache_policy: CachePolicy,
    /// True keeps the run from having a sandbox, and ends one that it has; false again is a new attempt, which does not
    /// count against `backoffLimit`. A run that has ended stays as it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspend: bool,
    /// Seconds after its end at which the run itself is deleted; left out, never. Leave it out for runs that a `GitOps`
    /// tool owns: it would create them again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 31_536_000))]
    pub ttl_seconds_after_finished: Option<u32>,
    /// What becomes of the sandbox's pod afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_retention: Option<PodRetention>,
}

pub(super) fn default_class() -> String {
    "default".into()
}

/// At most 64 strings of at most 256 characters under names of at most 63: bounded for etcd and for CEL's cost.
fn params_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": 256},
        "x-kubernetes-validations": [{
            "rule": "self.all(name, name.size() <= 63)",
            "message": "params: a name has at most 63 characters",
        }],
    })
}

/// A key of a ConfigMap in the run's namespace, read once per input: a later edit counts only for a new input.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeFrom {
    /// Name and key.
    pub config_map_key_ref: ConfigMapKeyRef,
    /// Lower-case hex that the text must hash to; left out, any text is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
}

/// Name and key of a ConfigMap.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapKeyRef {
    /// Name of the ConfigMap.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: String,
    /// Key in its `data`.
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[-._a-zA-Z0-9]+$"))]
    pub key: String,
}

/// A slice of one of the class's datasets.
#[derive(KubeSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.start) || !has(self.end) || self.start <= self.end")
        .message("dataset: start must not be after end"),
)]
pub struct DatasetSlice {
    /// Name of the dataset in the class.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Symbols to select; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2000), inner(length(min = 1, max = 64), regex(pattern = "^[!-~]+$")), extend("x-kubernetes-list-type" = "set"))]
    pub symbols: Vec<String>,
    /// First date, `YYYY-MM-DD`, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10), regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub start: Option<String>,
    /// Last date, `YYYY-MM-DD`, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10), regex(pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    pub end: Option<String>,
}

/// How positions become trades.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Dates between a decision and the first return that it earns; at least 1, so that nobody trades on a close before
    /// it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 250))]
    pub lag: Option<u32>,
    /// Decision dates: every date, or the last one of each ISO week, month or quarter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebalance: Option<Rebalance>,
    /// Fee as a fraction of the traded weight, a decimal string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^(0(\.[0-9]+)?|1(\.0+)?)$"))]
    pub fee_ratio: Option<String>,
    /// Tax as a fraction of the sold weight, a decimal string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^(0(\.[0-9]+)?|1(\.0+)?)$"))]
    pub tax_ratio: Option<String>,
    /// Equity at the start, a decimal string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^[1-9][0-9]*(\.[0-9]+)?$"))]
    pub initial_cash: Option<String>,
    /// Gross exposure above which a target row is scaled down, a decimal string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^([1-9][0-9]*(\.[0-9]+)?|0\.0*[1-9][0-9]*)$"))]
    pub max_leverage: Option<String>,
}

/// What the sandbox may use.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// Limits; none above the class's maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ResourceLimits>,
}

/// Amounts in Kubernetes' notation.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceLimits {
    /// CPUs, such as 500m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), regex(pattern = r"^[0-9]+(\.[0-9]+)?m?$"))]
    pub cpu: Option<String>,
    /// Memory, such as 2Gi; at least 256Mi.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), regex(pattern = r"^[0-9]+(\.[0-9]+)?([kMGT]|[KMGT]i)?$"))]
    pub memory: Option<String>,
    /// What the pod may write on its node, such as 256Mi.
    #[serde(default, rename = "ephemeral-storage", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), regex(pattern = r"^[0-9]+(\.[0-9]+)?([kMGT]|[KMGT]i)?$"))]
    pub ephemeral_storage: Option<String>,
}

/// What to do when no sandbox can be had.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fallback {
    /// AstOnly: end as validated and not executed. Retry: try again until `retryDeadlineSeconds`. Fail: end without an
    /// answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<FallbackPolicy>,
    /// Seconds from the first cause for a fallback to the end of the last try under policy Retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 604_800))]
    pub retry_deadline_seconds: Option<u32>,
}

/// Policies of the fallback.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FallbackPolicy {
    /// Path `AstOnly`: validated, **not executed**, no metrics.
    AstOnly,
    /// Another sandbox is tried, with growing pauses and as soon as room may have come; then as with Fail.
    Retry,
    /// No path: the run fails with the cause as its reason.
    Fail,
}

/// How many variants of the strategy were tried.
#[derive(JsonSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trials {
    /// Number of variants, this one included.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub count: u32,
    /// Variance of their daily Sharpe ratios, a decimal string.
    #[serde(default = "zero")]
    #[schemars(length(max = 16), regex(pattern = r"^[0-9]+(\.[0-9]+)?$"))]
    pub sharpe_variance: String,
}

impl Default for Trials {
    fn default() -> Self {
        Self { count: one(), sharpe_variance: zero() }
    }
}

fn one() -> u32 {
    1
}

fn zero() -> String {
    "0".into()
}

/// What becomes of the sandbox's pod when the run has ended. Its log is the transcript of the hand-over.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodRetention {
    /// After `Succeeded`; Delete unless told otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_success: Option<Retention>,
    /// After any other end; Keep unless told otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<Retention>,
    /// Seconds that a kept pod stays; 3600 unless told otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 604_800))]
    pub ttl_seconds: Option<u32>,
}

/// Whether a pod stays.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Retention {
    /// At once, when its report is in the status.
    Delete,
    /// For `ttlSeconds`.
    Keep,
}
