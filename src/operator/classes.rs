//! Classes, as they were read a moment ago.

use super::error::{Call, within};
use super::observe::is_object_name;
use crate::crd::SandboxClass;
use kube::{Api, Client};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a class that was read serves all looks, unless the watch tells of a change before. Where that is silent
/// without having ended, a change is known after this time nevertheless.
const RECENT: Duration = Duration::from_secs(5);

/// The classes of the cluster. A run that a pool answers, and the pool's next sandbox, take some ten looks together.
#[derive(Clone)]
pub(super) struct Classes {
    client: Client,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    recent: HashMap<String, (Arc<SandboxClass>, Instant)>,
    /// Goes up with each change that is told of: what was asked for before it is not kept.
    changes: u64,
}

impl Classes {
    /// None read yet.
    pub(super) fn new(client: Client) -> Self {
        Self { client, known: Arc::default() }
    }

    /// The class of that name, if there is one.
    pub(super) async fn get(&self, name: &str) -> Result<Option<Arc<SandboxClass>>, Call> {
        let changes = {
            let mut known = self.known();
            known.recent.retain(|_, (_, read)| read.elapsed() < RECENT);
            if let Some((class, _)) = known.recent.get(name) {
                return Ok(Some(class.clone()));
            }
            known.changes
        };
        let class = read_class(&self.client, name).await?.map(Arc::new);
        self.known().keep(name, class.as_ref(), changes);
        Ok(class)
    }

    /// That class has come, gone or changed.
    pub(super) fn forget(&self, name: &str) {
        let mut known = self.known();
        known.changes = known.changes.wrapping_add(1);
        known.recent.remove(name);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Every state of the map is as good as another.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn keep(&mut self, name: &str, class: Option<&Arc<SandboxClass>>, changes: u64) {
        if let Some(class) = class.filter(|_| changes == self.changes) {
            self.recent.insert(name.to_owned(), (class.clone(), Instant::now()));
        }
    }
}

/// The class of that name as it is now, if there is one.
pub(super) async fn read_class(client: &Client, name: &str) -> Result<Option<SandboxClass>, Call> {
    let classes: Api<SandboxClass> = Api::all(client.clone());
    if !is_object_name(name) {
        return Ok(None);
    }
    match within(classes.get_opt(name)).await {
        // A class of another version, which this one cannot decode, is as good as none.
        Err(Call::Kube(error)) if matches!(&*error, kube::Error::SerdeError(_)) => Ok(None),
        class => class,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::SandboxClassSpec;

    #[test]
    fn what_was_asked_for_before_a_change_is_not_kept() {
        let class = Arc::new(SandboxClass::new("a", SandboxClassSpec::default()));
        let mut known = Known::default();
        known.keep("a", Some(&class), 0);
        assert!(known.recent.contains_key("a"));
        let mut known = Known { changes: 1, ..Known::default() };
        known.keep("a", Some(&class), 0);
        known.keep("b", None, 1);
        assert!(known.recent.is_empty());
    }
}
