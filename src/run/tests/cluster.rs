//! `plan` against a tiny cluster in memory: whatever happens to the pod, the runner and the operator, nothing runs
//! twice, an end is an end, and there is always one.

mod race;

use super::{World, assert_kstatus};
use crate::crd::FallbackPolicy;
use crate::run::{
    ClaimView, Effect, Gate, Intent, Line, Next, Offer, Place, Refusal, RefusalKind, SessionView, plan,
};
use crate::sandbox::{Claim, has_ended};
use k8s_openapi::api::core::v1::Pod;
use proptest::prelude::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What can happen between two looks.
#[derive(Debug, Clone)]
enum Happening {
    Seconds(i64),
    PodState(usize),
    PodGone,
    Report,
    ForgedReport,
    Line(Line),
    OperatorRestarts,
    OperatorDiesAfter(u32),
    ClassGone,
    ClassBack,
    Refused(RefusalKind),
    NewInput,
    Suspend(bool),
    Rerun,
    Policy(FallbackPolicy),
    Room,
    NoPlace,
    GateReads,
    Pool(bool),
    MemberGone,
    MemberTaken,
    MemberTouched,
}

/// Which of them is a container that runs.
const RUNNING: usize = 5;

/// States that a kubelet and a scheduler write.
fn pod_states() -> Vec<serde_json::Value> {
    let container = |state: serde_json::Value| {
        json!({"phase": "Running", "conditions": [{"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [{"name": "runner", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "state": state}]})
    };
    vec![
        json!({}),
        json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}),
        json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]}),
        container(json!({"waiting": {"reason": "ContainerCreating"}})),
        container(json!({"waiting": {"reason": "ImagePullBackOff"}})),
        container(json!({"running": {}})),
        container(json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}})),
        container(json!({"terminated": {"exitCode": 143, "reason": "Error"}})),
        container(json!({"terminated": {"exitCode": 0, "reason": "Completed", "message": "nonsense"}})),
        json!({"phase": "Failed", "reason": "Evicted"}),
        json!({"phase": "Failed", "reason": "DeadlineExceeded"}),
        json!({"phase": "Unknown"}),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        (0_i64..90).prop_map(Happening::Seconds),
        (0..pod_states().len()).prop_map(Happening::PodState),
        Just(Happening::PodGone),
        Just(Happening::Report),
        Just(Happening::ForgedReport),
        prop_oneof![Just(Line::Trying), Just(Line::Open), Just(Line::Refused), Just(Line::Over)]
            .prop_map(Happening::Line),
        Just(Happening::OperatorRestarts),
        (0_u32..8).prop_map(Happening::OperatorDiesAfter),
        Just(Happening::ClassGone),
        Just(Happening::ClassBack),
        prop_oneof![Just(RefusalKind::Quota), Just(RefusalKind::Admission), Just(RefusalKind::Runtime)]
            .prop_map(Happening::Refused),
        Just(Happening::NewInput),
        any::<bool>().prop_map(Happening::Suspend),
        Just(Happening::Rerun),
        prop_oneof![Just(FallbackPolicy::AstOnly), Just(FallbackPolicy::Retry), Just(FallbackPolicy::Fail)]
            .prop_map(Happening::Policy),
        Just(Happening::Room),
        Just(Happening::NoPlace),
        Just(Happening::GateReads),
        any::<bool>().prop_map(Happening::Pool),
        Just(Happening::MemberGone),
        Just(Happening::MemberTaken),
        Just(Happening::MemberTouched),
    ]
}

/// The cluster.
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that is so in the cluster, or is not")]
struct Cluster {
    world: World,
    class: Option<crate::crd::SandboxClass>,
    pods: BTreeMap<String, Pod>,
    created: BTreeMap<String, u32>,
    /// Which creations of each name were handed the run.
    handed: BTreeSet<(String, u32)>,
    /// Which pods each attempt of each input was handed to.
    takers: BTreeMap<String, BTreeSet<String>>,
    intent: Option<(String, bool)>,
    refusal: Option<Refusal>,
    refuse_next: Option<RefusalKind>,
    session: Option<SessionView>,
    /// What the operator has heard of the end of a sandbox that is gone.
    last_word: Option<Pod>,
    /// How many more things the operator does before it dies.
    dies_after: Option<u32>,
    /// In how many more steps of the operator's the pod moves, and to what.
    moves_after: Option<(u32, serde_json::Value)>,
    /// Deletions that were refused because the pod was not any more what had been looked at.
    refused_deletions: u32,
    /// The kubelet is quick: a new pod runs at once, before a status may be written again.
    quick: bool,
    /// Whether the class has a place for the run.
    place: bool,
    /// The gate has no verdict yet.
    gate_reads: bool,
    /// When room came.
    room: Option<jiff::Timestamp>,
    /// The namespace has a pool of the class.
    pool: bool,
    /// How many sandboxes of a pool there were so far.
    members: u32,
    lost_claim: Option<String>,
    claims_lost: u32,
    /// Somebody else is quicker at every claim.
    steal: bool,
}

