//! A SandboxClass, resolved limits and an owner become a pod. Infallible: what could fail was checked before.

use super::names::{
    CONTAINER, LABEL_ATTEMPT, LABEL_CLASS, LABEL_COMPONENT, LABEL_MANAGED_BY, LABEL_POOL, LABEL_RUN_UID,
    MANAGED_BY, SANDBOX, label_value, profile_label,
};
use super::security::{container_context, no_dns, pod_context};
use super::volumes::volumes;
use crate::config::SandboxConfig;
use crate::crd::{DatasetSource, ResourceLimits, SandboxClassSpec, SeccompDelivery, Toleration};
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;
use std::collections::BTreeMap;

/// Everything that decides a sandbox's pod. Of a run, only names and limits get in here.
#[derive(Debug, Clone)]
pub struct PodRequest<'a> {
    /// Namespace of the run.
    pub namespace: &'a str,
    /// Name of the pod: [`super::pod_name`].
    pub name: &'a str,
    /// The run or pool; never with `blockOwnerDeletion`.
    pub owner: OwnerReference,
    /// What it is made for.
    pub purpose: Purpose<'a>,
    /// Name of the class.
    pub class_name: &'a str,
    /// The class.
    pub class: &'a SandboxClassSpec,
    /// Resolved limits.
    pub limits: &'a ResourceLimits,
    /// Resolved requests.
    pub requests: &'a ResourceLimits,
    /// The operator's part.
    pub config: SandboxConfig,
    /// Whether the pod gets a user namespace.
    pub user_namespace: bool,
    /// The dataset that the runner parses before the run comes.
    pub preload: Option<&'a DatasetSource>,
    /// How many evaluations the runner forks ahead while it waits for a run; none given, as many as it may.
    pub ahead: Option<u32>,
    /// Seconds after which the kubelet ends the pod, whatever runner and operator do.
    pub active_deadline_seconds: u32,
}

/// What a sandbox is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// The run that owns it.
    Run {
        /// Number of the attempt.
        attempt: u32,
    },
    /// Whichever run takes it first.
    Pool {
        /// Name of the pool.
        name: &'a str,
    },
}

/// Builds the pod.
#[must_use]
pub fn build_pod(request: &PodRequest<'_>) -> core::Pod {
    core::Pod { metadata: metadata(request), spec: Some(spec(request)), status: None }
}

/// The labels of a sandbox that belongs to a run.
pub(super) fn run_labels(run_uid: &str, attempt: u32) -> [(String, String); 2] {
    [(LABEL_RUN_UID.to_owned(), run_uid.to_owned()), (LABEL_ATTEMPT.to_owned(), attempt.to_string())]
}

