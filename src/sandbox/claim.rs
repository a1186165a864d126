//! The two writes by which a pool's sandbox becomes a run's: the claim, and its mark.

use super::names::{LABEL_ATTEMPT, LABEL_RUN_UID, run_of};
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

/// What a claimed pod is to carry that a sandbox made for its run carries from the beginning.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// The pod.
    pub pod_name: String,
    /// A merge patch that names the pod's UID.
    pub patch: Value,
}

/// Whether a sandbox has a run, or had one: such a one is never offered again.
#[must_use]
pub fn is_claimed(pod: &Pod) -> bool {
    run_of(pod).is_some()
        || [LABEL_RUN_UID, LABEL_ATTEMPT].iter().any(|label| pod.labels().contains_key(*label))
}

/// Moves the owner from pool to run, and nothing else: a kubelet looks at a pod anew, writes its status and speaks to the
/// container runtime when a label, an annotation or the spec changes, beside a run that takes less time than all that. What
/// else a run's sandbox has comes with the [mark](build_mark), if the run lasts.
#[must_use]
pub fn build_claim(pod: &Pod, owner: &OwnerReference) -> Claim {
    let pod_uid = pod.uid().unwrap_or_default();
    Claim {
        pod_name: pod.name_any(),
        patch: json!({
            "metadata": {
                "uid": pod_uid,
                "resourceVersion": pod.resource_version(),
                "ownerReferences": [owner],
            },
        }),
        pod_uid,
    }
}

/// The labels of a run's sandbox, and the deadline that its kubelet keeps whatever becomes of the runner and the operator:
/// `own_seconds` for strategy and checks, beside what the pod has lived so far. None for a pod that has them.
#[must_use]
pub fn build_mark(
    pod: &Pod,
    run_uid: &str,
    attempt: u32,
    own_seconds: u32,
    now: jiff::Timestamp,
) -> Option<Mark> {
    if pod.labels().get(LABEL_RUN_UID).is_some_and(|label| label == run_uid) {
        return None;
    }
    let started =
        pod.status.as_ref().and_then(|status| status.start_time.as_ref()).map_or(now, |time| time.0);
    let lived = now.as_second().saturating_sub(started.as_second()).max(0);
    // The clock that was asked is in whole seconds, and rounded down.
    let deadline =
        lived.saturating_add(1).saturating_add(i64::from(own_seconds)).saturating_add(SLACK.into());
    // The API server takes none that is later than the one before.
    let former = pod.spec.as_ref().and_then(|spec| spec.active_deadline_seconds);
    let deadline = deadline.min(former.unwrap_or_else(|| i32::MAX.into()));
    Some(Mark {
        pod_name: pod.name_any(),
        patch: json!({
            "metadata": {"uid": pod.uid(), "labels": BTreeMap::from(run_labels(run_uid, attempt))},
            "spec": {"activeDeadlineSeconds": deadline},
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "uid": "u", "resourceVersion": "7"},
            "spec": {"activeDeadlineSeconds": 5000, "containers": []},
            "status": {"startTime": "2026-01-01T00:00:00Z"},
        }))
        .unwrap()
    }

    #[test]
    fn a_claim_names_the_pod_as_it_was_looked_at_and_changes_its_owner_alone() {
        let owner = OwnerReference { uid: "run".into(), name: "r".into(), ..OwnerReference::default() };
        let claim = build_claim(&waiting(), &owner);
        assert_eq!((claim.pod_name.as_str(), claim.pod_uid.as_str()), ("p", "u"));
        assert_eq!(
            claim.patch,
            json!({"metadata": {"uid": "u", "resourceVersion": "7", "ownerReferences": [owner]}})
        );
    }

    #[test]
    fn a_mark_counts_what_the_pod_has_lived_and_is_never_later_than_the_deadline_before() {
        let now = "2026-01-01T01:00:00Z".parse().unwrap();
        let deadline = |own_seconds| {
            build_mark(&waiting(), "run", 2, own_seconds, now).unwrap().patch["spec"]["activeDeadlineSeconds"]
                .clone()
        };
        assert_eq!(deadline(360), 3600 + 1 + 360 + 60);
        assert_eq!((deadline(3600), deadline(u32::MAX)), (json!(5000), json!(5000)));
        let mark = build_mark(&waiting(), "run", 2, 360, now).unwrap();
        let labels = json!({"stratbox.dev/run-uid": "run", "stratbox.dev/attempt": "2"});
        assert_eq!(mark.patch["metadata"], json!({"uid": "u", "labels": labels}));
        let mut marked = waiting();
        marked.metadata.labels = serde_json::from_value(labels).unwrap();
        assert_eq!(build_mark(&marked, "run", 2, 360, now), None);
    }
}
