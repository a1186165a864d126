//! `SandboxPool`: how many sandboxes of a class wait in a namespace with their interpreter up.
#![expect(unreachable_pub, reason = "the types that the derives generate beside ours are not")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many sandboxes wait, and of which class. Each runs one strategy at most and is replaced then.
#[derive(CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "stratbox.dev",
    version = "v1alpha1",
    kind = "SandboxPool",
    doc = "Sandboxes that wait for runs of this namespace with their interpreter up and their data read.",
    namespaced,
    shortname = "sp",
    category = "strategies",
    status = "SandboxPoolStatus",
    derive = "PartialEq",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn = r#"{"name":"CLASS","type":"string","jsonPath":".spec.className"}"#,
    printcolumn = r#"{"name":"DESIRED","type":"integer","jsonPath":".spec.replicas"}"#,
    printcolumn = r#"{"name":"READY","type":"integer","jsonPath":".status.readyReplicas"}"#,
    printcolumn = r#"{"name":"CLAIMED","type":"integer","jsonPath":".status.claimedReplicas"}"#,
    printcolumn = r#"{"name":"STATUS","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].reason"}"#,
    printcolumn = r#"{"name":"AGE","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"MESSAGE","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].message","priority":1}"#,
    validation = Rule::new("self.metadata.name.size() <= 63")
        .message("metadata.name: must be at most 63 characters, as it becomes a label value of the sandboxes")
)]
#[serde(rename_all = "camelCase")]
pub struct SandboxPoolSpec {
    /// The SandboxClass of its sandboxes; runs of another class are not served by this pool.
    #[serde(default = "super::strategy_run::default_class")]
    #[schemars(length(min = 1, max = 253), regex(pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub class_name: String,
    /// How many sandboxes wait; 0 empties the pool. An autoscaler may write it by `/scale`.
    #[serde(default = "one")]
    #[schemars(range(max = 1000))]
    pub replicas: u32,
    /// How many more may be there while outdated ones are being replaced.
    #[serde(default = "one")]
    #[schemars(range(max = 1000))]
    pub max_surge: u32,
    /// How sandboxes are replaced when the class has changed; no run gets an outdated one in either way.
    #[serde(default)]
    pub update_strategy: UpdateStrategy,
    /// The dataset that is read before a run comes. A preference: runs on other datasets of the class are served too,
    /// and read theirs first. Left out, the class's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub dataset: Option<String>,
}

fn one() -> u32 {
    1
}

/// How outdated sandboxes are replaced.
#[derive(JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpdateStrategy {
    /// One goes for each new one that is ready, within `maxSurge`: a change that is taken back finds most of them there.
    #[default]
    RollingUpdate,
    /// All of them go at once, and new ones come.
    Recreate,
}

/// Status of a SandboxPool. An `observedGeneration` of -1 reads as "never reconciled".
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SandboxPoolStatus {
    /// The generation that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Sandboxes that wait or are coming up.
    #[serde(default)]
    pub replicas: u32,
    /// Those that could take a run now.
    #[serde(default)]
    pub ready_replicas: u32,
    /// Those that are coming up.
    #[serde(default)]
    pub creating_replicas: u32,
    /// Sandboxes of this pool that have a run, as long as their pods are there.
    #[serde(default)]
    pub claimed_replicas: u32,
    /// Those that wait and are not as the class is now.
    #[serde(default)]
    pub outdated_replicas: u32,
    /// Selects the pool's pods, for autoscalers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Ready always; Reconciling and Stalled only when True.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