fn metadata(request: &PodRequest<'_>) -> ObjectMeta {
    let foreign = |key: &String| !key.contains("stratbox.dev/") && !key.starts_with("app.kubernetes.io/");
    let admins = &request.class.pod_metadata;
    let mut labels: BTreeMap<String, String> =
        admins.labels.iter().filter(|(key, _)| foreign(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
    labels.extend([
        (LABEL_MANAGED_BY.to_owned(), MANAGED_BY.to_owned()),
        (LABEL_COMPONENT.to_owned(), SANDBOX.to_owned()),
        (LABEL_CLASS.to_owned(), label_value(request.class_name)),
    ]);
    match request.purpose {
        Purpose::Run { attempt } => labels.extend(run_labels(&request.owner.uid, attempt)),
        Purpose::Pool { name } => labels.extend([(LABEL_POOL.to_owned(), label_value(name))]),
    }
    let mut annotations: BTreeMap<String, String> = admins
        .annotations
        .iter()
        .filter(|(key, _)| foreign(key))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    // Meshes must not put a second container beside the runner, and a cluster autoscaler may move nothing that runs once.
    annotations.extend(
        [
            ("sidecar.istio.io/inject", "false"),
            ("linkerd.io/inject", "disabled"),
            ("kuma.io/sidecar-injection", "disabled"),
            ("cluster-autoscaler.kubernetes.io/safe-to-evict", "false"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned())),
    );
    ObjectMeta {
        name: Some(request.name.into()),
        namespace: Some(request.namespace.into()),
        labels: Some(labels),
        annotations: Some(annotations),
        owner_references: Some(vec![request.owner.clone()]),
        ..ObjectMeta::default()
    }
}

fn spec(request: &PodRequest<'_>) -> core::PodSpec {
    let class = request.class;
    let (volumes, mounts) = volumes(class);
    core::PodSpec {
        restart_policy: Some("Never".into()),
        active_deadline_seconds: Some(request.active_deadline_seconds.into()),
        // The runner exits on SIGTERM.
        termination_grace_period_seconds: Some(1),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        dns_policy: Some("None".into()),
        dns_config: Some(no_dns()),
        host_users: request.user_namespace.then_some(false),
        security_context: Some(pod_context(request.config)),
        runtime_class_name: class.runtime_class_name.clone(),
        priority_class_name: class.priority_class_name.clone(),
        image_pull_secrets: some_unless_empty(
            class
                .image_pull_secrets
                .iter()
                .map(|name| core::LocalObjectReference { name: name.clone() })
                .collect(),
        ),
        node_selector: (!class.node_selector.is_empty()).then(|| class.node_selector.clone()),
        affinity: Some(affinity(class)),
        tolerations: Some(tolerations(&class.tolerations)),
        volumes: some_unless_empty(volumes),
        containers: vec![container(request, mounts)],
        ..core::PodSpec::default()
    }
}

fn container(request: &PodRequest<'_>, mounts: Vec<core::VolumeMount>) -> core::Container {
    let pod_uid = core::EnvVar {
        name: "POD_UID".into(),
        value: None,
        value_from: Some(core::EnvVarSource {
            field_ref: Some(core::ObjectFieldSelector {
                api_version: None,
                field_path: "metadata.uid".into(),
            }),
            ..core::EnvVarSource::default()
        }),
    };
    let preload = request.preload.map(|dataset| core::EnvVar {
        name: "STRATBOX_PRELOAD".into(),
        value: Some(
            serde_json::json!({"name": dataset.name, "path": dataset.path, "format": dataset.format})
                .to_string(),
        ),
        value_from: None,
    });
    let ahead = request.ahead.map(|count| core::EnvVar {
        name: "STRATBOX_AHEAD".into(),
        value: Some(count.to_string()),
        value_from: None,
    });
    core::Container {
        name: CONTAINER.into(),
        image: Some(request.class.image.clone()),
        image_pull_policy: Some("IfNotPresent".into()),
        stdin: Some(true),
        stdin_once: Some(false),
        tty: Some(false),
        env: Some(std::iter::once(pod_uid).chain(preload).chain(ahead).collect()),
        resources: Some(core::ResourceRequirements {
            limits: Some(quantities(request.limits)),
            requests: Some(quantities(request.requests)),
            claims: None,
        }),
        security_context: Some(container_context(request.config)),
        volume_mounts: some_unless_empty(mounts),
        ..core::Container::default()
    }
}

/// Only nodes of the image's architecture, and only those that have proven the profile where the node agent brings it.
fn affinity(class: &SandboxClassSpec) -> core::Affinity {
    let required = |key: String, value: &str| core::NodeSelectorRequirement {
        key,
        operator: "In".into(),
        values: Some(vec![value.to_owned()]),
    };
    let mut expressions = vec![required("kubernetes.io/arch".into(), "amd64")];
    if class.seccomp.delivery == SeccompDelivery::Node {
        expressions.push(required(profile_label(), "true"));
    }
    core::Affinity {
        node_affinity: Some(core::NodeAffinity {
            required_during_scheduling_ignored_during_execution: Some(core::NodeSelector {
                node_selector_terms: vec![core::NodeSelectorTerm {
                    match_expressions: Some(expressions),
                    match_fields: None,
                }],
            }),
            ..core::NodeAffinity::default()
        }),
        ..core::Affinity::default()
    }
}

/// The class's, and a short patience with a node that does not answer, so that a lost run is tried again soon.
fn tolerations(admins: &[Toleration]) -> Vec<core::Toleration> {
    let patience =
        ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].map(|key| core::Toleration {
            key: Some(key.into()),
            operator: Some("Exists".into()),
            effect: Some("NoExecute".into()),
            toleration_seconds: Some(30),
            value: None,
        });
    let admins = admins.iter().map(|toleration| core::Toleration {
        key: toleration.key.clone(),
        operator: toleration.operator.clone(),
        value: toleration.value.clone(),
        effect: toleration.effect.clone(),
        toleration_seconds: None,
    });
    patience.into_iter().chain(admins).collect()
}

fn quantities(limits: &ResourceLimits) -> BTreeMap<String, Quantity> {
    [("cpu", &limits.cpu), ("memory", &limits.memory), ("ephemeral-storage", &limits.ephemeral_storage)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), Quantity(value.clone()?))))
        .collect()
}

fn some_unless_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}
