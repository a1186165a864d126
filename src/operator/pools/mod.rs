//! Pools: what is kept ready, and how a run gets one of it.

mod kept;
mod pressure;
mod reconcile;

use super::classes::Classes;
use super::connection::Connection;
use super::nodes::Nodes;
use crate::config::Config;
use crate::crd::{SandboxClass, SandboxPool, StrategyRun};
use crate::pool::{Template, build_template, is_young};
use crate::run::{ColdReason, Offer};
use crate::sandbox::{Claim, LABEL_POOL, is_claimed, label_value, pool_label_selector};
use futures::StreamExt as _;
use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use k8s_openapi::api::core::v1::Pod;
use kept::Kept;
use kube::core::DeserializeGuard;
use kube::runtime::controller::{self, Controller};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource as _, ResourceExt as _};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(super) use pressure::Pressure;

/// Pools looked at in parallel.
const CONCURRENCY: u16 = 4;
/// How long an offered sandbox is offered to nobody else. A claim takes some milliseconds; what was offered and not
/// claimed by then is free again.
const OFFERED: Duration = Duration::from_secs(10);

/// How long a pool starts no other sandbox when a run has taken one, unless the run has its report before. Starting one
/// costs a node a second of processor time, and most runs need less than a tenth of that.
const QUIET: Duration = Duration::from_millis(300);
/// How long together, where one run comes after the other.
const LONGEST_QUIET: Duration = Duration::from_secs(1);

/// The root objects: one that cannot be decoded must not stop the watch.
type Guarded = DeserializeGuard<SandboxPool>;
/// A pool by name.
type PoolTarget = ObjectRef<Guarded>;

/// The pools of one scope of namespaces, their sandboxes, and the connections that are kept to them.
#[derive(Clone)]
pub(super) struct Pools {
    roots: Store<Guarded>,
    members: Store<Pod>,
    kept: Kept,
    /// Which run each sandbox was offered to last, by UIDs.
    offered: Arc<Mutex<HashMap<String, (String, Instant)>>>,
    /// Runs that have just taken a sandbox, with the pool that it was of.
    running: Arc<Mutex<HashMap<String, (PoolTarget, Instant)>>>,
    /// Since when nothing is started because of them.
    quiet_since: Arc<Mutex<HashMap<PoolTarget, Instant>>>,
    trigger: UnboundedSender<PoolTarget>,
}

/// What a pool controller is made of, beside [`Pools`].
pub(super) struct Parts {
    roots: reflector::store::Writer<Guarded>,
    members: reflector::store::Writer<Pod>,
    heard: UnboundedReceiver<PoolTarget>,
}

/// What decides what a pool's sandboxes are.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) config: &'a Config,
    pub(super) nodes: &'a Nodes,
}

impl Terms<'_> {
    /// What the pool's sandboxes are to be, as the class is now.
    fn template(
        &self,
        pool: &SandboxPool,
        class: &SandboxClass,
    ) -> Result<Template, crate::pool::MissingDataset> {
        let user_namespace = self.nodes.user_namespace(&class.spec);
        build_template(pool, &class.spec, self.config, user_namespace)
    }
}

impl Pools {
    /// No pools yet: [`control`] fills them.
    pub(super) fn new(pressure: &Pressure) -> (Self, Parts) {
        let (roots, root_writer) = reflector::store::<Guarded>();
        let (members, member_writer) = reflector::store::<Pod>();
        let (trigger, heard) = mpsc::unbounded();
        let known = roots.clone();
        let bell = trigger.clone();
        pressure.tell(move || {
            known.state().iter().for_each(|pool| {
                // Fails only when the controller is gone, and then nobody is left to be woken.
                let _ = bell.unbounded_send(ObjectRef::from_obj(pool.as_ref()));
            });
        });
        let pools = Self {
            roots,
            members,
            kept: Kept::default(),
            offered: Arc::default(),
            running: Arc::default(),
            quiet_since: Arc::default(),
            trigger,
        };
        (pools, Parts { roots: root_writer, members: member_writer, heard })
    }