impl Cluster {
    fn new() -> Self {
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
        }
    }

    /// The pool's sandbox that the operator would offer: there is always one that nobody has.
    fn offer(&mut self) -> Offer {
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
    fn offered(&self) -> Option<String> {
        let lost = self.lost_claim.as_deref();
        let free = |pod: &Pod| {
            let labels = pod.metadata.labels.as_ref().unwrap();
            labels.contains_key("stratbox.dev/pool")
                && !labels.contains_key("stratbox.dev/run-uid")
                && pod.metadata.uid.as_deref() != lost
        };
        Some(self.pods.iter().find(|(_, pod)| free(pod))?.0.clone())
    }

    fn touch_offered(&mut self, work: impl Fn(&mut Pod)) {
        if let Some(pod) = self.offered().and_then(|name| self.pods.get_mut(&name)) {
            work(pod);
            pod.metadata.resource_version = Some("2".into());
        }
    }

    /// The API server's answer to a claim.
    fn claim(&mut self, claim: &Claim) {
        if self.steal {
            self.touch_offered(|pod| {
                pod.metadata
                    .labels
                    .get_or_insert_default()
                    .insert("stratbox.dev/run-uid".into(), "other".into());
            });
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
            return;
        };
        let labels = pod.metadata.labels.get_or_insert_default();
        for (key, value) in metadata["labels"].as_object().unwrap() {
            labels.insert(key.clone(), value.as_str().unwrap().to_owned());
        }
        pod.metadata.owner_references = serde_json::from_value(metadata["ownerReferences"].clone()).unwrap();
        pod.metadata.resource_version = Some("3".into());
        if let Some((_, created)) = &mut self.intent {
            *created = true;
        }
    }

    fn last_name(&self) -> Option<String> {
        Some(self.world.run.status.as_ref()?.attempts.last()?.pod_name.clone())
    }

    /// One reconcile, as the operator does it.
    fn reconcile(&mut self) {
        for _ in 0..6 {
            self.let_move();
            let name = self.last_name();
            let offer = self.offer();
            let pod = name.as_ref().and_then(|name| self.pods.get(name)).cloned();
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
            let plan = plan(&observed);
            if !self.effects(plan.effects) {
                return;
            }
            if let Some(status) = plan.status {
                assert_kstatus(&status);
                if self.dies() {
                    return;
                }
                self.keep(*status);
            }
            if !self.effects(plan.cleanup) {
                return;
            }
            if plan.next != Next::Again {
                return;
            }
        }
    }

    fn keep(&mut self, status: crate::crd::StrategyRunStatus) {
        let before = self.last_name();
        self.world.run.status = Some(status);
        if self.last_name() != before {
            self.intent = self.last_name().map(|name| (name, false));
            self.refusal = None;
        }
    }

    /// Whether the operator dies here; whoever comes after it remembers nothing.
    fn dies(&mut self) -> bool {
        self.let_move();
        let Some(rest) = self.dies_after else { return false };
        self.dies_after = rest.checked_sub(1);
        if rest == 0 {
            self.restart();
        }
        rest == 0
    }

    /// A step of the operator's goes by, in which the pod may move.
    fn let_move(&mut self) {
        match self.moves_after.take() {
            Some((0, status)) => self.set_status(status),
            Some((rest, status)) => self.moves_after = Some((rest - 1, status)),
            None => {}
        }
    }

    /// The pod of the last attempt, if it is there, has another status and so another version.
    fn set_status(&mut self, status: serde_json::Value) {
        if let Some(pod) = self.last_name().and_then(|name| self.pods.get_mut(&name)) {
            let version: u32 = pod.metadata.resource_version.as_deref().unwrap().parse().unwrap();
            pod.metadata.resource_version = Some((version + 1).to_string());
            pod.status = serde_json::from_value(status).unwrap();
        }
    }

    /// Another process, which remembers nothing.
    fn restart(&mut self) {
        (self.intent, self.refusal, self.session, self.last_word) = (None, None, None, None);
    }

    /// Carries them out; false when the operator dies on the way.
    fn effects(&mut self, effects: Vec<Effect>) -> bool {
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
                    if let Some((_, created)) = &mut self.intent {
                        *created = true;
                    }
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
                Effect::DeletePod { name, uid, resource_version } => {
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
                Effect::Claim(claim) => self.claim(&claim),
                Effect::EnsureNetworkPolicy(_) | Effect::DeleteRun | Effect::ApplyArtifacts(_) => {}
            }
        }
        true
    }

    fn happen(&mut self, happening: Happening) {
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
            Happening::MemberTaken => self.touch_offered(|pod| {
                pod.metadata
                    .labels
                    .get_or_insert_default()
                    .insert("stratbox.dev/run-uid".into(), "other".into());
            }),
            Happening::MemberTouched => self.touch_offered(|_| {}),
        }
    }

    /// Whether no attempt was handed over to two pods.
    fn is_handed_once(&self) -> bool {
        let names: BTreeSet<_> = self.handed.iter().map(|(name, _)| name).collect();
        names.len() == self.handed.len() && self.takers.values().all(|pods| pods.len() == 1)
    }

    fn finished(&self) -> bool {
        super::super::is_finished(&self.world.run, &super::super::input_hash(&self.world.run.spec))
    }
}

