//! How a run comes by a pool's sandbox, and what becomes of one that it came by in vain.

use super::connection::Connection;
use super::context::Context;
use super::enact::patch_status;
use super::error::{Call, Error, chain, said, within};
use super::pods::delete_pod;
use crate::crd::{StrategyRun, StrategyRunStatus};
use crate::sandbox::{Claim, MANAGER_CLAIM, Mark};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams, Preconditions};
use kube::{Api, ResourceExt as _};
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;

/// Writes the status that records an attempt, and takes the attempt's sandbox meanwhile. Without the record the sandbox is a
/// stray, and the run is told so by the watch; without the sandbox the next look finds the attempt without one. After a record
/// that could not be written nothing is taken before the next one stands: a run whose status is refused, whatever the reason,
/// is not to use a pool up.
pub(super) async fn record_and_claim(
    context: &Context,
    run: &Arc<StrategyRun>,
    status: &StrategyRunStatus,
    claim: &Claim,
) -> Result<Arc<StrategyRun>, Error> {
    let (uid, namespace) = (run.uid().unwrap_or_default(), run.namespace().unwrap_or_default());
    let record = patch_status(context, run, status);
    let taking = enact_claim(context, &namespace, &uid, claim);
    let (written, claimed) = if context.memory.with(&uid, |note| note.unrecorded) {
        (record.await?, taking.await)
    } else {
        let (written, claimed) = tokio::join!(record, taking);
        let written = written.inspect_err(|_| {
            context.pools.ends(&uid);
            // The pod is not any more what was looked at.
            context.memory.with(&uid, |note| (note.unrecorded, note.pod) = (true, None));
        })?;
        (written, claimed)
    };
    // After what the record has changed of the note.
    note_claim(context, &uid, claim, claimed?);
    Ok(written)
}

/// A sandbox that has been taken, and the connection that was kept to it.
pub(super) type Taken = (Arc<Pod>, Option<Connection>);

/// Takes a pool's sandbox, and the connection that is kept to it; None if somebody else was quicker. Without an answer nobody
/// knows, and the next look sees whose it is.
pub(super) async fn enact_claim(
    context: &Context,
    namespace: &str,
    run_uid: &str,
    claim: &Claim,
) -> Result<Option<Taken>, Error> {
    context.pools.begins(run_uid, namespace, claim);
    let claimed = patch_sandbox(context, namespace, &claim.pod_name, &claim.patch).await;
    let refused = match &claimed {
        Ok(pod) => pod.metadata.deletion_timestamp.is_some(),
        Err(error) => {
            said(error, |status| status.is_conflict() || status.is_invalid() || status.is_not_found())
        }
    };
    if refused {
        context.metrics.claimed(false);
        context.pools.ends(run_uid);
        context.pools.is_lost(&claim.pod_uid);
        return Ok(None);
    }
    let pod = claimed.map_err(|error| {
        // Whatever the look after a failed call finds: nothing that was known before it.
        context.memory.with(run_uid, |note| note.pod = None);
        context.pools.is_unsure(&claim.pod_uid);
        Error::ClaimPod(error)
    })?;
    context.metrics.claimed(true);
    Ok(Some((Arc::new(pod), context.pools.connection(&claim.pod_uid).await)))
}

async fn patch_sandbox(context: &Context, namespace: &str, name: &str, patch: &Value) -> Result<Pod, Call> {
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), namespace);
    let params = PatchParams { field_manager: Some(MANAGER_CLAIM.into()), ..PatchParams::default() };
    within(pods.patch(name, &params, &Patch::Merge(patch))).await
}

/// Remembers what came of a claim; that somebody else was quicker is an observation and no error.
pub(super) fn note_claim(context: &Context, run_uid: &str, claim: &Claim, claimed: Option<Taken>) {
    context.memory.with(run_uid, |note| {
        if let Some((pod, kept)) = claimed {
            note.created = Some(Instant::now());
            note.pod = Some((pod, Instant::now()));
            note.kept = kept;
        } else {
            note.claims_lost = note.claims_lost.saturating_add(1);
            note.lost_claim = Some(claim.pod_uid.clone());
            note.pod = None;
        }
    });
}

/// Gives a claimed sandbox what its run's own would have. The next look tries again.
pub(super) async fn mark_sandbox(context: &Context, namespace: &str, run_uid: &str, mark: &Mark) {
    context.memory.with(run_uid, |note| note.pod = None);
    if let Err(error) = patch_sandbox(context, namespace, &mark.pod_name, &mark.patch).await {
        tracing::warn!(
            pod = mark.pod_name,
            error = chain(&Error::ClaimPod(error)),
            "a sandbox has no labels and no deadline of its run's for now"
        );
    }
}

/// Deletes a sandbox that is the run's by its owner only. That it cannot be deleted holds the run up in nothing.
pub(super) async fn delete_stray(context: &Context, run: &StrategyRun, namespace: &str, pod: (&str, &str)) {
    if let Err(error) = try_delete_stray(context, run, namespace, pod).await {
        tracing::warn!(
            run = run.name_any(),
            pod = pod.0,
            error = chain(&error),
            "a sandbox that no attempt of the run has a use for stays for now"
        );
    }
}

/// The run is read once more: another process may have recorded it.
async fn try_delete_stray(
    context: &Context,
    run: &StrategyRun,
    namespace: &str,
    (pod_name, pod_uid): (&str, &str),
) -> Result<(), Error> {
    let runs: Api<StrategyRun> = Api::namespaced(context.client.clone(), namespace);
    let there = within(runs.get_opt(&run.name_any())).await.map_err(Error::ReadRun)?;
    if there.is_none_or(|there| there.uid() != run.uid() || there.has_use_for(pod_uid)) {
        return Ok(());
    }
    tracing::info!(
        run = run.name_any(),
        pod = pod_name,
        "a sandbox that no attempt of the run has a use for is deleted"
    );
    let this_one = Preconditions { uid: Some(pod_uid.to_owned()), resource_version: None };
    delete_pod(&context.client, namespace, pod_name, (this_one, false)).await
}
