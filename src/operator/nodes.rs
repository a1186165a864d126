//! Nodes: which have proven the seccomp profile, and what their runtimes can do.
//!
//! The node agent has no API token. Its pod becomes Ready only under the very profile that it has put on the node, so
//! the operator reads the proof from the pod and says so on the node, where the scheduler can see it.

use super::error::within;
use crate::crd::{SandboxClassSpec, SeccompDelivery};
use crate::run::NodeFacts;
use crate::sandbox::{LABEL_COMPONENT, MANAGER_NODE, PROFILE_HASH_LENGTH, profile_hash, profile_label};
use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Patch, PatchParams};
use kube::runtime::reflector::{self, Store};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Component label of the node agent's pods.
pub(super) const NODE_AGENT: &str = "node-agent";
/// Label of an agent's pod that names the profile it brings.
pub(super) const LABEL_PROFILE: &str = "stratbox.dev/profile";
/// Seconds that an agent may be not Ready before its node loses the label.
const PATIENCE: i64 = 60;
/// How often labels are compared although nothing was heard.
const RESYNC: Duration = Duration::from_mins(1);

/// What an event of a watch says of its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    /// Something changed.
    No,
    /// A first or renewed list has been read to its end and is in the store.
    Whole,
}

fn listed<K>(event: &Result<watcher::Event<K>, watcher::Error>) -> Listed {
    if matches!(event, Ok(watcher::Event::InitDone)) { Listed::Whole } else { Listed::No }
}

/// The nodes as last seen.
#[derive(Clone)]
pub(super) struct Nodes {
    store: Store<Node>,
    /// Whether the first list is in the store. Kept by ourselves: the store's own word for it wakes only the last of
    /// several that wait.
    filled: Arc<watch::Sender<bool>>,
    room: Arc<Mutex<Room>>,
}

/// What the nodes offer to pods.
#[derive(Default)]
struct Room {
    /// Of each node; None before the first look.
    offers: Option<BTreeSet<String>>,
    /// When that last changed.
    since: Option<Timestamp>,
}

impl Nodes {
    /// Starts to watch the nodes; the stream has to be polled by [`keep_labels`].
    pub(super) fn watch(client: &Client) -> (Self, impl Stream<Item = Listed> + Send + use<>) {
        let (store, writer) = reflector::store();
        let nodes = Api::<Node>::all(client.clone());
        let stream = watcher(nodes, watcher::Config::default())
            .backoff(super::WatchPauses::default())
            .modify(|node| {
                node.metadata.managed_fields = None;
                if let Some(status) = &mut node.status {
                    status.images = None;
                }
            })
            .reflect(writer)
            .map(|event| listed(&event));
        (Self { store, filled: Arc::new(watch::channel(false).0), room: Arc::default() }, stream)
    }

    /// Waits until the nodes are known; what would be said before that is that there are none.
    pub(super) async fn known(&self) {
        // Fails only when the sender is gone, which we hold ourselves.
        let _ = self.filled.subscribe().wait_for(|filled| *filled).await;
    }

    /// Whether a class's sandboxes get a user namespace on the nodes that there are.
    pub(super) fn user_namespace(&self, class: &SandboxClassSpec) -> bool {
        class.user_namespaces.is_used(self.facts(class).user_namespaces)
    }

    /// Whether the node of that name works and is not being emptied.
    pub(super) fn is_calm(&self, name: &str) -> bool {
        let node = self.store.find(|node| node.name_any() == name);
        node.is_some_and(|node| {
            let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
            let ready = conditions
                .into_iter()
                .any(|condition| condition.type_ == "Ready" && condition.status == "True");
            let closed = node.spec.as_ref().is_some_and(|spec| spec.unschedulable == Some(true));
            ready && !closed && node.metadata.deletion_timestamp.is_none()
        })
    }

    /// When a node last came or went, or changed in what it offers to pods; None while none has.
    pub(super) fn room_since(&self) -> Option<Timestamp> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner).since
    }

    /// Compares what the nodes offer with what they offered before.
    fn note_room(&self) {
        let now: BTreeSet<String> = self.store.state().iter().map(|node| offer(node)).collect();
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        let before = room.offers.replace(now);
        if before.is_some() && before != room.offers {
            room.since = Timestamp::from_second(Timestamp::now().as_second()).ok();
        }
    }

    /// What the nodes can do for a class.
    pub(super) fn facts(&self, class: &SandboxClassSpec) -> NodeFacts {
        let label = profile_label();
        let nodes = self.store.state();
        let proven = |node: &Node| node.labels().get(&label).is_some_and(|value| value == "true");
        let selected = |node: &Node| {
            class.node_selector.iter().all(|(key, value)| node.labels().get(key) == Some(value))
        };
        let candidates: Vec<_> = nodes
            .iter()
            .filter(|node| {
                selected(node) && (class.seccomp.delivery == SeccompDelivery::Preinstalled || proven(node))
            })
            .collect();
        NodeFacts {
            profile: nodes.iter().any(|node| proven(node)),
            user_namespaces: !candidates.is_empty()
                && candidates
                    .iter()
                    .all(|node| has_user_namespaces(node, class.runtime_class_name.is_some())),
        }
    }
}

