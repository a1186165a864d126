//! One reconcile: observe, plan, enact.

use super::context::Context;
use super::enact::enact;
use super::error::Error;
use super::observe::observe;
use super::undecodable::refuse_undecodable;
use crate::crd::StrategyRun;
use crate::run::{Effect, Next, leaves_place, plan};
use kube::ResourceExt as _;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::runtime::reflector::ObjectRef;
use std::sync::Arc;
use std::time::Duration;

/// Plans carried out in one reconcile at most: intent, creation, and a look at what came of it.
const STEPS: usize = 6;

/// Brings one run a step further:
/// 1. observe (client required),
/// 2. plan (no client required; infallible),
/// 3. enact (client required),
///
/// and again while a plan says that it was only the first half.
pub(super) async fn reconcile(
    seen: Arc<DeserializeGuard<StrategyRun>>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let first = match &seen.0 {
        Ok(run) => Arc::new(run.clone()),
        Err(invalid) => return refuse_undecodable(&context, &seen, invalid).await,
    };
    let uid = first.uid().unwrap_or_default();
    let target = ObjectRef::from_obj(seen.as_ref());
    context.forget_gone(&target, Some(&uid));
    context.memory.with(&uid, |note| note.target = Some(target));
    let mut run = context.memory.newest(first.clone());
    for _ in 0..STEPS {
        // 1. observe (client required)
        let facts = observe(&context, run).await?;
        // 2. plan (no client required; infallible)
        let plan = plan(&facts.as_observed(&context));
        let next = plan.next;
        if plan.beside.is_none() && !plan.effects.iter().any(|effect| matches!(effect, Effect::Claim(_))) {
            facts.decline(&context);
        }
        // 3. enact (client required)
        run = enact(&context, &facts.run, plan).await?;
        context.memory.with(&uid, |note| (note.failures, note.conflicts) = (0, 0));
        if leaves_place(&run) {
            let last = run.last_attempt().filter(|last| last.node_name.is_some());
            let ended = last.and_then(|last| last.finished_at.as_ref());
            context.places.leave(&uid, ended.map(|time| time.0));
        }
        match next {
            Next::Again => {}
            Next::After(pause) => return Ok(Action::requeue(pause)),
            Next::Wait => {
                let finished = run.status.as_ref().is_some_and(|status| status.completion_time.is_some());
                if finished || run.metadata.deletion_timestamp.is_some() {
                    context.memory.settle(&uid, &first);
                }
                return Ok(Action::await_change());
            }
        }
    }
    Ok(Action::requeue(Duration::from_secs(1)))
}

/// What to do when looking or writing failed: again, later each time, and never all at once.
#[expect(clippy::needless_pass_by_value, reason = "the signature is kube's")]
pub(super) fn error_policy(
    seen: Arc<DeserializeGuard<StrategyRun>>,
    error: &Error,
    context: Arc<Context>,
) -> Action {
    context.metrics.reconcile_failed(error.class());
    let uid = seen.0.as_ref().ok().and_then(StrategyRun::uid).unwrap_or_default();
    if error.is_conflict() {
        // One is nothing; many in a row say that the watch is behind, and that it will be for a while.
        let conflicts = context.memory.with(&uid, |note| {
            note.conflicts = note.conflicts.saturating_add(1);
            note.conflicts
        });
        return Action::requeue(Duration::from_millis(10 << conflicts.min(9)));
    }
    let failures = context.memory.with(&uid, |note| {
        note.failures = note.failures.saturating_add(1);
        note.failures
    });
    let base = Duration::from_millis(500) * (1 << failures.min(6));
    // Spread by the run's own identity: no clock and no dice needed.
    let spread = uid.bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 500;
    Action::requeue(base + Duration::from_millis(spread))
}
