//! Doing: carries out a plan. Without a choice of its own about the run.

use super::claim::{delete_stray, enact_claim, mark_sandbox, note_claim, record_and_claim};
use super::context::Context;
use super::error::{Call, Error, chain, said, within};
use super::pods::{REFUSAL_MESSAGE, create_pod, delete_pod, ensure_network_policy};
use crate::crd::{StrategyRun, StrategyRunStatus};
use crate::run::{Effect, Notice, Plan, Refusal, RefusalKind};
use crate::sandbox::{MANAGER_ARTIFACTS, MANAGER_STATUS};
use crate::wire::clean;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::core::Status;
use kube::runtime::events::{Event, EventType, Recorder};
use kube::{Api, Resource as _, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long events of a run under way wait.
const HELD_BACK: Duration = Duration::from_millis(300);
/// How often a write is repeated that somebody else's was in the way of.
const OVERTAKEN: u32 = 8;
/// Annotations that decisions are made on begin so.
const ANNOTATIONS: &str = "stratbox.dev/";

/// Carries out the plan and returns the run as it is afterwards.
pub(super) async fn enact(
    context: &Context,
    run: &Arc<StrategyRun>,
    plan: Plan,
) -> Result<Arc<StrategyRun>, Error> {
    for effect in plan.effects {
        let done = enact_effect(context, run, effect).await;
        if let Err(error @ (Error::CreatePod(_) | Error::ApplyNetworkPolicy(_))) = &done {
            // So that the next look knows why there is no pod, and for how long.
            let message = clean(&chain(error), REFUSAL_MESSAGE);
            let refusal = Refusal { kind: RefusalKind::Server, message };
            context.memory.with(&run.uid().unwrap_or_default(), |note| note.refusal = Some(refusal));
        }
        if let Err(Error::ApplyArtifacts(Call::Kube(error))) = &done
            && matches!(**error, kube::Error::Api(_))
        {
            // A quota, a webhook, a missing right: the run does without, at the next look.
            context.memory.with(&run.uid().unwrap_or_default(), |note| note.artifacts_refused = true);
        }
        done?;
    }
    let run = match (plan.status, plan.beside) {
        (Some(status), Some(claim)) => record_and_claim(context, run, &status, &claim).await?,
        (Some(status), None) => patch_status(context, run, &status).await?,
        (None, Some(claim)) => {
            enact_effect(context, run, Effect::Claim(claim)).await?;
            run.clone()
        }
        (None, None) => run.clone(),
    };
    for effect in plan.cleanup {
        enact_effect(context, &run, effect).await?;
    }
    if !plan.notices.is_empty() {
        tell(context, &run, plan.notices);
    }
    Ok(run)
}

/// Publishes events, in their order. Nobody waits for one, least of all the run that it is about: while that is under way
/// they are held back for a moment, in which a run that a pool answers has ended: then its end is all that is told.
fn tell(context: &Context, run: &Arc<StrategyRun>, notices: Vec<Notice>) {
    let uid = run.uid().unwrap_or_default();
    context.memory.with(&uid, |note| note.notices.extend(notices));
    let ended = run.status.as_ref().is_some_and(|status| status.completion_time.is_some());
    // The note of a run that has ended may be gone in a moment.
    let due = ended.then(|| {
        let mut due = context.memory.take_notices(&uid);
        let last = due.pop();
        due.retain(|notice| notice.warning);
        due.extend(last);
        due
    });
    let (recorder, memory, run) = (context.recorder.clone(), context.memory.clone(), run.clone());
    tokio::spawn(async move {
        let due = if let Some(due) = due {
            due
        } else {
            tokio::time::sleep(HELD_BACK).await;
            memory.take_notices(&uid)
        };
        for notice in due {
            publish(&recorder, &run, notice).await;
        }
    });
}

async fn enact_effect(context: &Context, run: &StrategyRun, effect: Effect) -> Result<(), Error> {
    let uid = run.uid().unwrap_or_default();
    let namespace = run.namespace().unwrap_or_default();
    match effect {
        Effect::EnsureNetworkPolicy(policy) => {
            ensure_network_policy(&context.client, &namespace, &policy).await
        }
        Effect::CreatePod(pod) => {
            let refusal = create_pod(context, &namespace, &uid, &pod).await?;
            context.memory.with(&uid, |note| {
                note.created = refusal.is_none().then(Instant::now);
                note.refusal = refusal;
            });
            Ok(())
        }
        Effect::Claim(claim) => {
            let claimed = enact_claim(context, &namespace, &uid, &claim).await?;
            note_claim(context, &uid, &claim, claimed);
            Ok(())
        }
        Effect::Mark(mark) => {
            mark_sandbox(context, &namespace, &uid, &mark).await;
            Ok(())
        }
        Effect::ApplyArtifacts(map) => {
            let maps: Api<ConfigMap> = Api::namespaced(context.client.clone(), &namespace);
            let params = PatchParams::apply(MANAGER_ARTIFACTS).force();
            within(maps.patch(&map.name_any(), &params, &Patch::Apply(&*map)))
                .await
                .map(|_| ())
                .map_err(Error::ApplyArtifacts)
        }
        Effect::OpenSession(handover) => {
            let kept = context.memory.with(&uid, |note| note.kept.take());
            context.sessions.open(&context.client, run, *handover, kept);
            Ok(())
        }
        Effect::DeleteStray { name, uid: pod_uid } => {
            delete_stray(context, run, &namespace, (&name, &pod_uid)).await;
            Ok(())
        }
        Effect::CloseSession => {
            context.sessions.close(&uid);
            context.pools.ends(&uid);
            Ok(())
        }
        Effect::DeleteRun => {
            let runs: Api<StrategyRun> = Api::namespaced(context.client.clone(), &namespace);
            let preconditions = Preconditions { uid: Some(uid), resource_version: run.resource_version() };
            let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::background() };
            match within(runs.delete(&run.name_any(), &params)).await {
                Ok(_) => Ok(()),
                Err(error) if said(&error, Status::is_not_found) => Ok(()),
                Err(error) => Err(Error::DeleteRun(error)),
            }
        }
        Effect::DeletePod { name, uid: pod_uid, resource_version, at_once } => {
            // Whatever becomes of it, the pod is not any more what it was a moment ago.
            context.memory.with(&uid, |note| note.pod = None);
            let this_one = Preconditions { uid: Some(pod_uid), resource_version };
            delete_pod(&context.client, &namespace, &name, (this_one, at_once)).await?;
            if at_once {
                context.memory.with(&uid, |note| note.gone = Some(name));
            }
            Ok(())
        }
    }
}

