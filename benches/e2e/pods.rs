//! What the pods of a namespace were seen doing, by one watch for the whole measurement.

use super::throttle::{Throttling, sample};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use kube::runtime::watcher::{self, Event};
use kube::{Api, ResourceExt as _};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a pod may take to be gone.
const GONE: Duration = Duration::from_secs(30);

/// One pod's life as its watcher saw it.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    /// First seen.
    pub(crate) created: Instant,
    /// First seen with a node.
    pub(crate) scheduled: Option<Instant>,
    /// First seen with a running container; the kubelet says so up to a second late.
    pub(crate) running: Option<Instant>,
    /// First seen with an ended container.
    pub(crate) ended: Option<Instant>,
    /// Seen to be gone.
    pub(crate) gone: Option<Instant>,
    /// As the API server completed it.
    pub(crate) spec: PodSpec,
    /// How often it was held back at its CPU limit.
    pub(crate) throttling: Throttling,
}

/// The pods of one namespace, by the name of their owner.
#[derive(Clone)]
pub(crate) struct Pods {
    lives: Arc<Mutex<HashMap<String, Life>>>,
}

impl Pods {
    /// Starts to watch; must be called on a runtime, and the watch ends with it.
    pub(crate) fn watch(api: Api<Pod>) -> Self {
        let pods = Self { lives: Arc::default() };
        let seen = pods.clone();
        tokio::spawn(async move {
            let mut events = watcher::watcher(api, watcher::Config::default()).boxed();
            while let Some(event) = events.next().await {
                match event {
                    Ok(Event::Apply(pod) | Event::InitApply(pod)) => seen.note(&pod, false),
                    Ok(Event::Delete(pod)) => seen.note(&pod, true),
                    Ok(Event::Init | Event::InitDone) => {}
                    Err(error) => eprintln!("bench: the watch of pods goes on after: {error}"),
                }
            }
        });
        pods
    }

    fn note(&self, pod: &Pod, deleted: bool) {
        let Some(owner) = pod.owner_references().first().map(|owner| owner.name.clone()) else {
            return;
        };
        let now = Instant::now();
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        let life = lives.entry(owner).or_insert_with(|| Life {
            created: now,
            scheduled: None,
            running: None,
            ended: None,
            gone: None,
            spec: pod.spec.clone().unwrap_or_default(),
            throttling: sample(&pod.uid().unwrap_or_default()),
        });
        let state = pod
            .status
            .as_ref()
            .and_then(|status| status.container_statuses.as_ref()?.first()?.state.clone())
            .unwrap_or_default();
        let first = |place: &mut Option<Instant>, now_true: bool| {
            if now_true {
                place.get_or_insert(now);
            }
        };
        first(&mut life.scheduled, pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()));
        first(&mut life.running, state.running.is_some());
        first(&mut life.ended, state.terminated.is_some());
        first(&mut life.gone, deleted);
    }

    /// What was seen of the pod of that owner.
    pub(crate) fn of(&self, owner: &str) -> Option<Life> {
        self.lives.lock().unwrap_or_else(PoisonError::into_inner).get(owner).cloned()
    }

    /// Waits until the pod of that owner is gone; what was seen of it.
    pub(crate) async fn gone(&self, owner: &str) -> Option<Life> {
        let started = Instant::now();
        loop {
            let life = self.of(owner);
            if life.as_ref().is_none_or(|life| life.gone.is_some()) || started.elapsed() > GONE {
                return life;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
