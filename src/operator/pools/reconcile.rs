//! One look at a pool: observe, plan, enact.

use super::{Guarded, PoolTarget, Pools, Pressure, Terms};
use crate::config::Config;
use crate::crd::{SandboxClass, SandboxPool, SandboxPoolStatus, SeccompDelivery};
use crate::operator::classes::Classes;
use crate::operator::enact::replace_status;
use crate::operator::error::{Error, chain, said, within};
use crate::operator::nodes::Nodes;
use crate::operator::pods::{delete_pod, ensure_network_policy, refusal_of};
use crate::pool::{
    Expectations, Member, MemberState, Observed, Pause, Plan, PoolReason, Removal, Template, plan,
    read_member,
};
use crate::run::{MISSING_PROFILE, RefusalKind, missing_class};
use crate::sandbox::{LABEL_POOL, build_deny_all, label_value};
use crate::wire::clean;
use futures::FutureExt as _;
use futures::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{PostParams, Preconditions};
use kube::core::Status;
use kube::runtime::controller::{self, Action};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, Client, ResourceExt as _};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Until the next look at a pool whose sandboxes are not known yet.
const FIRST_LOOK: Duration = Duration::from_millis(100);
/// Bytes of a refusal's words.
const MESSAGE: usize = 400;
/// The longest pause after sandboxes that did not come up.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// What all looks at pools share.
pub(super) struct Context {
    client: Client,
    classes: Classes,
    config: Arc<Config>,
    nodes: Nodes,
    pools: Pools,
    pressure: Pressure,
    notes: Mutex<HashMap<String, Note>>,
}

/// What this process remembers of one pool.
#[derive(Default)]
struct Note {
    target: Option<PoolTarget>,
    expectations: Expectations,
    /// Failures since a sandbox last became ready.
    failures: u32,
    /// The last of them, and until when nothing is created because of it.
    pause: Option<(PoolReason, String, Instant)>,
    written: Option<Instant>,
}

impl Note {
    /// One more failure, unless it belongs to the last one: what takes one sandbox often takes several.
    fn fail(&mut self, reason: PoolReason, message: &str) {
        if self.pause().is_some() {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let pause = Duration::from_secs(1 << self.failures.min(9)).min(LONGEST_PAUSE);
        self.pause = Some((reason, clean(message, MESSAGE), Instant::now() + pause));
    }

    fn pause(&self) -> Option<Pause> {
        let (reason, message, until) = self.pause.as_ref()?;
        let rest = until.saturating_duration_since(Instant::now());
        (!rest.is_zero()).then(|| Pause { reason: *reason, message: message.clone(), rest })
    }
}

impl Context {
    pub(super) fn new(
        client: Client,
        classes: Classes,
        config: Arc<Config>,
        nodes: Nodes,
        pools: Pools,
        pressure: Pressure,
    ) -> Self {
        Self { client, classes, config, nodes, pools, pressure, notes: Mutex::default() }
    }

    fn terms(&self) -> Terms<'_> {
        Terms { config: &self.config, nodes: &self.nodes }
    }

    fn note<T>(&self, uid: &str, work: impl FnOnce(&mut Note) -> T) -> T {
        // What is in there stays true whatever the thread that panicked was about to do.
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        work(notes.entry(uid.to_owned()).or_default())
    }

    /// Says what became of a look; nothing is dropped.
    pub(super) fn report(
        &self,
        result: Result<(PoolTarget, Action), controller::Error<Error, watcher::Error>>,
    ) {
        match result {
            Ok((pool, _)) => tracing::debug!(%pool, "looked at"),
            // Another one of that name has taken its place, or somebody else wrote first.
            Err(controller::Error::ReconcilerFailed(error, pool)) if error.is_conflict() => {
                tracing::debug!(%pool, "its status is written at the next look");
            }
            Err(controller::Error::ReconcilerFailed(error, pool)) => {
                tracing::warn!(%pool, class = error.class(), error = chain(&error), "a pool could not be seen to");
            }
            Err(controller::Error::ObjectNotFound(pool)) => {
                tracing::debug!(%pool, "pool is gone");
                let target = ObjectRef::new(&pool.name).within(pool.namespace.as_deref().unwrap_or_default());
                self.pools.kept.keep_only(&target, &BTreeSet::new());
                let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
                notes.retain(|_, note| note.target.as_ref() != Some(&target));
            }
            Err(error) => tracing::warn!(error = chain(&error), "watch failed"),
        }
    }
}

