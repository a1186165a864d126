//! What all reconciles share.

use super::Guarded;
use super::classes::Classes;
use super::connection::Connection;
use super::nodes::Nodes;
use super::places::Places;
use super::pools::{Pools, Pressure, Terms};
use super::session::{Sessions, Target};
use crate::config::Config;
use crate::crd::StrategyRun;
use crate::metrics::Metrics;
use crate::run::{Gate, Notice, Refusal};
use crate::sandbox::{has_ended, run_of};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::events::Recorder;
use kube::runtime::reflector::Store;
use kube::{Client, ResourceExt as _};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// What all reconciles share.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) client: Client,
    pub(super) classes: Classes,
    pub(super) config: Arc<Config>,
    pub(super) recorder: Recorder,
    pub(super) sessions: Sessions,
    pub(super) nodes: Nodes,
    /// All runs that this controller watches; may be a moment behind.
    pub(super) runs: Store<Guarded>,
    /// The sandboxes of all runs that this controller watches; may be a moment behind.
    pub(super) sandboxes: Store<Pod>,
    pub(super) metrics: Metrics,
    pub(super) memory: Memory,
    /// Places of the programs that the gate reads at the same time, for all namespaces.
    pub(super) desks: Arc<Semaphore>,
    /// Places of all classes, shared by the controllers of all namespaces.
    pub(super) places: Places,
    /// Sandboxes made ahead, in the namespaces that this controller watches.
    pub(super) pools: Pools,
    /// Where room is wanted.
    pub(super) pressure: Pressure,
}

impl Context {
    /// What decides what a pool's sandboxes are.
    pub(super) fn terms(&self) -> Terms<'_> {
        Terms { config: &self.config, nodes: &self.nodes }
    }

    /// Lets go of the runs of that name that are gone: all, or all but the one that has the name now.
    pub(super) fn forget_gone(&self, target: &Target, but: Option<&str>) {
        for uid in self.memory.forget_gone(target, but) {
            self.places.leave(&uid, None);
        }
        self.sessions.close_gone(target, but);
    }
}

/// What this process remembers of runs under way. Nothing here decides alone: whatever is missing after a restart is
/// observed again, or taken as lost.
#[derive(Clone, Default)]
pub(super) struct Memory {
    notes: Arc<Mutex<HashMap<String, Note>>>,
}

/// What is remembered of one run.
#[derive(Default)]
pub(super) struct Note {
    /// The run's name and namespace: all that is known of it once it is gone.
    pub(super) target: Option<Target>,
    /// The run as our own last write returned it, or as it was in the way of one: the watch may be behind.
    pub(super) latest: Option<Arc<StrategyRun>>,
    /// Pod of the attempt that this process recorded last.
    pub(super) intent: Option<String>,
    /// The connection that was kept to it for the claim, until the session has it.
    pub(super) kept: Option<Connection>,
    /// UID of the pool's sandbox that was to be claimed last and could not be.
    pub(super) lost_claim: Option<String>,
    /// How many were.
    pub(super) claims_lost: u32,
    /// The last record of an attempt with a pool's sandbox could not be written.
    pub(super) unrecorded: bool,
    /// Sandboxes of pools that are the run's by their owner only, by UID, and since when this process has seen them so.
    pub(super) strays: HashMap<String, Instant>,
    /// Why that pod could not be created.
    pub(super) refusal: Option<Refusal>,
    /// The ConfigMap with the artifacts was refused.
    pub(super) artifacts_refused: bool,
    /// When the status was last written.
    pub(super) written: Option<Instant>,
    /// What the gate said, by what it was asked.
    pub(super) gate: Option<GateNote>,
    /// The pod of the last attempt, as a pool offered it or our own write returned it.
    pub(super) pod: Option<(Arc<Pod>, Instant)>,
    /// Name of the pod that was deleted at once: there is nothing to be asked about it.
    pub(super) gone: Option<String>,
    /// The last sandbox of the run whose end the watch has told of.
    pub(super) last_word: Option<Arc<Pod>>,
    /// When the run began to wait for a place.
    pub(super) queued: Option<Instant>,
    /// How long it waited.
    pub(super) queue_ms: Option<u64>,
    /// When the pod was created.
    pub(super) created: Option<Instant>,
    /// When the pod was first seen on a node.
    pub(super) scheduled: Option<Instant>,
    /// When it was first seen running.
    pub(super) running: Option<Instant>,
    /// Ready's reason as this process last saw it, and since when, unless it was there before this process.
    pub(super) reason: Option<(Option<String>, Option<Timestamp>)>,
    /// Events that are still to be told.
    pub(super) notices: Vec<Notice>,
    /// Failed reconciles in a row, but for those that came second to another write.
    pub(super) failures: u32,
    /// The same for those.
    pub(super) conflicts: u32,
}

