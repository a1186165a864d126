//! The decision: one look at a pool becomes what is to be created, deleted and said.

use super::expectations::Expectations;
use super::member::{Member, MemberState, read_member};
use super::status::{Counts, PoolReason, build_status};
use super::template::Template;
use crate::crd::{SandboxPool, SandboxPoolStatus, UpdateStrategy};
use crate::sandbox::{member_name, progress_time};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use std::time::Duration;

/// Seconds after which a waiting sandbox is replaced: what it said of itself then is old.
const AGE: i64 = 12 * 3600;
/// Seconds that a sandbox on a node may take to come up.
const START: i64 = 180;
/// Seconds for which a sandbox that was told to go is expected to give its room.
const GOING: i64 = 60;
/// Sandboxes that come up at the same time at least; a large pool may start a quarter of itself at once.
const STARTING: usize = 4;
/// A status is written at most this often, as each claim and each refill changes it.
const WRITE_INTERVAL: Duration = Duration::from_secs(2);
/// How often a pool is looked at although nothing was heard of it.
const RESYNC: Duration = Duration::from_mins(1);
/// The same while something is missing that nobody tells us of when it comes.
const RECHECK: Duration = Duration::from_secs(5);

/// One look at a pool and all that belongs to it.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// The pool.
    pub pool: &'a SandboxPool,
    /// What its sandboxes are to be, or why that cannot be said now.
    pub template: Result<&'a Template, (PoolReason, &'a str)>,
    /// Every pod that was made for it, as the watch has them.
    pub members: &'a [Member<'a>],
    /// What was asked for and is not in there yet.
    pub expectations: &'a Expectations,
    /// Why no sandbox is created now.
    pub pause: Option<&'a Pause>,
    /// For how long nothing is to be started, since a run has just taken a sandbox and has the node for itself.
    pub quiet: Option<Duration>,
    /// A run needs the room.
    pub pressed: bool,
    /// Time since the last write of the status; None if there was none in this process.
    pub since_write: Option<Duration>,
    /// Makes the names of this look's sandboxes others than all before.
    pub seed: &'a str,
    /// Now.
    pub now: Timestamp,
}

/// Sandboxes were refused, or do not come up: the next ones are tried later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// Why.
    pub reason: PoolReason,
    /// The API server's or the node's words.
    pub message: String,
    /// How long it lasts.
    pub rest: Duration,
}

/// What is to be done: creations, deletions, status.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Pods to be created.
    pub creations: Vec<Pod>,
    /// Pods to be deleted.
    pub removals: Vec<Removal>,
    /// The new status; None leaves it as it is.
    pub status: Option<Box<SandboxPoolStatus>>,
    /// When to look again at the latest.
    pub next: Duration,
}

/// One pod to be deleted, if it is still as it was looked at: a run may have taken it meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Its version.
    pub resource_version: Option<String>,
    /// Why it failed, where it did by itself.
    pub failure: Option<String>,
}

/// Those of a pool's pods that have no run, sorted by what is to become of them.
#[derive(Default)]
struct Waiting<'a> {
    ready: Vec<&'a Pod>,
    starting: Vec<&'a Pod>,
    outdated: Vec<&'a Pod>,
    failed: Vec<(&'a Pod, String)>,
    claimed: usize,
    leaving: usize,
    unschedulable: Option<String>,
}