/// Brings one pool a step further.
pub(super) async fn reconcile(seen: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Error> {
    let pool = match &seen.0 {
        Ok(pool) => pool,
        Err(invalid) => {
            tracing::warn!(pool = seen.name_any(), error = %invalid.error, "a pool cannot be read: correct its spec");
            return Ok(Action::await_change());
        }
    };
    let uid = pool.uid().unwrap_or_default();
    let target = ObjectRef::from_obj(seen.as_ref());
    let namespace = pool.namespace().unwrap_or_default();
    if context.pools.members.wait_until_ready().now_or_never().is_none() {
        // Which sandboxes there are is not known yet, and none of them is to be made once more.
        return Ok(Action::requeue(FIRST_LOOK));
    }
    // 1. observe (client required)
    let class = context.classes.get(&pool.spec.class_name).await.map_err(Error::ReadClass)?;
    let template = template(&context, pool, class.as_deref());
    let label = label_value(&pool.name_any());
    let pods = context.pools.members.state_filter(|pod| {
        pod.namespace().as_deref() == Some(&namespace) && pod.labels().get(LABEL_POOL) == Some(&label)
    });
    keep_connections(&context, (&target, &uid), &namespace, &pods);
    let members: Vec<Member<'_>> = pods
        .iter()
        .map(|pod| {
            let (ready, since) = context.pools.kept.look(pod.metadata.uid.as_deref().unwrap_or_default());
            Member { pod, ready, since }
        })
        .collect();
    let now = Timestamp::now();
    let names = pods.iter().map(|pod| pod.name_any()).collect();
    let uids = pods.iter().filter_map(|pod| pod.uid()).collect();
    let quiet = context.pools.quiet_for(&target);
    let able = members.iter().any(|member| member.ready);
    let (expectations, pause, since_write) = context.note(&uid, |note| {
        note.target = Some(target);
        note.expectations.settle(&names, &uids, now);
        if able {
            note.failures = 0;
        }
        (note.expectations.clone(), note.pause(), note.written.map(|at| at.elapsed()))
    });
    // 2. plan (no client required; infallible)
    let plan = plan(&Observed {
        pool,
        template: template.as_ref().map_err(|(reason, message)| (*reason, message.as_str())),
        members: &members,
        expectations: &expectations,
        pause: pause.as_ref(),
        quiet,
        pressed: context.pressure.is_felt(&namespace),
        since_write,
        seed: &format!("{:x}", now.as_nanosecond()),
        now: Timestamp::from_second(now.as_second()).unwrap_or_default(),
    });
    // 3. enact (client required)
    let next = plan.next;
    enact(&context, pool, plan).await?;
    Ok(Action::requeue(next))
}

/// What the pool's sandboxes are to be, or why that cannot be said.
fn template(
    context: &Context,
    pool: &SandboxPool,
    class: Option<&SandboxClass>,
) -> Result<Template, (PoolReason, String)> {
    if !context.config.sandbox.enabled {
        let message = "the operator runs with sandbox.enabled: false";
        return Err((PoolReason::SandboxDisabled, message.to_owned()));
    }
    let Some(class) = class else {
        return Err((PoolReason::ClassNotFound, missing_class(&pool.spec.class_name)));
    };
    let by_agent = class.spec.seccomp.delivery == SeccompDelivery::Node;
    if by_agent && !context.nodes.facts(&class.spec).profile {
        return Err((PoolReason::ProfileMissing, MISSING_PROFILE.to_owned()));
    }
    context
        .terms()
        .template(pool, class)
        .map_err(|missing| (PoolReason::DatasetNotFound, missing.to_string()))
}

/// Keeps a connection to every sandbox that waits, and to no other.
fn keep_connections(
    context: &Context,
    (target, pool_uid): (&PoolTarget, &str),
    namespace: &str,
    pods: &[Arc<Pod>],
) {
    let up: Vec<&Arc<Pod>> =
        pods.iter().filter(|pod| read_member(pod, pool_uid) == MemberState::Up).collect();
    let waiting: BTreeSet<&str> = up.iter().filter_map(|pod| pod.metadata.uid.as_deref()).collect();
    context.pools.kept.keep_only(target, &waiting);
    for pod in up {
        let api: Api<Pod> = Api::namespaced(context.client.clone(), namespace);
        let (uid, name) = (pod.uid().unwrap_or_default(), pod.name_any());
        context.pools.keep(api, (&uid, &name), target);
    }
}

async fn enact(context: &Context, pool: &SandboxPool, plan: Plan) -> Result<(), Error> {
    let namespace = pool.namespace().unwrap_or_default();
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &namespace);
    let uid = pool.uid().unwrap_or_default();
    join_all(plan.removals.iter().map(|removal| remove(context, &namespace, &uid, removal))).await;
    if !plan.creations.is_empty() {
        ensure_network_policy(&context.client, &namespace, &build_deny_all(&namespace)).await?;
        join_all(plan.creations.iter().map(|pod| create(context, &pods, &uid, pod))).await;
    }
    if let Some(status) = plan.status {
        patch_status(context, pool, &status).await?;
        context.note(&uid, |note| note.written = Some(Instant::now()));
    }
    Ok(())
}