/// How long what was read for one look serves the next ones of the same run: a run that a pool answers takes a few of them
/// within some milliseconds. Nothing is done by it that the API server would not refuse if it had changed since: a claim
/// and a deletion name the version or UID that they mean.
const RECENT: Duration = Duration::from_secs(1);

impl Note {
    /// The pod of that name, if it was offered or written a moment ago.
    pub(super) fn recent_pod(&self, name: &str) -> Option<Arc<Pod>> {
        let (pod, read) = self.pod.as_ref()?;
        (read.elapsed() < RECENT && pod.metadata.name.as_deref() == Some(name)).then(|| pod.clone())
    }
}

/// What the gate said, by what it was asked.
#[derive(Clone)]
pub(super) struct GateNote {
    pub(super) key: String,
    pub(super) gate: Arc<Gate>,
    pub(super) ms: u64,
}

impl GateNote {
    /// It has said nothing yet.
    pub(super) fn undecided(key: String) -> Self {
        Self { key, gate: Arc::new(Gate::Undecided), ms: 0 }
    }
}

impl Memory {
    /// Works on one run's note.
    pub(super) fn with<T>(&self, uid: &str, work: impl FnOnce(&mut Note) -> T) -> T {
        // A panic while holding the lock is impossible to recover from in no better way than going on.
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        work(notes.entry(uid.to_owned()).or_default())
    }

    /// Keeps what the watch says of a sandbox's end, for the look that finds the pod gone. Only of runs that are looked at:
    /// nobody would forget the others.
    pub(super) fn hear(&self, pod: &Pod) {
        let Some(uid) = run_of(pod).filter(|_| has_ended(pod)) else { return };
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(note) = notes.get_mut(uid) {
            note.last_word = Some(Arc::new(pod.clone()));
        }
    }

    /// Keeps what the gate said of the program that it was asked about, or that it has to be asked again. False if it is not
    /// wanted any more: the run has another input now, or is not looked at.
    pub(super) fn decide(&self, uid: &str, key: &str, said: Option<&GateNote>) -> bool {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let note = notes.get_mut(uid).filter(|note| note.gate.as_ref().is_some_and(|gate| gate.key == key));
        let is_wanted = note.is_some();
        if let Some(note) = note {
            note.gate = said.cloned();
        }
        is_wanted
    }

    /// What is still to be told of a run; nothing of one that is not looked at any more.
    pub(super) fn take_notices(&self, uid: &str) -> Vec<Notice> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.get_mut(uid).map(|note| std::mem::take(&mut note.notices)).unwrap_or_default()
    }

    /// Forgets a run that is finished or going away, as soon as the watch has caught up with our last write: until then
    /// the note is what keeps a stale look from being taken for a new run.
    pub(super) fn settle(&self, uid: &str, seen: &StrategyRun) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let behind = notes
            .get(uid)
            .and_then(|note| note.latest.as_deref())
            .is_some_and(|latest| version(latest) > version(seen));
        if !behind {
            notes.remove(uid);
        }
    }

    /// Forgets the runs of that name that are gone: all, or all but the one that has the name now. Their UIDs are not
    /// known any more, as nobody was told before they went; they are returned.
    pub(super) fn forget_gone(&self, target: &Target, but: Option<&str>) -> Vec<String> {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let gone =
            |uid: &String, note: &mut Note| note.target.as_ref() == Some(target) && Some(uid.as_str()) != but;
        notes.extract_if(gone).map(|(uid, _)| uid).collect()
    }

    /// The newer of what the watch has and what our own last write returned.
    pub(super) fn newest(&self, seen: Arc<StrategyRun>) -> Arc<StrategyRun> {
        let uid = seen.uid().unwrap_or_default();
        let latest = self
            .notes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&uid)
            .and_then(|note| note.latest.clone());
        latest.filter(|latest| version(latest) > version(&seen)).unwrap_or(seen)
    }
}

/// Resource versions of one kind are comparable numbers since Kubernetes 1.35.
fn version(run: &StrategyRun) -> Option<u64> {
    run.resource_version()?.parse().ok()
}
