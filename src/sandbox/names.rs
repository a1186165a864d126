//! Names, labels and field managers: each is spelled here and nowhere else.

use super::security::profile_hash;
use crate::crd::{SandboxPool, StrategyRun};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt as _};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Field manager of every status that the operator writes.
pub const MANAGER_STATUS: &str = "stratbox/status";
/// Field manager of the profile label on nodes.
pub const MANAGER_NODE: &str = "stratbox/node";
/// Field manager of the writes by which a run takes a pool's sandbox and marks it.
pub const MANAGER_CLAIM: &str = "stratbox/claim";
/// Field manager of the `ConfigMap`s with artifacts.
pub const MANAGER_ARTIFACTS: &str = "stratbox/artifacts";
/// Field manager of the CA bundle in the webhook's configuration.
pub const MANAGER_WEBHOOK: &str = "stratbox/webhook";

/// Label of all our objects.
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Its value.
pub const MANAGED_BY: &str = "stratbox";
/// Label that tells our kinds of pods apart.
pub const LABEL_COMPONENT: &str = "app.kubernetes.io/component";
/// Its value on a sandbox.
pub const SANDBOX: &str = "sandbox";
/// UID of the run that a sandbox belongs to, for people and for selectors: whose it is, is said by its [owner](run_of), and a
/// pool's sandbox has the label only when its run lasts.
pub const LABEL_RUN_UID: &str = "stratbox.dev/run-uid";
/// Number of the attempt.
pub const LABEL_ATTEMPT: &str = "stratbox.dev/attempt";
/// Pool that a sandbox was made for; it keeps the label when it is a run's.
pub const LABEL_POOL: &str = "stratbox.dev/pool";
/// Hash of the template that a pool's sandbox was made from.
pub const LABEL_TEMPLATE: &str = "stratbox.dev/pool-template";
/// Class of the sandbox.
pub const LABEL_CLASS: &str = "stratbox.dev/class";
/// Name of the deny-all NetworkPolicy in each namespace with runs.
pub const DENY_ALL: &str = "stratbox-deny-all";
/// The only container of a sandbox.
pub const CONTAINER: &str = "runner";

/// Selects the sandboxes among all pods.
#[must_use]
pub fn run_label_selector() -> String {
    format!("{LABEL_MANAGED_BY}={MANAGED_BY},{LABEL_COMPONENT}={SANDBOX}")
}

/// Selects the sandboxes that were made for a pool, claimed ones included.
#[must_use]
pub fn pool_label_selector() -> String {
    format!("{},{LABEL_POOL}", run_label_selector())
}

/// Name of a pool's pod: the pool's name, shortened, and a hash of what makes it another one than all before.
#[must_use]
pub fn member_name(pool_name: &str, pool_uid: &str, seed: &str) -> String {
    let hash = hex(&Sha256::digest(format!("{pool_uid}/{seed}")), 10);
    format!("{}-{hash}", trim_to(pool_name, 52))
}

/// What tells the templates of a pool's pods apart, as a label's value.
#[must_use]
pub fn template_hash(text: &str) -> String {
    hex(&Sha256::digest(text), 16)
}

/// Name of the pod of one attempt: the run's name, shortened, and a hash of what makes the attempt unique. The
/// generation and the `rerun` that was asked for are in it because each starts again at attempt 1 while an old pod may
/// still be kept.
#[must_use]
pub fn pod_name(run_name: &str, run_uid: &str, generation: i64, rerun: &str, attempt: u32) -> String {
    let hash = hex(&Sha256::digest(format!("{run_uid}/{generation}/{rerun}/{attempt}")), 10);
    format!("{}-{hash}", trim_to(run_name, 52))
}

/// Name of the ConfigMap with a run's artifacts. The UID is in it so that nothing of that name can have been there
/// before the run.
#[must_use]
pub fn artifacts_name(run_name: &str, run_uid: &str) -> String {
    format!("{run_name}-artifacts-{}", hex(&Sha256::digest(run_uid), 10))
}

