//! The cluster in memory: pods, a runner and an operator.

use super::super::{World, assert_kstatus};
use super::happening::{Happening, RUNNING, pod_states};
use crate::run::{
    ClaimView, Effect, Gate, Intent, Line, Next, Offer, Place, Refusal, RefusalKind, SessionView, Stray, plan,
};
use crate::sandbox::{Claim, has_ended, is_claimed, run_of};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The cluster.
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that is so in the cluster, or is not")]
pub(super) struct Cluster {
    pub(super) world: World,
    pub(super) class: Option<crate::crd::SandboxClass>,
    pub(super) pods: BTreeMap<String, Pod>,
    pub(super) created: BTreeMap<String, u32>,
    /// Which creations of each name were handed the run.
    pub(super) handed: BTreeSet<(String, u32)>,
    /// Which pods each attempt of each input was handed to.
    pub(super) takers: BTreeMap<String, BTreeSet<String>>,
    pub(super) intent: Option<(String, bool)>,
    pub(super) refusal: Option<Refusal>,
    pub(super) refuse_next: Option<RefusalKind>,
    pub(super) session: Option<SessionView>,
    /// What the operator has heard of the end of a sandbox that is gone.
    pub(super) last_word: Option<Pod>,
    /// How many more things the operator does before it dies.
    pub(super) dies_after: Option<u32>,
    /// In how many more steps of the operator's the pod moves, and to what.
    pub(super) moves_after: Option<(u32, serde_json::Value)>,
    /// Deletions that were refused because the pod was not any more what had been looked at.
    pub(super) refused_deletions: u32,
    /// The kubelet is quick: a new pod runs at once, before a status may be written again.
    pub(super) quick: bool,
    /// Whether the class has a place for the run.
    pub(super) place: bool,
    /// The gate has no verdict yet.
    pub(super) gate_reads: bool,
    /// When room came.
    pub(super) room: Option<jiff::Timestamp>,
    /// The namespace has a pool of the class.
    pub(super) pool: bool,
    /// How many sandboxes of a pool there were so far.
    pub(super) members: u32,
    pub(super) lost_claim: Option<String>,
    pub(super) claims_lost: u32,
    /// Somebody else is quicker at every claim.
    pub(super) steal: bool,
    /// A claim is answered before the record that is written beside it.
    pub(super) claims_first: bool,
    /// The answer to the next claim is lost.
    pub(super) loses_answer: bool,
    /// When the operator first saw each sandbox that is claimed and not on record, by UID.
    pub(super) strays_seen: BTreeMap<String, jiff::Timestamp>,
}

impl Cluster {
    pub(super) fn new() -> Self {
        let world = World::new();
        Self {
            class: world.class.clone(),
            world,
            pods: BTreeMap::new(),
            created: BTreeMap::new(),
            handed: BTreeSet::new(),
            takers: BTreeMap::new(),
            intent: None,
            refusal: None,
            refuse_next: None,
            session: None,
            last_word: None,
            dies_after: None,
            moves_after: None,
            refused_deletions: 0,
            quick: false,
            place: true,
            gate_reads: false,
            room: None,
            pool: false,
            members: 0,
            lost_claim: None,
            claims_lost: 0,
            steal: false,
            claims_first: false,
            loses_answer: false,
            strays_seen: BTreeMap::new(),
        }
    }

    /// The pool's sandbox that the operator would offer: there is always one that nobody has.
    pub(super) fn offer(&mut self) -> Offer {
        if !self.pool {
            return Offer::NoPool;
        }
        let name = self.offered().unwrap_or_else(|| {
            self.members += 1;
            let name = format!("member-{}", self.members);
            let pod = serde_json::from_value(json!({
                "metadata": {"name": name, "namespace": "strategies", "uid": format!("uid-{name}"), "resourceVersion": "1",
                    "labels": {"stratbox.dev/pool": "warm"}},
                "spec": {"containers": [], "nodeName": "node"},
                "status": pod_states().swap_remove(RUNNING),
            }));
            *self.created.entry(name.clone()).or_default() += 1;
            self.pods.insert(name.clone(), pod.unwrap());
            name
        });
        Offer::Member(std::sync::Arc::new(self.pods[&name].clone()))
    }

    /// A sandbox of the pool that nobody has.
    pub(super) fn offered(&self) -> Option<String> {
        let lost = self.lost_claim.as_deref();
        let free = |pod: &Pod| {
            let labels = pod.metadata.labels.as_ref().unwrap();
            labels.contains_key("stratbox.dev/pool")
                && !is_claimed(pod)
                && pod.metadata.uid.as_deref() != lost
        };
        Some(self.pods.iter().find(|(_, pod)| free(pod))?.0.clone())
    }