    /// A waiting sandbox for that run, which nobody else is offered for a while; it has been compared with what its class
    /// says now, field by field.
    pub(super) fn offer(&self, run: &StrategyRun, class: &SandboxClass, terms: Terms<'_>) -> Offer {
        let namespace = run.namespace();
        let pools: Vec<_> = self
            .roots
            .state_filter(|pool| {
                let ours =
                    |pool: &SandboxPool| pool.spec.class_name == class.name_any() && pool.spec.replicas > 0;
                pool.namespace() == namespace && pool.0.as_ref().is_ok_and(ours)
            })
            .into_iter()
            .collect();
        if pools.is_empty() {
            return Offer::NoPool;
        }
        let templates: HashMap<String, Template> = pools
            .iter()
            .filter_map(|pool| pool.0.as_ref().ok())
            .filter_map(|pool| Some((label_value(&pool.name_any()), terms.template(pool, class).ok()?)))
            .collect();
        let (uid, now) = (run.uid().unwrap_or_default(), jiff::Timestamp::now());
        let mut offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        offered.retain(|_, (_, since)| since.elapsed() < OFFERED);
        let template_of = |pod: &Pod| pod.labels().get(LABEL_POOL).and_then(|pool| templates.get(pool));
        let mut candidates = self.members.state_filter(|pod| {
            let pod_uid = pod.metadata.uid.as_deref().unwrap_or_default();
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
            pod.namespace() == namespace
                && self.kept.is_ready(pod_uid)
                && is_young(pod, now)
                && offered.get(pod_uid).is_none_or(|(other, _)| *other == uid)
                && template_of(pod).is_some_and(|template| template.is_of(pod))
                && node.is_some_and(|node| terms.nodes.is_calm(node))
        });
        // One whose runner has read the run's data comes first, then the oldest.
        let has_data =
            |pod: &Pod| template_of(pod).and_then(Template::dataset) == Some(run.spec.dataset.name.as_str());
        candidates
            .sort_by_key(|pod| (!has_data(pod), pod.metadata.creation_timestamp.as_ref().map(|time| time.0)));
        let as_it_was =
            |pod: &&Arc<Pod>| template_of(pod).is_some_and(|template| template.check(pod).is_ok());
        let Some(pod) = candidates.iter().find(as_it_was) else { return Offer::Cold(ColdReason::NoneReady) };
        offered.insert(pod.uid().unwrap_or_default(), (uid, Instant::now()));
        Offer::Member(pod.clone())
    }

    /// That run does not take the sandbox that it was offered: it is free for others.
    pub(super) fn is_declined(&self, run_uid: &str, pod: &Pod) {
        let mut offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        let pod_uid = pod.metadata.uid.as_deref().unwrap_or_default();
        if offered.get(pod_uid).is_some_and(|(other, _)| other == run_uid) {
            offered.remove(pod_uid);
        }
    }

    /// Whether a waiting sandbox is still what its pool would make now, and nobody's.
    pub(super) fn is_claimable(&self, pod: &Pod, class: &SandboxClass, terms: Terms<'_>) -> bool {
        !is_claimed(pod)
            && root_of(&self.roots, pod)
                .as_ref()
                .and_then(|pool| pool.0.as_ref().ok())
                .and_then(|pool| terms.template(pool, class).ok())
                .is_some_and(|template| template.check(pod).is_ok())
    }

    /// Keeps a connection to that sandbox; its pool is looked at whenever it becomes ready or ceases to be.
    fn keep(&self, pods: Api<Pod>, pod: (&str, &str), pool: &PoolTarget) {
        self.kept.keep(pods, pod, (&self.trigger, pool));
    }

    /// That sandbox could not be claimed: what the watch has of it is old.
    pub(super) fn is_lost(&self, pod_uid: &str) {
        self.is_unsure(pod_uid);
        let mut offered = self.offered.lock().unwrap_or_else(PoisonError::into_inner);
        offered.insert(pod_uid.to_owned(), (String::new(), Instant::now()));
    }

    /// Nobody knows whose that sandbox is: if it still waits, the watch says so.
    pub(super) fn is_unsure(&self, pod_uid: &str) {
        self.kept.hold(pod_uid, false);
        self.forget_if_gone(pod_uid);
    }

    /// Lets go of what is kept to a sandbox whose pool went while it was being claimed: nobody looks at that pool any more.
    fn forget_if_gone(&self, pod_uid: &str) {
        if let Some(pool) = self.kept.pool_of(pod_uid).filter(|pool| self.roots.get(pool).is_none()) {
            self.kept.keep_only(&pool, &BTreeSet::new());
        }
    }