/// Reference to the owner of what is made for it; None for an object that was never stored. It never blocks the owner's
/// deletion, which asks for a right of its own on some clusters.
#[must_use]
pub fn owner<K: Resource<DynamicType = ()>>(object: &K) -> Option<OwnerReference> {
    object.controller_owner_ref(&()).map(|owner| OwnerReference { block_owner_deletion: None, ..owner })
}

/// Labels of what is ours and is no pod.
#[must_use]
pub fn managed_labels() -> BTreeMap<String, String> {
    BTreeMap::from([(LABEL_MANAGED_BY.to_owned(), MANAGED_BY.to_owned())])
}

/// A name as a label value: as it is where it fits, else shortened with a hash.
#[must_use]
pub fn label_value(name: &str) -> String {
    if name.len() <= 63 {
        return name.to_owned();
    }
    format!("{}-{}", trim_to(name, 52), hex(&Sha256::digest(name), 10))
}

/// Path of the seccomp profile below the kubelet's seccomp folder.
#[must_use]
pub fn profile_path() -> String {
    format!("stratbox/{}.json", profile_hash())
}

/// Label of the nodes that have proven the profile.
#[must_use]
pub fn profile_label() -> String {
    format!("seccomp.stratbox.dev/{}", &profile_hash()[..super::PROFILE_HASH_LENGTH])
}

/// UID of the run that owns a pod.
#[must_use]
pub fn run_of(pod: &Pod) -> Option<&str> {
    owner_of::<StrategyRun>(pod).map(|owner| owner.uid.as_str())
}

/// Whether a pool owns a pod: no run has taken it.
#[must_use]
pub fn is_of_a_pool(pod: &Pod) -> bool {
    owner_of::<SandboxPool>(pod).is_some()
}

fn owner_of<K: Resource<DynamicType = ()>>(pod: &Pod) -> Option<&OwnerReference> {
    let group = K::group(&());
    pod.owner_references().iter().find(|owner| {
        owner.kind == K::kind(&())
            && owner.api_version.split_once('/').is_some_and(|(other, _)| other == group)
    })
}

/// The attempt that a pod says it belongs to; a pool's sandbox says none at first.
#[must_use]
pub fn attempt_of(pod: &Pod) -> Option<u32> {
    pod.labels().get(LABEL_ATTEMPT)?.parse().ok()
}

/// The first bytes of `name` up to `length`, on a character boundary and without a trailing separator.
fn trim_to(name: &str, length: usize) -> &str {
    let end = name.floor_char_boundary(length);
    name[..end].trim_end_matches(['-', '.'])
}

/// The first `length` digits of the bytes in lower-case hex.
pub(super) fn hex(bytes: &[u8], length: usize) -> String {
    let mut text = bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    text.truncate(length);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_name_is_a_dns_label_for_any_run_name() {
        for name in ["a", &"x".repeat(63), &format!("{}.b", "a-".repeat(26)), "run.with.dots"] {
            let pod = pod_name(name, "uid", 1, "", 1);
            assert!(pod.len() <= 63, "{pod}");
            assert!(!pod.contains("-.") && !pod.contains(".-"), "{pod}");
        }
    }

    #[test]
    fn every_attempt_of_every_generation_has_its_own_name() {
        let names: std::collections::BTreeSet<_> = [(1, 1), (1, 2), (2, 1)]
            .map(|(generation, attempt)| pod_name("r", "u", generation, "", attempt))
            .into();
        assert_eq!(names.len(), 3);
    }

    #[test]
    fn field_managers_are_unique() {
        let all = std::collections::BTreeSet::from([
            MANAGER_STATUS,
            MANAGER_NODE,
            MANAGER_ARTIFACTS,
            MANAGER_WEBHOOK,
        ]);
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn a_long_class_name_fits_a_label() {
        assert!(label_value(&"c".repeat(253)).len() <= 63);
    }
}