/// Decides what is to be done for one pool. Total.
#[must_use]
pub fn plan(observed: &Observed<'_>) -> Plan {
    let pool = observed.pool;
    if pool.metadata.deletion_timestamp.is_some() {
        // Its pods go with it, but for those that are a run's by now.
        return Plan { creations: Vec::new(), removals: Vec::new(), status: None, next: RESYNC };
    }
    let waiting = sort(observed);
    let wanted = if observed.pressed { 0 } else { count(pool.spec.replicas) };
    let coming = waiting.starting.len() + observed.expectations.creating();
    let creations = match observed.template {
        Ok(template)
            if observed.pause.is_none() && observed.quiet.is_none() && waiting.unschedulable.is_none() =>
        {
            let new = missing(observed, &waiting, wanted, coming);
            (0..new).map(|number| template.named(&name(observed, number))).collect()
        }
        Ok(_) | Err(_) => Vec::new(),
    };
    let removals = removals(observed, &waiting, wanted, coming + creations.len());
    let leaving: Vec<&str> = removals.iter().map(|removal| removal.uid.as_str()).collect();
    let stays = |pods: &[&Pod]| pods.iter().filter(|pod| !leaving.contains(&uid(pod))).count();
    let counts = Counts {
        ready: stays(&waiting.ready),
        creating: stays(&waiting.starting) + observed.expectations.creating() + creations.len(),
        claimed: waiting.claimed,
        outdated: stays(&waiting.outdated),
    };
    let (reason, message) = verdict(observed, &waiting, counts);
    let status = build_status(pool, counts, (reason, &message), observed.now);
    let mut next = if reason == PoolReason::Filled { RESYNC } else { RECHECK };
    if let Some(pause) = observed.pause {
        next = next.min(pause.rest);
    }
    next = next.min(observed.quiet.unwrap_or(next));
    let mut status = (pool.status.as_ref() != Some(&status)).then(|| Box::new(status));
    if let Some(since) = observed.since_write.filter(|since| *since < WRITE_INTERVAL && status.is_some()) {
        status = None;
        next = next.min(WRITE_INTERVAL.saturating_sub(since));
    }
    // The run that has just taken a sandbox has the API server for itself, too.
    if observed.quiet.is_some() {
        status = None;
    }
    Plan { creations, removals, status, next }
}

fn sort<'a>(observed: &Observed<'a>) -> Waiting<'a> {
    let mut waiting = Waiting::default();
    for member in observed.members {
        let pod = member.pod;
        let state = read_member(pod, observed.pool.metadata.uid.as_deref().unwrap_or_default());
        let template = observed.template.ok().filter(|template| template.is_of(pod));
        let current = template.is_some() && is_young(pod, observed.now);
        // Somebody has touched it, or something in the cluster touches every pod: then the next ones wait longer each time.
        let touched = template.and_then(|template| template.check(pod).err());
        match state {
            MemberState::Claimed => waiting.claimed += 1,
            MemberState::Foreign => {}
            MemberState::Leaving => waiting.leaving += usize::from(is_going(observed, pod)),
            _ if observed.expectations.is_leaving(uid(pod)) => waiting.leaving += 1,
            MemberState::Dead(message) => waiting.failed.push((pod, message)),
            MemberState::Starting | MemberState::Unschedulable(_) | MemberState::Up if touched.is_some() => {
                let path = touched.unwrap_or_default();
                waiting.failed.push((pod, format!("{path} of a sandbox is not as the operator has made it")));
            }
            MemberState::Starting | MemberState::Unschedulable(_) | MemberState::Up if !current => {
                waiting.outdated.push(pod);
            }
            MemberState::Up if member.ready => waiting.ready.push(pod),
            MemberState::Up | MemberState::Starting => {
                // A new operator has not heard yet what an old one knew.
                let waited = progress_time(pod).max(member.since);
                if waited.is_some_and(|since| observed.now.as_second() - since.as_second() > START) {
                    waiting.failed.push((pod, format!("its interpreter is not up after {START} s")));
                } else {
                    waiting.starting.push(pod);
                }
            }
            MemberState::Unschedulable(message) => {
                waiting.unschedulable = Some(message);
                waiting.starting.push(pod);
            }
        }
    }
    for pods in [&mut waiting.ready, &mut waiting.starting, &mut waiting.outdated] {
        // The oldest first: they stay.
        pods.sort_by_key(|pod| (pod.metadata.creation_timestamp.as_ref().map(|time| time.0), pod.name_any()));
    }
    waiting
}

/// How many sandboxes are to be created now.
fn missing(observed: &Observed<'_>, waiting: &Waiting<'_>, wanted: usize, coming: usize) -> usize {
    let have = waiting.ready.len() + coming;
    let most = wanted + count(observed.pool.spec.max_surge);
    let at_once = STARTING.max(wanted.div_ceil(4));
    wanted
        .saturating_sub(have)
        .min(most.saturating_sub(have + waiting.outdated.len()))
        .min(at_once.saturating_sub(coming))
}

