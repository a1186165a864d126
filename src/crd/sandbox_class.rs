//! `SandboxClass`: the admin's side of a run.
#![expect(unreachable_pub, reason = "the types that the derives generate beside ours are not")]

use super::{Checks, Execution, Fallback, ResourceLimits};
use crate::wire::{DatasetFormat, Layer};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a sandbox of this class is: image, runtime, limits, datasets, defaults and the gate's policy.
#[derive(CustomResource, KubeSchema, Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "stratbox.dev",
    version = "v1alpha1",
    kind = "SandboxClass",
    doc = "What a sandbox of this class is; the admin's side of a StrategyRun.",
    category = "strategies",
    derive = "PartialEq",
    printcolumn = r#"{"name":"IMAGE","type":"string","jsonPath":".spec.image"}"#,
    printcolumn = r#"{"name":"RUNTIME","type":"string","jsonPath":".spec.runtimeClassName"}"#,
    printcolumn = r#"{"name":"DATASETS","type":"string","jsonPath":".spec.datasets[*].name"}"#,
    printcolumn = r#"{"name":"AGE","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct SandboxClassSpec {
    /// The sandbox image, by digest where it comes from a registry.
    #[schemars(length(min = 1, max = 512))]
    pub image: String,
    /// Names of secrets for pulling it, looked up in the run's namespace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), inner(length(min = 1, max = 253)), extend("x-kubernetes-list-type" = "set"))]
    pub image_pull_secrets: Vec<String>,
    /// A RuntimeClass, such as one for gVisor or Kata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub runtime_class_name: Option<String>,
    /// Whether sandboxes get a user namespace of their own.
    #[serde(default)]
    pub user_namespaces: UserNamespaces,
    /// Where the seccomp profile comes from.
    #[serde(default)]
    pub seccomp: SeccompSource,
    /// Layers of isolation without which no strategy is called; which are in force is read inside the sandbox.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 3), extend("x-kubernetes-list-type" = "set"))]
    pub require: Vec<Layer>,
    /// Limits of a run that names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<ResourceLimits>,
    /// Limits that no run may exceed; left out, `limits` are the maximum too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_limits: Option<ResourceLimits>,
    /// What a sandbox asks the scheduler for; left out, 100m CPU, 256Mi memory and 16Mi storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<ResourceLimits>,
    /// Defaults for runs.
    #[serde(default)]
    pub defaults: ClassDefaults,
    /// What the gate allows beyond its own list.
    #[serde(default)]
    pub policy: ClassPolicy,
    /// The datasets that its runs may name; each is at `/datasets/NAME`, read-only: part of the class's image, or an image
    /// of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub datasets: Vec<DatasetSource>,
    /// How many runs may have a sandbox of this class at the same time; the others wait as `Queued`. Left out, 16.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_concurrent_sandboxes: Option<u32>,
    /// Labels that a node must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that sandboxes tolerate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub tolerations: Vec<Toleration>,
    /// A `PriorityClass`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
    /// Labels and annotations for the pods; a run's own are never copied.
    #[serde(default)]
    pub pod_metadata: PodMetadata,
}

impl SandboxClassSpec {
    /// The names of its datasets, for a message.
    #[must_use]
    pub fn dataset_names(&self) -> String {
        let names: Vec<_> = self.datasets.iter().map(|dataset| dataset.name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }
}

/// Whether sandboxes get a user namespace.
#[derive(JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UserNamespaces {
    /// When every node that may take the sandbox says that its runtime can.
    #[default]
    Auto,
    /// Always; a node that cannot fails the sandbox.
    Require,
    /// Never.
    Off,
}

impl UserNamespaces {
    /// Whether a sandbox gets one, on nodes that all can, or not all.
    #[must_use]
    pub const fn is_used(self, all_can: bool) -> bool {
        match self {
            Self::Auto => all_can,
            Self::Require => true,
            Self::Off => false,
        }
    }
}

/// Where the seccomp profile comes from.
#[derive(JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeccompSource {
    /// Who puts the profile on the nodes.
    #[serde(default)]
    pub delivery: SeccompDelivery,
}

/// Who puts the seccomp profile on the nodes.
#[derive(JsonSchema, Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SeccompDelivery {
    /// The chart's node agent; sandboxes go only to nodes where it has proven the profile.
    #[default]
    Node,
    /// Somebody else, on every node, under the same name; a node without it fails the sandbox.
    Preinstalled,
}

/// Defaults for runs of the class.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassDefaults {
    /// Seconds for the strategy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub active_deadline_seconds: Option<u32>,
    /// Seconds for a sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86_400))]
    pub scheduling_deadline_seconds: Option<u32>,
    /// How positions become trades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<Execution>,
    /// What to do when no sandbox can be had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// Proofs that are tried on a strategy once it has been evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<Checks>,
}

/// What the gate allows beyond its own list.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClassPolicy {
    /// More modules, each with the names that may be used of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["module"]))]
    pub allowed_imports: Vec<AllowedImport>,
    /// Another severity for a rule; the core rules cannot be softened.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub severity_overrides: BTreeMap<String, Severity>,
}

/// One more module.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedImport {
    /// Exact dotted name.
    #[schemars(length(min = 1, max = 128))]
    pub module: String,
    /// Names that may be imported from it or read of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "set"))]
    pub names: Vec<String>,
}

/// Severity of a rule.
#[derive(JsonSchema, Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Refuses the strategy.
    Error,
    /// Is reported.
    Warning,
    /// Is not looked for.
    Off,
}

/// A dataset of the class.
#[derive(KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.path) || !self.path.contains('..')").message("datasets: path must not contain .."),
)]
pub struct DatasetSource {
    /// The name that runs use.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// An image of its own that holds it, mounted as a volume. Left out, it is part of the class's image, at
    /// `/datasets/NAME`, and a sandbox starts sooner: a kubelet lets 300 ms pass before it looks whether a pod's volumes
    /// are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<DatasetImage>,
    /// Folder of `manifest.json`, relative to the root of its own image or to `/datasets/NAME`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256), regex(pattern = "^[A-Za-z0-9._/-]*$"))]
    pub path: String,
    /// Format of the data file.
    #[serde(default = "csv")]
    pub format: DatasetFormat,
}

fn csv() -> DatasetFormat {
    DatasetFormat::Csv
}

/// An image that is mounted as a volume.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetImage {
    /// Reference, by digest where it comes from a registry.
    #[schemars(length(min = 1, max = 512))]
    pub reference: String,
}

/// A toleration, as in a pod.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Toleration {
    /// Key of the taint; left out with operator Exists, all taints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 316))]
    pub key: Option<String>,
    /// Exists or Equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub operator: Option<String>,
    /// Value of the taint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub value: Option<String>,
    /// Effect of the taint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub effect: Option<String>,
}

/// Labels and annotations for the pods.
#[derive(JsonSchema, Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodMetadata {
    /// Labels; those of `stratbox.dev` and `app.kubernetes.io` are not taken.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations; those of `stratbox.dev` are not taken.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}
