//! What the sandboxes of a pool are made from.

use super::verify::Made;
use crate::config::Config;
use crate::crd::{SandboxClassSpec, SandboxPool};
use crate::sandbox::{
    LABEL_TEMPLATE, PodRequest, Purpose, build_pod, default_limits, owner, requests, template_hash,
};
use crate::wire::MOST_AHEAD;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

/// Seconds after which a sandbox is ended by its kubelet if nobody has said more: longer than it may wait, and than any run
/// and its checks may take after that. So one that nobody knows any more does not stay for ever.
const LIFE: u32 = 3 * 24 * 3600;
/// CPU that a sandbox asks for while it waits.
const IDLE_CPU: &str = "10m";

/// A member's pod, but for its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    pod: Pod,
    hash: String,
    dataset: Option<String>,
    made: Made,
}

/// The pool names a dataset that its class does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("spec.dataset: class {class:?} has no dataset {name:?}; it has: {known}")]
pub struct MissingDataset {
    class: String,
    name: String,
    known: String,
}

/// What the pool's sandboxes are to be now.
///
/// # Errors
/// The class lacks the dataset.
pub fn build_template(
    pool: &SandboxPool,
    class: &SandboxClassSpec,
    config: &Config,
    user_namespace: bool,
) -> Result<Template, MissingDataset> {
    let class_name = &pool.spec.class_name;
    let preload = match &pool.spec.dataset {
        None => class.datasets.first(),
        Some(name) => Some(class.datasets.iter().find(|dataset| dataset.name == *name).ok_or_else(|| {
            MissingDataset { class: class_name.clone(), name: name.clone(), known: class.dataset_names() }
        })?),
    };
    let limits = default_limits(class, config);
    let mut requests = requests(class, config, &limits);
    requests.cpu = Some(IDLE_CPU.to_owned());
    // What a run of the class is checked for unless it says otherwise.
    let checks = class.defaults.checks.unwrap_or_default().or(&config.defaults.checks);
    let owner = owner(pool).unwrap_or_default();
    let mut pod = build_pod(&PodRequest {
        namespace: &pool.namespace().unwrap_or_default(),
        name: "",
        owner,
        purpose: Purpose::Pool { name: &pool.name_any() },
        class_name,
        class,
        limits: &limits,
        requests: &requests,
        config: config.sandbox,
        user_namespace,
        preload,
        ahead: Some(checks.evaluations().min(MOST_AHEAD)),
        active_deadline_seconds: LIFE,
    });
    pod.metadata.name = None;
    // Maps of these types are sorted, so equal pods have equal text.
    let hash = template_hash(&serde_json::to_string(&pod).unwrap_or_default());
    pod.labels_mut().insert(LABEL_TEMPLATE.to_owned(), hash.clone());
    let made = Made::of(&pod);
    Ok(Template { pod, hash, dataset: preload.map(|dataset| dataset.name.clone()), made })
}

impl Template {
    /// A pod of that name.
    #[must_use]
    pub fn named(&self, name: &str) -> Pod {
        let mut pod = self.pod.clone();
        pod.metadata.name = Some(name.to_owned());
        pod
    }

    /// Checks that a waiting sandbox is as this template makes it now, field by field, and belongs to nobody else.
    ///
    /// # Errors
    /// The path of the first field that differs.
    pub fn check(&self, pod: &Pod) -> Result<(), String> {
        self.made.is_still(pod)
    }

    /// The dataset that its runner reads before a run comes.
    #[must_use]
    pub fn dataset(&self) -> Option<&str> {
        self.dataset.as_deref()
    }

    /// Whether a member says that it was made from this very template.
    #[must_use]
    pub fn is_of(&self, pod: &Pod) -> bool {
        pod.labels().get(LABEL_TEMPLATE) == Some(&self.hash)
    }
}
