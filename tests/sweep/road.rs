//! How the swept runs come by their sandbox.

use crate::stand::Stand;
use crate::support::{Namespace, block_on, cluster, kubectl_with};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use std::fmt;
use std::time::{Duration, Instant};
use stratbox::crd::SandboxPool;
use stratbox::sandbox::is_claimed;

/// The pool of the warm runs: one sandbox, which the next run takes.
const POOL: &str = "apiVersion: stratbox.dev/v1alpha1\nkind: SandboxPool\nmetadata: {name: sweep}\nspec: {className: default, replicas: 1}\n";

/// Where a run's sandbox comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Road {
    /// It is made for the run.
    Cold,
    /// A pool made it ahead, and makes the next one while the run is under way.
    Warm,
}

impl fmt::Display for Road {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
        })
    }
}

impl Road {
    /// Sandboxes that wait while nothing runs.
    pub(crate) const fn waiting(self) -> usize {
        match self {
            Self::Cold => 0,
            Self::Warm => 1,
        }
    }

    /// Makes what the runs need.
    pub(crate) fn lay(self, stand: &Stand) {
        match self {
            Self::Cold => {}
            Self::Warm => stand.home.apply(POOL),
        }
    }

    /// Whether all is as before a run: the sandbox waits and its pool says so.
    pub(crate) fn is_whole(self, stand: &Stand) -> bool {
        match self {
            Self::Cold => true,
            Self::Warm => {
                let pools: Api<SandboxPool> = Api::namespaced(cluster().client.clone(), &stand.home.name);
                let status = block_on(pools.get("sweep")).ok().and_then(|pool| pool.status);
                let counts =
                    status.map(|status| (status.ready_replicas, status.claimed_replicas, status.replicas));
                counts == Some((1, 0, 1)) && staying(&stand.home, |pod| !is_claimed(pod)) == 1
            }
        }
    }

    /// Waits for that.
    pub(crate) fn until_whole(self, stand: &Stand, patience: Duration) -> Result<(), String> {
        let started = Instant::now();
        while !self.is_whole(stand) {
            if started.elapsed() > patience {
                return Err("the pool does not become ready".into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Takes the policy away that a run in an empty namespace makes; a pool has made it before.
    pub(crate) fn forget_policy(self, stand: &Stand) -> Result<(), String> {
        match self {
            Self::Cold => {
                kubectl_with(&["-n", &stand.home.name, "delete", "networkpolicy", "--all"], "").map(|_| ())
            }
            Self::Warm => Ok(()),
        }
    }
}

/// How many pods are so, and were not told to go.
pub(crate) fn staying(home: &Namespace, are: impl Fn(&Pod) -> bool) -> usize {
    home.pods(|pod| pod.metadata.deletion_timestamp.is_none() && are(pod)).len()
}