    /// That run takes that sandbox of its pool now: the connection to it stays for the run, whatever the watch shows before
    /// the claim is answered, and for a moment nothing is started beside it.
    pub(super) fn begins(&self, run_uid: &str, namespace: &str, claim: &Claim) {
        self.kept.hold(&claim.pod_uid, true);
        let pod = self.members.get(&ObjectRef::new(&claim.pod_name).within(namespace));
        if let Some(pool) = pod.and_then(|pod| pool_of(&self.roots, &pod)) {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.insert(run_uid.to_owned(), (pool, Instant::now()));
        }
    }

    /// That run has its report, or will have none: its pool may fill up.
    pub(super) fn ends(&self, run_uid: &str) {
        let ended = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(run_uid);
        if let Some((pool, _)) = ended {
            // Fails only when the controller is gone, and then nobody is left to be woken.
            let _ = self.trigger.unbounded_send(pool);
        }
    }

    /// For how long nothing of that pool is to be started yet.
    fn quiet_for(&self, pool: &PoolTarget) -> Option<Duration> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, (_, since)| since.elapsed() < QUIET);
        let own = running.values().filter(|(of, _)| of == pool);
        let rest = own.map(|(_, since)| QUIET.saturating_sub(since.elapsed())).max();
        let mut quiet_since = self.quiet_since.lock().unwrap_or_else(PoisonError::into_inner);
        if rest.is_none() {
            quiet_since.remove(pool);
            return None;
        }
        let quiet = quiet_since.entry(pool.clone()).or_insert_with(Instant::now).elapsed();
        rest.filter(|_| quiet < LONGEST_QUIET)
    }

    /// The connection that is kept to that sandbox.
    pub(super) async fn connection(&self, pod_uid: &str) -> Option<Connection> {
        let connection = self.kept.take(pod_uid).await;
        self.forget_if_gone(pod_uid);
        connection
    }
}

/// Watches and reconciles the pools of one namespace, or of all. Ends never by itself.
pub(super) async fn control(
    client: Client,
    known_classes: Classes,
    namespace: Option<String>,
    config: Arc<Config>,
    nodes: Nodes,
    (pools, parts, pressure): (Pools, Parts, Pressure),
) {
    let roots: Api<Guarded> = super::scoped(&client, namespace.as_deref());
    let pods: Api<Pod> = super::scoped(&client, namespace.as_deref());
    let classes: Api<DeserializeGuard<SandboxClass>> = Api::all(client.clone());
    let root_stream = watcher(roots, watcher::Config::default())
        .backoff(super::WatchPauses::default())
        .modify(|pool| pool.meta_mut().managed_fields = None)
        .reflect(parts.roots)
        .touched_objects();
    let member_stream = watcher(pods, watcher::Config::default().labels(&pool_label_selector()))
        .backoff(super::WatchPauses::default())
        .modify(|pod| pod.metadata.managed_fields = None)
        .reflect(parts.members)
        .touched_objects();
    let (known, by_class) = (pools.roots.clone(), pools.roots.clone());
    let reader = pools.roots.clone();
    let context =
        Arc::new(reconcile::Context::new(client, known_classes.clone(), config, nodes, pools, pressure));
    Controller::for_stream(root_stream, reader)
        // Not `owns`: a sandbox that was claimed is a run's, and its pool is to see that at once.
        .watches_stream(member_stream, move |pod| pool_of(&known, &pod))
        .watches(classes, watcher::Config::default(), move |class| {
            known_classes.forget(&class.name_any());
            pools_of_class(&by_class, &class.name_any())
        })
        .reconcile_on(parts.heard)
        .trigger_backoff(super::WatchPauses::default())
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .run(reconcile::reconcile, reconcile::error_policy, context.clone())
        .for_each(move |result| {
            let context = context.clone();
            async move { context.report(result) }
        })
        .await;
}

fn pool_of(pools: &Store<Guarded>, pod: &Pod) -> Option<PoolTarget> {
    Some(ObjectRef::from_obj(root_of(pools, pod)?.as_ref()))
}

/// The pool that a pod says it was made for.
fn root_of(pools: &Store<Guarded>, pod: &Pod) -> Option<Arc<Guarded>> {
    let label = pod.labels().get(LABEL_POOL)?;
    pools.find(|pool| pool.namespace() == pod.namespace() && label_value(&pool.name_any()) == *label)
}

fn pools_of_class(pools: &Store<Guarded>, class: &str) -> Vec<PoolTarget> {
    pools
        .state_filter(|pool| pool.0.as_ref().is_ok_and(|pool| pool.spec.class_name == class))
        .iter()
        .map(|pool| ObjectRef::from_obj(pool.as_ref()))
        .collect()
}
