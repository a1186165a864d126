//! Sandboxes as pods at the API server: created below their namespace's policy, refused with a reason, deleted.

use super::context::Context;
use super::error::{Call, Error, said, within};
use crate::run::{Refusal, RefusalKind};
use crate::sandbox::{attempt_of, run_of};
use crate::wire::clean;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{DeleteParams, PostParams, Preconditions};
use kube::core::Status;
use kube::{Api, Client, ResourceExt as _};

/// Bytes of a refusal's words, and of an Event's.
pub(super) const REFUSAL_MESSAGE: usize = 900;

/// Creates the policy unless there is one of its name; it is nobody's to be changed back.
pub(super) async fn ensure_network_policy(
    client: &Client,
    namespace: &str,
    policy: &NetworkPolicy,
) -> Result<(), Error> {
    let policies: Api<NetworkPolicy> = Api::namespaced(client.clone(), namespace);
    let there = within(policies.get_opt(&policy.name_any())).await.map_err(Error::ApplyNetworkPolicy)?;
    if there.is_some() {
        return Ok(());
    }
    match within(policies.create(&PostParams::default(), policy)).await {
        Ok(_) => Ok(()),
        Err(error) if said(&error, Status::is_already_exists) => Ok(()),
        // A namespace that is going away takes no pod either, and the pod's own refusal says so better.
        Err(error) if said(&error, |status| status.message.contains("being terminated")) => Ok(()),
        Err(error) => Err(Error::ApplyNetworkPolicy(error)),
    }
}

/// Creates the pod. A POST whose reply was lost finds the pod there: it counts when owner and attempt are ours.
pub(super) async fn create_pod(
    context: &Context,
    namespace: &str,
    run_uid: &str,
    pod: &Pod,
) -> Result<Option<Refusal>, Error> {
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), namespace);
    let Err(error) = within(pods.create(&PostParams::default(), pod)).await else { return Ok(None) };
    if said(&error, Status::is_already_exists) {
        let there = within(pods.get_opt(&pod.name_any())).await.map_err(Error::ReadPod)?;
        let ours = there
            .is_none_or(|there| run_of(&there) == Some(run_uid) && attempt_of(&there) == attempt_of(pod));
        let message = format!("there is a pod {:?} already, and it is not this run's", pod.name_any());
        return Ok((!ours).then_some(Refusal { kind: RefusalKind::NameTaken, message }));
    }
    refusal_of(&error).map(Some).ok_or(Error::CreatePod(error))
}

/// What the API server has against a pod, if that is what an error says.
pub(super) fn refusal_of(error: &Call) -> Option<Refusal> {
    let Call::Kube(error) = error else { return None };
    let kube::Error::Api(status) = &**error else { return None };
    let kind = refusal_kind(status)?;
    Some(Refusal { kind, message: clean(&status.message, REFUSAL_MESSAGE) })
}

/// A refusal of this pod, told apart from a server or a role that does not let us work at all. Kubernetes has no
/// machine-readable word for these; the texts are those of its quota and RuntimeClass admission.
fn refusal_kind(status: &Status) -> Option<RefusalKind> {
    let message = &status.message;
    if status.is_forbidden() && message.contains("exceeded quota") {
        Some(RefusalKind::Quota)
    } else if status.is_forbidden() && message.contains("RuntimeClass") && message.contains("not found") {
        Some(RefusalKind::Runtime)
    } else if status.is_forbidden() && message.contains("error looking up service account") {
        // A namespace that has just come has none yet: whoever applies it together with a run meets this.
        Some(RefusalKind::Server)
    } else if status.is_forbidden() && message.contains("cannot create resource") {
        None
    } else if status.is_forbidden() || status.is_invalid() || status.code == 400 {
        Some(RefusalKind::Admission)
    } else {
        None
    }
}

/// Deletes the pod if it is that one; `at_once` does not wait for its kubelet's word. A pod that is gone is no error.
pub(super) async fn delete_pod(
    client: &Client,
    namespace: &str,
    name: &str,
    (this_one, at_once): (Preconditions, bool),
) -> Result<(), Error> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let params = DeleteParams {
        preconditions: Some(this_one),
        grace_period_seconds: at_once.then_some(0),
        ..DeleteParams::default()
    };
    match within(pods.delete(name, &params)).await {
        Ok(_) => Ok(()),
        Err(error) if said(&error, Status::is_not_found) => Ok(()),
        Err(error) => Err(Error::DeletePod(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::client::Body;
    use serde_json::{Value, json};
    use std::sync::Mutex;

    /// What the API server is asked for when a pod is deleted.
    async fn deletion(at_once: bool) -> Value {
        let (asked, told) = futures::channel::oneshot::channel();
        let asked = Mutex::new(Some(asked));
        let service = tower::service_fn(move |request: hyper::Request<Body>| {
            let asked = asked.lock().unwrap().take();
            async move {
                let (parts, body) = request.into_parts();
                assert_eq!(
                    (parts.method.as_str(), parts.uri.path()),
                    ("DELETE", "/api/v1/namespaces/n/pods/p")
                );
                let body: Value = serde_json::from_slice(&body.collect_bytes().await.unwrap()).unwrap();
                asked.unwrap().send(body).unwrap();
                let gone = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound"});
                let response =
                    hyper::Response::builder().status(404).body(Body::from(gone.to_string().into_bytes()));
                response.map_err(std::io::Error::other)
            }
        });
        let this_one = Preconditions { uid: Some("u".into()), resource_version: None };
        delete_pod(&Client::new(service, "n"), "n", "p", (this_one, at_once)).await.unwrap();
        told.await.unwrap()
    }

    #[tokio::test]
    async fn a_pod_is_deleted_by_its_uid_and_without_grace_only_where_that_is_said() {
        let (at_once, usual) = (deletion(true).await, deletion(false).await);
        assert_eq!(
            (&at_once["preconditions"]["uid"], &at_once["gracePeriodSeconds"]),
            (&json!("u"), &json!(0))
        );
        assert_eq!((&usual["preconditions"]["uid"], usual.get("gracePeriodSeconds")), (&json!("u"), None));
    }

    fn forbidden(message: &str) -> Status {
        Status { code: 403, reason: "Forbidden".into(), ..Status::failure(message, "Forbidden") }
    }

    #[test]
    fn what_will_pass_is_told_from_what_will_not() {
        for (message, kind) in [
            (
                "pods \"a\" is forbidden: error looking up service account b/default: serviceaccount \"default\" not found",
                Some(RefusalKind::Server),
            ),
            ("pods \"a\" is forbidden: exceeded quota: none, requested: pods=1", Some(RefusalKind::Quota)),
            (
                "pods \"a\" is forbidden: pod rejected: RuntimeClass \"x\" not found",
                Some(RefusalKind::Runtime),
            ),
            ("pods is forbidden: User \"u\" cannot create resource \"pods\"", None),
            (
                "pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\"",
                Some(RefusalKind::Admission),
            ),
        ] {
            assert_eq!(refusal_kind(&forbidden(message)), kind, "{message}");
        }
    }
}