/// Which sandboxes are to go: those that failed, those that are too many, and outdated ones as new ones are ready.
fn removals(observed: &Observed<'_>, waiting: &Waiting<'_>, wanted: usize, coming: usize) -> Vec<Removal> {
    let failed = waiting.failed.iter().map(|(pod, message)| removal(pod, Some(message.clone())));
    let have = waiting.ready.len() + coming;
    let surplus = have.saturating_sub(wanted);
    // What is coming up is worth less than what is there; the youngest is worth least.
    let too_many = waiting.starting.iter().rev().chain(waiting.ready.iter().rev()).take(surplus);
    let outdated = match observed.pool.spec.update_strategy {
        UpdateStrategy::Recreate => waiting.outdated.len(),
        UpdateStrategy::RollingUpdate => {
            let useful = wanted.saturating_sub(waiting.ready.len());
            let replaced = waiting.outdated.len().saturating_sub(useful);
            let most = wanted + count(observed.pool.spec.max_surge);
            // Without room for a new one, an old one has to go first; one at a time, and each gives its room before the next.
            let full = have < wanted && have + waiting.outdated.len() >= most;
            let no_quota = observed.pause.is_some_and(|pause| pause.reason == PoolReason::QuotaExceeded);
            let blocked = match observed.pause {
                None => full && (coming == 0 || waiting.unschedulable.is_some()),
                Some(_) => no_quota && coming == 0 && have < wanted,
            };
            let blocked = blocked && waiting.leaving == 0;
            replaced.max(usize::from(blocked)).min(waiting.outdated.len())
        }
    };
    // Without a template nobody can say what is outdated.
    let outdated = if observed.template.is_ok() || observed.pressed { outdated } else { 0 };
    failed
        .chain(too_many.map(|pod| removal(pod, None)))
        .chain(waiting.outdated.iter().take(outdated).map(|pod| removal(pod, None)))
        .collect()
}

fn removal(pod: &Pod, failure: Option<String>) -> Removal {
    Removal {
        name: pod.name_any(),
        uid: uid(pod).to_owned(),
        resource_version: pod.resource_version(),
        failure,
    }
}

/// Ready's reason and what there is to say.
fn verdict(observed: &Observed<'_>, waiting: &Waiting<'_>, counts: Counts) -> (PoolReason, String) {
    let wanted = observed.pool.spec.replicas;
    if observed.pressed {
        return (PoolReason::Yielding, "a run needs the room: the pool comes back when it has it".to_owned());
    }
    if let Err((reason, message)) = observed.template {
        return (reason, message.to_owned());
    }
    let so_far = format!("{} of {wanted} sandboxes are ready", counts.ready);
    if let Some(pause) = observed.pause {
        return (pause.reason, format!("{so_far}; {}", pause.message));
    }
    if let Some(message) = &waiting.unschedulable {
        return (PoolReason::Unschedulable, format!("{so_far}; {message}"));
    }
    match counts {
        Counts { outdated: 1.., .. } => {
            (PoolReason::Updating, format!("{so_far}; {} are outdated", counts.outdated))
        }
        Counts { ready, creating: 0, .. } if ready == count(wanted) => (PoolReason::Filled, so_far),
        Counts { .. } => (PoolReason::Filling, so_far),
    }
}

fn name(observed: &Observed<'_>, number: usize) -> String {
    let pool = observed.pool;
    let uid = pool.metadata.uid.as_deref().unwrap_or_default();
    member_name(&pool.name_any(), uid, &format!("{}/{number}", observed.seed))
}

/// Whether a pod that was told to go will be gone in a moment; on a node that does not answer it stays for long.
fn is_going(observed: &Observed<'_>, pod: &Pod) -> bool {
    let told = pod.metadata.deletion_timestamp.as_ref().map(|time| time.0.as_second());
    told.is_some_and(|told| observed.now.as_second() - told < GOING)
}

/// Whether a waiting sandbox may still be given to a run, as far as its age goes.
#[must_use]
pub fn is_young(pod: &Pod, now: Timestamp) -> bool {
    let created = pod.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
    now.as_second().saturating_sub(created.as_second()) < AGE
}

fn uid(pod: &Pod) -> &str {
    pod.metadata.uid.as_deref().unwrap_or_default()
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