    pub(super) fn touch_offered(&mut self, work: impl Fn(&mut Pod)) {
        if let Some(pod) = self.offered().and_then(|name| self.pods.get_mut(&name)) {
            work(pod);
            pod.metadata.resource_version = Some("2".into());
        }
    }

    /// The API server's answer to a claim: whether the sandbox is the run's now.
    pub(super) fn claim(&mut self, claim: &Claim) -> bool {
        if self.steal {
            self.touch_offered(taken_by_another);
        }
        let there = self.pods.get_mut(&claim.pod_name);
        let metadata = &claim.patch["metadata"];
        let same = there.filter(|pod| {
            json!(pod.metadata.uid) == metadata["uid"]
                && json!(pod.metadata.resource_version) == metadata["resourceVersion"]
        });
        let Some(pod) = same else {
            self.lost_claim = Some(claim.pod_uid.clone());
            self.claims_lost += 1;
            return false;
        };
        pod.metadata.owner_references = serde_json::from_value(metadata["ownerReferences"].clone()).unwrap();
        pod.metadata.resource_version = Some("3".into());
        true
    }

    /// Sandboxes that are claimed for the run and not on record.
    pub(super) fn strays(&self) -> Vec<&Pod> {
        let is_stray = |pod: &&Pod| {
            let labels = pod.metadata.labels.as_ref().unwrap();
            labels.contains_key("stratbox.dev/pool")
                && run_of(pod) == Some(super::super::UID)
                && !self.world.run.has_use_for(pod.metadata.uid.as_deref().unwrap())
        };
        self.pods.values().filter(is_stray).collect()
    }

    fn see_strays(&mut self) -> Vec<Stray> {
        let now = self.world.now;
        let pods: Vec<Pod> = self.strays().into_iter().cloned().collect();
        pods.into_iter()
            .map(|pod| {
                let since = *self.strays_seen.entry(pod.metadata.uid.clone().unwrap()).or_insert(now);
                let seconds = now.as_second() - since.as_second();
                Stray { pod: pod.into(), seen: Duration::from_secs(seconds.try_into().unwrap()) }
            })
            .collect()
    }

    pub(super) fn last_name(&self) -> Option<String> {
        Some(self.world.run.status.as_ref()?.attempts.last()?.pod_name.clone())
    }

    /// One reconcile, as the operator does it.
    pub(super) fn reconcile(&mut self) {
        for _ in 0..6 {
            self.let_move();
            let name = self.last_name();
            let offer = self.offer();
            let strays = self.see_strays();
            let pod = name.as_ref().and_then(|name| self.pods.get(name)).cloned();
            if pod.as_ref().is_some_and(|pod| self.is_taken(pod)) {
                self.has_sandbox();
                self.lost_claim = None;
            }
            let mut observed = self.world.observe();
            observed.pod = pod.as_ref();
            observed.last_word = self.last_word.as_ref();
            observed.since_write = self.quick.then_some(Duration::from_millis(100));
            observed.intent = match &self.intent {
                Some((intent, created)) if Some(intent) == name.as_ref() => {
                    if *created {
                        Intent::Created
                    } else {
                        Intent::Recorded
                    }
                }
                _ => Intent::Unknown,
            };
            if !self.place {
                observed.place = Place::Waiting { taken: 16, waiting: 1 };
            }
            if self.gate_reads {
                observed.gate = &Gate::Undecided;
            }
            observed.room_since = self.room;
            observed.refusal = self.refusal.as_ref();
            observed.session = self.session.as_ref();
            let uid = observed.run.last_attempt().and_then(|last| last.pod_uid.clone());
            let free = |pod: &Pod| !crate::sandbox::is_claimed(pod);
            observed.claim = ClaimView {
                claimable: pod.as_ref().is_some_and(free),
                lost: self.lost_claim.is_some() && self.lost_claim == uid,
                losses: self.claims_lost,
            };
            observed.offer = &offer;
            observed.strays = &strays;
            let plan = plan(&observed);
            if !self.effects(plan.effects) {
                return;
            }
            if let Some(status) = plan.status {
                assert_kstatus(&status);
                if !self.record(*status, plan.beside.as_deref()) {
                    return;
                }
            } else if !self.effects(plan.beside.map(Effect::Claim).into_iter().collect()) {
                return;
            }
            if !self.effects(plan.cleanup) {
                return;
            }
            if plan.next != Next::Again {
                return;
            }
        }
    }

