//! The one write by which a pool's sandbox becomes a run's.

use super::names::LABEL_RUN_UID;
use super::pod::run_labels;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Seconds of slack in the pod's own deadline.
const SLACK: u32 = 60;

/// The claim of one pod for one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// The pod.
    pub pod_name: String,
    /// Its UID.
    pub pod_uid: String,
    /// A merge patch. It names UID and version of the pod as it was looked at, so that of two runs only one gets it, and
    /// none gets one that anybody has touched since.
    pub patch: Value,
}

/// Whether a sandbox has a run, or had one: such a one is never offered again.
#[must_use]
pub fn is_claimed(pod: &Pod) -> bool {
    pod.labels().contains_key(LABEL_RUN_UID)
}

/// Moves label and owner from pool to run, and sets the deadline that a waiting sandbox does not have: the seconds that
/// it has lived so far count in it.
#[must_use]
pub fn build_claim(
    pod: &Pod,
    owner: &OwnerReference,
    attempt: u32,
    own_seconds: u32,
    now: jiff::Timestamp,
) -> Claim {
    let started =
        pod.status.as_ref().and_then(|status| status.start_time.as_ref()).map_or(now, |time| time.0);
    let lived = u32::try_from(now.as_second().saturating_sub(started.as_second()).max(0)).unwrap_or(u32::MAX);
    // The clock that was asked is in whole seconds, and rounded down.
    let deadline = lived.saturating_add(1).saturating_add(own_seconds).saturating_add(SLACK);
    // What the API server takes at most.
    let deadline = deadline.min(i32::MAX.unsigned_abs());
    let labels = BTreeMap::from(run_labels(&owner.uid, attempt));
    let pod_uid = pod.uid().unwrap_or_default();
    Claim {
        pod_name: pod.name_any(),
        patch: json!({
            "metadata": {
                "uid": pod_uid,
                "resourceVersion": pod.resource_version(),
                "labels": labels,
                "ownerReferences": [owner],
            },
            "spec": {"activeDeadlineSeconds": deadline},
        }),
        pod_uid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_names_the_pod_as_it_was_looked_at_and_counts_what_it_has_lived() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "uid": "u", "resourceVersion": "7"},
            "status": {"startTime": "2026-01-01T00:00:00Z"},
        }))
        .unwrap();
        let owner = OwnerReference { uid: "run".into(), name: "r".into(), ..OwnerReference::default() };
        let now = "2026-01-01T01:00:00Z".parse().unwrap();
        let claim = build_claim(&pod, &owner, 2, 360, now);
        assert_eq!((claim.pod_name.as_str(), claim.pod_uid.as_str()), ("p", "u"));
        assert_eq!(claim.patch["metadata"]["resourceVersion"], "7");
        assert_eq!(
            claim.patch["metadata"]["labels"],
            json!({"stratbox.dev/run-uid": "run", "stratbox.dev/attempt": "2"})
        );
        assert_eq!(claim.patch["metadata"]["ownerReferences"][0]["uid"], "run");
        assert_eq!(claim.patch["spec"]["activeDeadlineSeconds"], 3600 + 1 + 360 + 60);
    }
}
