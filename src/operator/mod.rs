//! The operator: watches, and what is done about them. The only user of the Kubernetes client.

mod admission;
mod claim;
mod classes;
mod client;
mod connection;
mod context;
mod enact;
mod error;
mod gate;
mod nodes;
mod observe;
mod output;
mod places;
mod pods;
mod pools;
mod reconcile;
mod session;
mod undecodable;
mod uninstall;

use crate::config::Config;
use crate::crd::{SandboxClass, SandboxPool, StrategyRun};
use crate::http;
use crate::metrics::Metrics;
use crate::run::has_open_attempt;
use crate::sandbox::run_label_selector;
use classes::Classes;
use context::{Context, Memory};
use error::Error;
use futures::future::join_all;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::core::DeserializeGuard;
use kube::runtime::controller::{self, Action, Controller};
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::utils::Backoff;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource as _, ResourceExt as _};
use nodes::Nodes;
use places::Places;
use pools::{Pools, Pressure};
use session::{Sessions, Target};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

pub use admission::{CertificateSource, Webhook};
pub use client::{connect, connect_to};
pub use connection::attach_params;
pub use uninstall::{Removed, UninstallError, uninstall};

/// Runs looked at in parallel. Each look is a handful of calls of some milliseconds; more would only queue at the API
/// server.
const CONCURRENCY: u16 = 16;

/// Runs in one page of a list: some megabytes if each has code of the usual size.
const PAGE: u32 = 250;

/// The pause after a watch that failed, and the longest one: the client's own, of half a minute and for two minutes after the
/// last failure, would outlast most outages by far.
const WATCH_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_WATCH_PAUSE: Duration = Duration::from_secs(5);

/// The root objects of the controller: one that cannot be decoded must not stop the watch.
type Guarded = DeserializeGuard<StrategyRun>;

/// What the operator is not ready without.
const CRDS: &str = "the CRDs";
/// The same, where it serves the webhook.
const CERTIFICATE: &str = "the webhook's certificate";

/// Why the operator could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No API server.
    #[error("failed to connect to the API server")]
    Connect(#[source] Box<kube::Error>),
    /// The port of health and metrics, or the webhook's.
    #[error("failed to listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
}

/// Runs until `shutdown` resolves.
///
/// # Errors
/// No connection, or the address is taken.
pub async fn run(
    config: Config,
    address: SocketAddr,
    webhook: Option<Webhook>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), StartError> {
    let client = connect().await.map_err(|error| StartError::Connect(Box::new(error)))?;
    let metrics = Metrics::default();
    let listener = listen(address).await?;
    let health =
        http::Health::waiting_for([Some(CRDS), webhook.as_ref().map(|_| CERTIFICATE)].into_iter().flatten());
    let server = tokio::spawn(http::serve(listener, metrics.clone(), health.clone()));
    let reviews = {
        let (client, metrics, health) = (client.clone(), metrics.clone(), health.clone());
        let webhook = match webhook {
            Some(webhook) => Some((listen(webhook.listen).await?, webhook.certificate)),
            None => None,
        };
        async move {
            match webhook {
                Some((listener, certificate)) => {
                    admission::serve(listener, &certificate, client, metrics, || health.has(CERTIFICATE))
                        .await;
                }
                None => std::future::pending().await,
            }
        }
    };
    let work = async {
        wait_for_crds(&client, config.watch_namespaces.first().map(String::as_str)).await;
        let (nodes, node_stream) = Nodes::watch(&client);
        // Inside a cluster this is the service account's namespace, which is the release's.
        let namespace = client.default_namespace().to_owned();
        let labels = tokio::spawn(nodes::keep_labels(client.clone(), namespace, nodes.clone(), node_stream));
        nodes.known().await;
        health.has(CRDS);
        control(&client, config, nodes, metrics).await;
        labels.abort();
    };
    tokio::select! {
        () = work => {}
        () = reviews => {}
        () = shutdown => tracing::info!("asked to stop"),
    }
    server.abort();
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|error| StartError::Listen(address, error))
}