    /// Writes the status, and takes the sandbox that it records: neither waits for the other. False when the operator dies
    /// on the way.
    pub(super) fn record(&mut self, status: crate::crd::StrategyRunStatus, claim: Option<&Claim>) -> bool {
        if self.dies() {
            return false;
        }
        let Some(claim) = claim else {
            self.keep(status);
            return true;
        };
        let first = self.claims_first.then(|| self.claim(claim));
        if first.is_none() {
            self.keep(status.clone());
        }
        if self.dies() {
            return false;
        }
        let claimed = first.unwrap_or_else(|| self.claim(claim));
        if self.claims_first {
            self.keep(status);
        }
        if self.loses_answer {
            // The reconcile ends with an error, and the next look sees whose it is.
            self.loses_answer = false;
            return false;
        }
        if claimed {
            self.has_sandbox();
        }
        true
    }

    /// Whether that pod was claimed for the last attempt.
    fn is_taken(&self, pod: &Pod) -> bool {
        let last = self.world.run.last_attempt().filter(|last| last.warm && last.finished_at.is_none());
        last.is_some_and(|last| last.pod_uid == pod.metadata.uid) && crate::sandbox::is_claimed(pod)
    }

    /// The operator knows that the attempt has its sandbox.
    fn has_sandbox(&mut self) {
        if let Some((_, created)) = &mut self.intent {
            *created = true;
        }
    }

    pub(super) fn keep(&mut self, status: crate::crd::StrategyRunStatus) {
        let before = self.last_name();
        self.world.run.status = Some(status);
        if self.last_name() != before {
            self.intent = self.last_name().map(|name| (name, false));
            self.refusal = None;
        }
    }

    /// Whether the operator dies here; whoever comes after it remembers nothing.
    pub(super) fn dies(&mut self) -> bool {
        self.let_move();
        let Some(rest) = self.dies_after else { return false };
        self.dies_after = rest.checked_sub(1);
        if rest == 0 {
            self.restart();
        }
        rest == 0
    }

    /// A step of the operator's goes by, in which the pod may move.
    pub(super) fn let_move(&mut self) {
        match self.moves_after.take() {
            Some((0, status)) => self.set_status(status),
            Some((rest, status)) => self.moves_after = Some((rest - 1, status)),
            None => {}
        }
    }

    /// The pod of the last attempt, if it is there, has another status and so another version.
    pub(super) fn set_status(&mut self, status: serde_json::Value) {
        if let Some(pod) = self.last_name().and_then(|name| self.pods.get_mut(&name)) {
            let version: u32 = pod.metadata.resource_version.as_deref().unwrap().parse().unwrap();
            pod.metadata.resource_version = Some((version + 1).to_string());
            pod.status = serde_json::from_value(status).unwrap();
        }
    }

    /// Another process, which remembers nothing.
    pub(super) fn restart(&mut self) {
        (self.intent, self.refusal, self.session, self.last_word) = (None, None, None, None);
        self.strays_seen.clear();
    }

    /// Carries them out; false when the operator dies on the way.
    pub(super) fn effects(&mut self, effects: Vec<Effect>) -> bool {
        for effect in effects {
            if self.dies() {
                return false;
            }
            match effect {
                Effect::CreatePod(_) if self.refuse_next.is_some() => {
                    self.refusal = self.refuse_next.take().map(|kind| Refusal { kind, message: "no".into() });
                }
                Effect::CreatePod(pod) => {
                    self.refusal = None;
                    self.has_sandbox();
                    let name = pod.metadata.name.clone().unwrap();
                    *self.created.entry(name.clone()).or_default() += 1;
                    let mut stored = self.world.pod(if self.quick {
                        pod_states().swap_remove(RUNNING)
                    } else {
                        json!({})
                    });
                    stored.metadata.name = Some(name.clone());
                    assert!(self.pods.insert(name, stored).is_none(), "a POST over a pod that is there");
                }
                Effect::DeletePod { name, uid, resource_version, .. } => {
                    let Some(pod) = self.pods.get(&name) else { continue };
                    let metadata = &pod.metadata;
                    let changed = resource_version.is_some() && resource_version != metadata.resource_version;
                    if changed || metadata.uid.as_ref() != Some(&uid) {
                        // 409, which ends the reconcile.
                        self.refused_deletions += 1;
                        return false;
                    }
                    self.pods.remove(&name);
                }
                Effect::CloseSession => self.session = None,
                Effect::OpenSession(handover) => {
                    let count = self.created[&handover.pod_name];
                    let run = &self.world.run;
                    let again = run.metadata.annotations.as_ref();
                    let attempt = format!("{:?} {again:?} {}", run.metadata.generation, handover.run.attempt);
                    self.takers.entry(attempt).or_default().insert(handover.pod_name.clone());
                    self.handed.insert((handover.pod_name, count));
                    self.session.get_or_insert_with(SessionView::default);
                }
                Effect::Claim(claim) => {
                    if self.claim(&claim) {
                        self.has_sandbox();
                    }
                }
                Effect::Mark(mark) => {
                    let pod = self.pods.get_mut(&mark.pod_name).expect("only a pod that is there is marked");
                    assert_eq!(json!(pod.metadata.uid), mark.patch["metadata"]["uid"]);
                    let labels = mark.patch["metadata"]["labels"].clone();
                    let labels: BTreeMap<String, String> = serde_json::from_value(labels).unwrap();
                    pod.metadata.labels.get_or_insert_default().extend(labels);
                }
                Effect::DeleteStray { name, uid } => {
                    if !self.world.run.has_use_for(&uid) {
                        self.pods.remove(&name);
                    }
                }
                Effect::EnsureNetworkPolicy(_) | Effect::DeleteRun | Effect::ApplyArtifacts(_) => {}
            }
        }
        true
    }