/// Creates one sandbox. That it is refused is an observation and no error.
async fn create(context: &Context, pods: &Api<Pod>, uid: &str, pod: &Pod) {
    let name = pod.name_any();
    context.note(uid, |note| note.expectations.expect_creation(&name, Timestamp::now()));
    let Err(error) = within(pods.create(&PostParams::default(), pod)).await else {
        context.note(uid, |note| note.expectations.is_created(&name));
        return;
    };
    let reason = match refusal_of(&error) {
        Some(refusal) if refusal.kind == RefusalKind::Quota => PoolReason::QuotaExceeded,
        Some(_) | None => PoolReason::CreationRefused,
    };
    // Without the server's own word it may have been created all the same: then the watch shows it. If it is not there
    // although nobody waits for the answer any more, and comes even later, then it is one too many and goes.
    let refused = said(&error, |_| true) || matches!(within(pods.get_opt(&name)).await, Ok(None));
    context.note(uid, |note| {
        if refused {
            note.expectations.is_refused(&name);
        }
        note.fail(reason, &chain(&error));
    });
}

/// Deletes one sandbox if it is still as it was looked at: a run may have taken it meanwhile.
async fn remove(context: &Context, namespace: &str, uid: &str, removal: &Removal) {
    context.note(uid, |note| {
        note.expectations.expect_deletion(&removal.uid, Timestamp::now());
        if let Some(message) = &removal.failure {
            note.fail(PoolReason::SandboxStartFailed, message);
        }
    });
    let this_one =
        Preconditions { uid: Some(removal.uid.clone()), resource_version: removal.resource_version.clone() };
    if let Err(error) = delete_pod(&context.client, namespace, &removal.name, (this_one, false)).await {
        context.note(uid, |note| note.expectations.is_kept(&removal.uid));
        tracing::debug!(pod = removal.name, error = chain(&error), "a sandbox stays for now");
    }
}

async fn patch_status(
    context: &Context,
    pool: &SandboxPool,
    status: &SandboxPoolStatus,
) -> Result<(), Error> {
    let pools: Api<SandboxPool> =
        Api::namespaced(context.client.clone(), &pool.namespace().unwrap_or_default());
    match replace_status(&pools, &pool.name_any(), pool.resource_version().as_deref(), status).await {
        Ok(_) => Ok(()),
        // Deleted meanwhile.
        Err(error) if said(&error, Status::is_not_found) => Ok(()),
        Err(error) => Err(Error::PatchStatus(error)),
    }
}

/// What to do when looking or writing failed: again, a little later.
pub(super) fn error_policy(_: Arc<Guarded>, _: &Error, _: Arc<Context>) -> Action {
    Action::requeue(Duration::from_secs(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_together_is_one_failure() {
        let mut note = Note::default();
        for _ in 0..10 {
            note.fail(PoolReason::SandboxStartFailed, "no");
        }
        assert_eq!(note.failures, 1);
        assert!(note.pause().is_some_and(|pause| pause.rest <= Duration::from_secs(2)));
    }
}