/// The chart installs CRDs and operator in any order: waiting is quieter than a crash loop.
async fn wait_for_crds(client: &Client, namespace: Option<&str>) {
    let runs: Api<StrategyRun> = scoped(client, namespace);
    let pools: Api<SandboxPool> = scoped(client, namespace);
    let classes: Api<SandboxClass> = Api::all(client.clone());
    let one = ListParams::default().limit(1);
    loop {
        let (runs, pools, classes) = tokio::join!(
            error::within(async { runs.list_metadata(&one).await.map(|_| ()) }),
            error::within(async { pools.list_metadata(&one).await.map(|_| ()) }),
            error::within(async { classes.list_metadata(&one).await.map(|_| ()) })
        );
        match runs.and(pools).and(classes).err() {
            None => return,
            Some(error) => tracing::info!(error = error::chain(&error), "waiting for the CRDs"),
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// Watches and reconciles; one controller for all namespaces, or one for each that is named.
async fn control(client: &Client, config: Config, nodes: Nodes, metrics: Metrics) {
    let namespaces: Vec<Option<String>> = if config.watch_namespaces.is_empty() {
        vec![None]
    } else {
        config.watch_namespaces.iter().cloned().map(Some).collect()
    };
    let reporter = Reporter { controller: "stratbox".into(), instance: std::env::var("POD_NAME").ok() };
    let recorder = Recorder::new(client.clone(), reporter);
    let config = Arc::new(config);
    let classes = Classes::new(client.clone());
    let (memory, places, pressure) = (Memory::default(), Places::default(), Pressure::default());
    let desks = gate::desks();
    let mut adopted = Vec::new();
    for namespace in namespaces {
        let runs = adopt_sandboxes(client, namespace.as_deref(), (&places, &memory)).await;
        adopted.push((namespace, runs));
    }
    let controllers = adopted.into_iter().map(|(namespace, adopted)| {
        let (trigger, heard) = futures::channel::mpsc::unbounded();
        for run in adopted {
            // Also one that goes before the watch has it: its place is given back when it is looked for and not found. The
            // receiver is here.
            let _ = trigger.unbounded_send(run);
        }
        let (runs, run_writer) = reflector::store();
        let (sandboxes, sandbox_writer) = reflector::store();
        let (pools, parts) = Pools::new(&pressure);
        let context = Context {
            client: client.clone(),
            classes: classes.clone(),
            config: config.clone(),
            recorder: recorder.clone(),
            sessions: Sessions::new(trigger),
            nodes: nodes.clone(),
            runs,
            sandboxes,
            metrics: metrics.clone(),
            memory: memory.clone(),
            desks: desks.clone(),
            places: places.clone(),
            pools: pools.clone(),
            pressure: pressure.clone(),
        };
        let pools = pools::control(
            client.clone(),
            classes.clone(),
            namespace.clone(),
            config.clone(),
            nodes.clone(),
            (pools, parts, pressure.clone()),
        );
        async move {
            tokio::join!(control_namespace(context, namespace, heard, (run_writer, sandbox_writer)), pools)
        }
    });
    join_all(controllers).await;
}

async fn control_namespace(
    context: Context,
    namespace: Option<String>,
    heard: impl Stream<Item = ObjectRef<Guarded>> + Send + 'static,
    (run_writer, sandbox_writer): (reflector::store::Writer<Guarded>, reflector::store::Writer<Pod>),
) {
    let (client, reader) = (context.client.clone(), context.runs.clone());
    let known_classes = context.classes.clone();
    let runs: Api<Guarded> = scoped(&client, namespace.as_deref());
    let pods: Api<Pod> = scoped(&client, namespace.as_deref());
    let classes: Api<DeserializeGuard<SandboxClass>> = Api::all(client);
    let stream = watcher(runs, watcher::Config::default().page_size(PAGE))
        .backoff(WatchPauses::default())
        .modify(|run| {
            // Neither is looked at, and the second holds the code once more.
            let meta = run.meta_mut();
            meta.managed_fields = None;
            if let Some(annotations) = &mut meta.annotations {
                annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
            }
        })
        .reflect(run_writer)
        .touched_objects();
    let waiting = reader.clone();
    let memory = context.memory.clone();
    let pods = watcher(pods, watcher::Config::default().labels(&run_label_selector()))
        .backoff(WatchPauses::default())
        .modify(|pod| pod.metadata.managed_fields = None)
        .reflect(sandbox_writer)
        .touched_objects()
        // Before the run is looked at because of it.
        .inspect_ok(move |pod| memory.hear(pod));
    let context = Arc::new(context);
    let known = context.clone();
    Controller::for_stream(stream, reader)
        .owns_stream(pods)
        .watches(classes, watcher::Config::default(), move |class| {
            known_classes.forget(&class.name_any());
            runs_of_class(&waiting, &class)
        })
        .reconcile_on(heard)
        .trigger_backoff(WatchPauses::default())
        .with_config(controller::Config::default().concurrency(CONCURRENCY))
        .run(reconcile::reconcile, reconcile::error_policy, context)
        .for_each(move |result| {
            let known = known.clone();
            async move {
                report(&known, result);
            }
        })
        .await;
}

/// Pauses after failures of a watch, each twice the one before.
struct WatchPauses(Duration);

impl Default for WatchPauses {
    fn default() -> Self {
        Self(WATCH_PAUSE)
    }
}

impl Iterator for WatchPauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.0;
        self.0 = (pause * 2).min(LONGEST_WATCH_PAUSE);
        Some(pause)
    }
}

impl Backoff for WatchPauses {
    fn reset(&mut self) {
        *self = Self::default();
    }
}

/// Gives the runs that have a sandbox already their places, before any other run, in whichever namespace, may ask for one, and
/// says which these are.
async fn adopt_sandboxes(
    client: &Client,
    namespace: Option<&str>,
    (places, memory): (&Places, &Memory),
) -> Vec<Target> {
    let mut adopted = Vec::new();
    let runs: Api<Guarded> = scoped(client, namespace);
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let listed = match error::within(runs.list(&page)).await {
            Ok(listed) => listed,
            Err(error) => {
                tracing::warn!(
                    error = error::chain(&error),
                    "failed to list the runs that have a sandbox; tried again"
                );
                page.continue_token = None;
                tokio::time::sleep(Duration::from_secs(2)).await;
                continue;
            }
        };
        for run in
            listed.items.iter().filter_map(|run| run.0.as_ref().ok()).filter(|run| has_open_attempt(run))
        {
            let ticket = observe::ticket(run);
            let target = ObjectRef::new(&run.name_any()).within(&ticket.namespace);
            memory.with(&ticket.uid, |note| note.target = Some(target.clone()));
            places.adopt(&run.spec.class_name, &ticket);
            adopted.push(target);
        }
        page.continue_token = listed.metadata.continue_.filter(|token| !token.is_empty());
        if page.continue_token.is_none() {
            return adopted;
        }
    }
}