#[test]
fn wherever_the_operator_dies_and_the_pod_with_it_no_attempt_runs_twice() {
    let mut handed = 0;
    for died_after in 0..12 {
        let mut cluster = Cluster { quick: true, dies_after: Some(died_after), ..Cluster::new() };
        cluster.reconcile();
        cluster.dies_after = None;
        cluster.happen(Happening::OperatorRestarts);
        cluster.happen(Happening::PodGone);
        cluster.reconcile();
        cluster.reconcile();
        assert!(cluster.is_handed_once(), "dead after {died_after}: {:?}", cluster.handed);
        handed += cluster.handed.len();
    }
    assert!(handed > 12, "some were handed over before and some after");
}

/// Dead before or after the intent, the claim, the hand-over; the claimed sandbox still there or gone; another run quicker.
#[test]
fn wherever_the_operator_dies_around_a_claim_no_attempt_runs_twice() {
    let (mut warm, mut handed) = (0, 0);
    for died_after in 0..10 {
        for then in
            [None, Some(Happening::PodGone), Some(Happening::MemberTaken), Some(Happening::MemberTouched)]
        {
            let mut cluster = Cluster { pool: true, dies_after: Some(died_after), ..Cluster::new() };
            cluster.reconcile();
            cluster.dies_after = None;
            cluster.happen(Happening::OperatorRestarts);
            then.into_iter().for_each(|then| cluster.happen(then));
            for _ in 0..3 {
                cluster.reconcile();
            }
            assert!(cluster.is_handed_once(), "dead after {died_after}: {:?}", cluster.takers);
            warm += usize::from(cluster.world.status().attempts.iter().any(|attempt| attempt.warm));
            handed += cluster.handed.len();
        }
    }
    assert!(warm > 30 && handed > 40, "the claims were there: {warm} warm, {handed} handed over");
}

#[test]
fn a_run_that_loses_claim_after_claim_gets_a_sandbox_of_its_own() {
    let mut cluster = Cluster { pool: true, ..Cluster::new() };
    for _ in 0..10 {
        cluster.steal = true;
        cluster.reconcile();
    }
    let attempts = &cluster.world.status().attempts;
    assert_eq!(attempts.len(), 1, "lost claims are no attempts");
    assert_eq!((attempts[0].warm, attempts[0].cold_reason.as_deref()), (false, Some("ClaimsLost")));
    assert_eq!((attempts[0].losses, cluster.claims_lost), (0, 3));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_runs_twice_and_everything_ends(happenings in prop::collection::vec(happening(), 0..40)) {
        let mut cluster = Cluster::new();
        cluster.reconcile();
        for happening in happenings {
            let before = cluster.finished().then(|| cluster.world.status().clone());
            let new_input = matches!(happening, Happening::NewInput | Happening::Rerun);
            cluster.happen(happening);
            cluster.reconcile();
            if let (Some(before), false) = (before, new_input) {
                prop_assert_eq!(&before, cluster.world.status(), "terminal stays terminal");
            }
            prop_assert!(cluster.is_handed_once());
        }
        cluster.dies_after = None;
        // Left alone with a class, every run comes to an end, by its deadlines if by nothing else.
        cluster.happen(Happening::ClassBack);
        cluster.happen(Happening::Suspend(false));
        (cluster.place, cluster.gate_reads) = (true, false);
        for _ in 0..40 {
            if cluster.finished() {
                break;
            }
            cluster.happen(Happening::PodState(RUNNING));
            cluster.happen(Happening::Seconds(500));
            cluster.reconcile();
        }
        prop_assert!(cluster.finished(), "{:?}", cluster.world.run.status);
        let end = cluster.world.status().clone();
        cluster.reconcile();
        prop_assert_eq!(&end, cluster.world.status(), "and nothing is written any more");
    }
}