/// All of a node that decides whether a pod fits, and nothing that its heartbeat changes.
fn offer(node: &Node) -> String {
    let (spec, status) = (node.spec.as_ref(), node.status.as_ref());
    let ready = status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready =
        ready.filter(|condition| condition.type_ == "Ready").map(|condition| condition.status.as_str());
    serde_json::json!({
        "name": node.name_any(),
        "labels": node.labels(),
        "taints": spec.and_then(|spec| spec.taints.as_ref()),
        "unschedulable": spec.and_then(|spec| spec.unschedulable),
        "allocatable": status.and_then(|status| status.allocatable.as_ref()),
        "ready": ready.collect::<Vec<_>>(),
    })
    .to_string()
}

/// Whether the node's default runtime can, or, where the class names another one, every runtime of the node: which
/// handler a RuntimeClass stands for is not ours to read.
fn has_user_namespaces(node: &Node, named: bool) -> bool {
    let handlers =
        node.status.as_ref().and_then(|status| status.runtime_handlers.as_deref()).unwrap_or_default();
    let can = |handler: &&k8s_openapi::api::core::v1::NodeRuntimeHandler| {
        handler.features.as_ref().is_some_and(|features| features.user_namespaces == Some(true))
    };
    let wanted: Vec<_> = handlers
        .iter()
        .filter(|handler| named || handler.name.as_deref().unwrap_or_default().is_empty())
        .collect();
    !wanted.is_empty() && wanted.into_iter().all(|handler| can(&handler))
}

/// Keeps the profile label where it is due, and takes it away where the proof has failed. Never ends by itself.
///
/// The label goes only when the node's own agent has not been Ready for a while. An agent that is being replaced, or
/// another release's operator without agents, says nothing about a file that is named by its hash and stays; and a
/// profile that is missing after all fails the container, not the isolation.
///
/// Only agents in the operator's own `namespace` count: whoever may create pods elsewhere must not be able to vouch for a
/// node.
pub(super) async fn keep_labels(
    client: Client,
    namespace: String,
    nodes: Nodes,
    node_stream: impl Stream<Item = Listed> + Send,
) {
    let (agents, writer) = reflector::store();
    let own = Api::<Pod>::namespaced(client.clone(), &namespace);
    let selector =
        format!("{LABEL_COMPONENT}={NODE_AGENT},{LABEL_PROFILE}={}", &profile_hash()[..PROFILE_HASH_LENGTH]);
    let agent_stream = watcher(own.clone(), watcher::Config::default().labels(&selector))
        .backoff(super::WatchPauses::default())
        .modify(|pod| pod.metadata.managed_fields = None)
        .reflect(writer)
        .map(|event| listed(&event));
    let ticks = futures::stream::unfold((), |()| async {
        tokio::time::sleep(RESYNC).await;
        Some(((), ()))
    });
    let mut agents_filled = false;
    let mut changes = std::pin::pin!(futures::stream::select(
        futures::stream::select(
            node_stream.map(|listed| (listed, Listed::No)).boxed(),
            agent_stream.map(|listed| (Listed::No, listed)).boxed()
        ),
        ticks.map(|()| (Listed::No, Listed::No)).boxed()
    ));
    while let Some((nodes_listed, agents_listed)) = changes.next().await {
        // A store is filled at the end of its first list: before that, nobody would seem to have proven anything.
        if nodes_listed == Listed::Whole {
            nodes.filled.send_replace(true);
        }
        if *nodes.filled.borrow() {
            nodes.note_room();
        }
        agents_filled |= agents_listed == Listed::Whole;
        if agents_filled && *nodes.filled.borrow() {
            label_all(&client, &nodes.store, &agents).await;
        }
    }
}

async fn label_all(client: &Client, nodes: &Store<Node>, agents: &Store<Pod>) {
    let now = jiff::Timestamp::now().as_second();
    let agents = agents.state();
    let alive = || agents.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none());
    let proven: BTreeSet<String> =
        alive().filter(|pod| ready_since(pod, "True").is_some()).filter_map(|pod| node_of(pod)).collect();
    let failed: BTreeSet<String> = alive()
        .filter(|pod| ready_since(pod, "False").is_some_and(|since| now - since > PATIENCE))
        .filter_map(|pod| node_of(pod))
        .collect();
    let label = profile_label();
    for node in nodes.state() {
        let name = node.name_any();
        let labelled = node.labels().get(&label).is_some_and(|value| value == "true");
        let value = match (labelled, proven.contains(&name), failed.contains(&name)) {
            (false, true, _) => Some("true"),
            (true, false, true) => None,
            _ => continue,
        };
        let patch = serde_json::json!({"metadata": {"labels": {label.clone(): value}}});
        let api = Api::<Node>::all(client.clone());
        let params = PatchParams { field_manager: Some(MANAGER_NODE.into()), ..PatchParams::default() };
        match within(api.patch(&name, &params, &Patch::Merge(&patch))).await {
            Ok(_) => tracing::info!(node = name, proven = value.is_some(), "seccomp profile on node"),
            Err(error) => tracing::warn!(node = name, %error, "failed to label the node; tried again"),
        }
    }
}

/// Since when the pod's Ready condition has had that status, in seconds since the epoch.
fn ready_since(pod: &Pod, status: &str) -> Option<i64> {
    let mut conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let ready = conditions.find(|condition| condition.type_ == "Ready" && condition.status == status)?;
    Some(ready.last_transition_time.as_ref().map_or(0, |time| time.0.as_second()))
}

fn node_of(pod: &Pod) -> Option<String> {
    pod.spec.as_ref()?.node_name.clone()
}