    pub(super) fn happen(&mut self, happening: Happening) {
        let name = self.last_name();
        match happening {
            Happening::Seconds(seconds) => self.world.later(seconds),
            Happening::PodState(index) => {
                self.set_status(pod_states().swap_remove(index));
            }
            Happening::PodGone => {
                if let Some(pod) = name.and_then(|name| self.pods.remove(&name)).filter(has_ended) {
                    self.last_word = Some(pod);
                }
            }
            Happening::Report if self.session.is_some() => {
                let report = Some(Ok(Box::new(self.world.report())));
                self.session = Some(SessionView { accepted: true, report, ..SessionView::default() });
            }
            Happening::ForgedReport if self.session.is_some() => {
                self.session = Some(SessionView {
                    accepted: true,
                    report: Some(Err("forged".into())),
                    ..SessionView::default()
                });
            }
            Happening::Line(line) => {
                if let Some(session) = &mut self.session {
                    session.line = line;
                    session.handed_over |= line == Line::Open;
                }
            }
            Happening::Report | Happening::ForgedReport => {}
            Happening::OperatorRestarts => self.restart(),
            Happening::OperatorDiesAfter(count) => self.dies_after = Some(count),
            Happening::ClassGone => self.world.class = None,
            Happening::ClassBack => self.world.class.clone_from(&self.class),
            Happening::Refused(kind) => self.refuse_next = Some(kind),
            Happening::NewInput => {
                let generation = self.world.run.metadata.generation.unwrap_or_default() + 1;
                self.world.run.metadata.generation = Some(generation);
                self.world.run.spec.params.insert("generation".into(), generation.to_string());
            }
            Happening::Suspend(suspend) => self.world.run.spec.suspend = suspend,
            Happening::Rerun => {
                let annotations = self.world.run.metadata.annotations.get_or_insert_default();
                let count = annotations.get("stratbox.dev/rerun-requested-at").map_or(0, String::len);
                annotations.insert("stratbox.dev/rerun-requested-at".into(), "x".repeat((count + 1).min(60)));
            }
            Happening::Policy(policy) => {
                let fallback = self.world.run.spec.fallback.get_or_insert_default();
                (fallback.policy, fallback.retry_deadline_seconds) = (Some(policy), Some(100));
            }
            Happening::Room => self.room = Some(self.world.now),
            Happening::NoPlace => self.place = !self.place,
            Happening::GateReads => self.gate_reads = !self.gate_reads,
            Happening::Pool(pool) => self.pool = pool,
            Happening::MemberGone => {
                self.offered().and_then(|name| self.pods.remove(&name));
            }
            Happening::MemberTaken => self.touch_offered(taken_by_another),
            Happening::MemberTouched => self.touch_offered(|_| {}),
        }
    }

    /// Whether no attempt was handed over to two pods.
    pub(super) fn is_handed_once(&self) -> bool {
        let names: BTreeSet<_> = self.handed.iter().map(|(name, _)| name).collect();
        names.len() == self.handed.len() && self.takers.values().all(|pods| pods.len() == 1)
    }

    pub(super) fn finished(&self) -> bool {
        crate::run::is_finished(&self.world.run, &crate::run::input_hash(&self.world.run.spec))
    }
}

/// Another run's claim.
fn taken_by_another(pod: &mut Pod) {
    let owner = json!([{"apiVersion": "stratbox.dev/v1alpha1", "kind": "StrategyRun", "name": "other", "uid": "other"}]);
    pod.metadata.owner_references = serde_json::from_value(owner).unwrap();
}