/// Says what became of a reconcile; nothing is dropped.
fn report(
    known: &Context,
    result: Result<(ObjectRef<Guarded>, Action), controller::Error<Error, watcher::Error>>,
) {
    match result {
        Ok((run, _)) => tracing::debug!(run = %run, "reconciled"),
        Err(controller::Error::ReconcilerFailed(error, run)) if error.is_conflict() => {
            tracing::debug!(run = %run, "somebody else wrote first");
        }
        Err(controller::Error::ReconcilerFailed(error, run)) => {
            tracing::warn!(run = %run, class = error.class(), error = error::chain(&error), "reconcile failed");
        }
        // The run is gone: its pod follows by its owner reference.
        Err(controller::Error::ObjectNotFound(run)) => {
            tracing::debug!(run = %run, "run is gone");
            let target = ObjectRef::new(&run.name).within(run.namespace.as_deref().unwrap_or_default());
            known.forget_gone(&target, None);
        }
        Err(error) => tracing::warn!(error = error::chain(&error), "watch failed"),
    }
}

fn scoped<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
{
    namespace.map_or_else(|| Api::all(client.clone()), |namespace| Api::namespaced(client.clone(), namespace))
}

/// The runs that a new or changed class concerns: those that have not ended.
fn runs_of_class(runs: &Store<Guarded>, class: &DeserializeGuard<SandboxClass>) -> Vec<ObjectRef<Guarded>> {
    let name = class.name_any();
    runs.state()
        .iter()
        .filter(|run| {
            run.0.as_ref().is_ok_and(|run| {
                run.spec.class_name == name
                    && run.status.as_ref().is_none_or(|status| status.completion_time.is_none())
            })
        })
        .map(|run| ObjectRef::from_obj(run.as_ref()))
        .collect()
}
