//! Objects of one kind as one watch of their namespace shows them, opened once for the whole measurement: a watch for each
//! object would have the API server at work on it while the object that is measured waits.

use crate::support;
use futures::StreamExt as _;
use kube::api::PostParams;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Sender};

/// How many changes may wait for who looks at them; a burst makes some dozens.
const ROOM: usize = 4096;

/// See above.
pub(crate) struct Watched<K> {
    /// The requests' side.
    pub(crate) api: Api<K>,
    changes: Sender<(Instant, Arc<K>)>,
}

impl<K> Watched<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize + Send + Sync + 'static,
{
    /// Starts to watch, and returns when the watch stands; the watch ends with the runtime that this is called on.
    pub(crate) async fn begin(api: Api<K>) -> Self {
        let (changes, _) = broadcast::channel(ROOM);
        let (shown, watching) = (changes.clone(), api.clone());
        let (stands, standing) = tokio::sync::oneshot::channel();
        let mut stands = Some(stands);
        tokio::spawn(async move {
            let mut events = watcher::watcher(watching, watcher::Config::default()).default_backoff().boxed();
            while let Some(event) = events.next().await {
                match event {
                    // Nobody looks between two measurements.
                    Ok(Event::Apply(object) | Event::InitApply(object)) => {
                        drop(shown.send((Instant::now(), Arc::new(object))));
                    }
                    Ok(Event::InitDone) => drop(stands.take().map(|stands| stands.send(()))),
                    Ok(Event::Init | Event::Delete(_)) => {}
                    Err(error) => eprintln!("bench: a watch goes on after: {error}"),
                }
            }
        });
        let begun = tokio::time::timeout(support::PATIENCE, standing).await;
        assert!(begun.is_ok(), "a watch does not begin");
        Self { api, changes }
    }

    /// Creates the object and waits until it is seen as `done` wants it, which is asked for each change with when it was
    /// seen. Returns it as it was then, when the request to
    /// create it was sent, and when it was seen.
    pub(crate) async fn create_and_wait(
        &self,
        object: &K,
        mut done: impl FnMut(&K, Instant) -> bool,
    ) -> Result<(Arc<K>, Instant, Instant), kube::Error> {
        let name = object.name_any();
        let mut changes = self.changes.subscribe();
        let created = Instant::now();
        self.api.create(&PostParams::default(), object).await?;
        let waiting = async {
            loop {
                match changes.recv().await {
                    Ok((seen, object)) if object.name_any() == name && done(&object, seen) => {
                        return Some((object, seen));
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(missed)) => eprintln!("bench: {missed} changes were not looked at"),
                    Err(RecvError::Closed) => return None,
                }
            }
        };
        match tokio::time::timeout(support::PATIENCE, waiting).await {
            Ok(Some((object, finished))) => Ok((object, created, finished)),
            // Not in time: as it is now.
            _ => Ok((Arc::new(self.api.get(&name).await?), created, Instant::now())),
        }
    }
}