/// Writes the whole status, and only over the version that was looked at, or a later one on which the same would have been
/// decided: a decision on a stale look is refused, and somebody who keeps writing labels or annotations holds nobody up.
pub(super) async fn patch_status(
    context: &Context,
    run: &Arc<StrategyRun>,
    status: &StrategyRunStatus,
) -> Result<Arc<StrategyRun>, Error> {
    let runs: Api<StrategyRun> =
        Api::namespaced(context.client.clone(), &run.namespace().unwrap_or_default());
    let name = run.name_any();
    let mut version = run.resource_version();
    let mut tries = OVERTAKEN;
    let written = loop {
        let error = match replace_status(&runs, &name, version.as_deref(), status).await {
            Ok(written) => break written,
            Err(error) => error,
        };
        if tries == 0 || !said(&error, Status::is_conflict) {
            return Err(Error::PatchStatus(error));
        }
        tries -= 1;
        let there = within(runs.get_opt(&name)).await.map_err(Error::PatchStatus)?;
        let Some(there) = there.filter(|there| there.metadata.uid == run.metadata.uid) else {
            return Err(Error::PatchStatus(error));
        };
        version = there.resource_version();
        if !is_decided_alike(run, &there) {
            // The next look need not wait for the watch to see this.
            let uid = run.uid().unwrap_or_default();
            context.memory.with(&uid, |note| note.latest = Some(Arc::new(there)));
            return Err(Error::PatchStatus(error));
        }
    };
    let written = Arc::new(written);
    let uid = run.uid().unwrap_or_default();
    let before = run.last_attempt().map(|attempt| &attempt.pod_name);
    let intent = status
        .attempts
        .last()
        .filter(|attempt| attempt.finished_at.is_none())
        .map(|attempt| &attempt.pod_name);
    context.memory.with(&uid, |note| {
        note.written = Some(Instant::now());
        note.latest = Some(written.clone());
        note.unrecorded = false;
        if intent.is_some() && intent != before {
            note.intent = intent.cloned();
            note.refusal = None;
            note.artifacts_refused = false;
            note.created = None;
            note.scheduled = None;
            note.running = None;
            note.kept = None;
        }
    });
    let ended_before =
        run.status.as_ref().is_some_and(|before| before.completion_time == status.completion_time);
    if status.completion_time.is_some() && !ended_before {
        context.metrics.finished(status);
        context.memory.with(&uid, |note| note.gate = None);
    }
    Ok(written)
}

/// Writes the whole status over that version of a run, which comes back as it is then. A JSON patch: the API server takes it in
/// less time than an apply, and nobody else owns a part of the status.
pub(super) async fn replace_status<K: Clone + DeserializeOwned + Debug>(
    runs: &Api<K>,
    name: &str,
    version: Option<&str>,
    status: &impl Serialize,
) -> Result<K, Call> {
    let operations = serde_json::json!([
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        {"op": "add", "path": "/status", "value": status},
    ]);
    let operations = serde_json::from_value(operations)
        .map_err(|error| Call::Kube(Box::new(kube::Error::SerdeError(error))))?;
    let params = PatchParams { field_manager: Some(MANAGER_STATUS.into()), ..PatchParams::default() };
    within(runs.patch_status(name, &params, &Patch::Json::<()>(operations))).await
}

/// Whether nothing that decisions are made on has changed from one version of a run to another.
fn is_decided_alike(seen: &StrategyRun, there: &StrategyRun) -> bool {
    let ours = |run: &StrategyRun| -> Vec<(String, String)> {
        let all = run.annotations().iter().filter(|(key, _)| key.starts_with(ANNOTATIONS));
        all.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    seen.metadata.uid == there.metadata.uid
        && seen.metadata.generation == there.metadata.generation
        && seen.metadata.deletion_timestamp == there.metadata.deletion_timestamp
        && seen.status == there.status
        && ours(seen) == ours(there)
}

/// Events are for people; one that cannot be written is logged and never holds a run up.
async fn publish(recorder: &Recorder, run: &StrategyRun, notice: Notice) {
    let event = Event {
        type_: if notice.warning { EventType::Warning } else { EventType::Normal },
        reason: notice.reason.as_str().to_owned(),
        note: Some(clean(&notice.message, REFUSAL_MESSAGE)),
        action: "Reconcile".into(),
        secondary: None,
    };
    if let Err(error) = within(recorder.publish(&event, &run.object_ref(&()))).await {
        tracing::warn!(error = chain(&error), reason = notice.reason.as_str(), "failed to publish an event");
    }
}
