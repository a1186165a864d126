//! Looking: everything that the decision may see, read from the API server and from this process.

use super::context::{Context, GateNote, Note};
use super::error::{Error, within};
use super::gate::observe_gate;
use crate::crd::{SandboxClass, StrategyRun};
use crate::run::{
    ClaimView, Gate, Intent, NodeFacts, Observed, Offer, Place, Refusal, RefusalKind, SessionView, Stray,
    Ticket, Timeline, answers, input_hash, is_finished, is_ours, ready_reason, sought, wants_member,
    wants_place,
};
use crate::sandbox::{LABEL_POOL, PodState, read_pod, run_of};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::ListParams;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Sandboxes of a class at the same time where it does not say.
const PLACES: u32 = 16;
/// Seconds for which a new attempt has pools make way.
const PRESSING: i64 = 20;
/// How long a kept pod of a finished run is asked for beyond its time.
const KEPT_SLACK: i64 = 120;

/// One look, owning what it saw.
pub(super) struct Facts {
    pub(super) run: Arc<StrategyRun>,
    input_hash: String,
    class: Option<Arc<SandboxClass>>,
    gate: Arc<Gate>,
    pod: Option<Arc<Pod>>,
    last_word: Option<Arc<Pod>>,
    intent: Intent,
    refusal: Option<Refusal>,
    session: Option<SessionView>,
    offer: Offer,
    claim: ClaimView,
    strays: Vec<Stray>,
    equal: Option<StrategyRun>,
    place: Place,
    room_since: Option<Timestamp>,
    scale_up: Option<Timestamp>,
    artifacts_refused: bool,
    timeline: Timeline,
    nodes: NodeFacts,
    since_write: Option<Duration>,
    running: Option<Duration>,
    reason_since: Option<Timestamp>,
    now: Timestamp,
}

impl Facts {
    /// The same for the decision.
    pub(super) fn as_observed<'a>(&'a self, context: &'a Context) -> Observed<'a> {
        Observed {
            run: &self.run,
            input_hash: self.input_hash.clone(),
            class: self.class.as_deref(),
            gate: &self.gate,
            pod: self.pod.as_deref(),
            last_word: self.last_word.as_deref(),
            intent: self.intent,
            refusal: self.refusal.as_ref(),
            session: self.session.as_ref(),
            offer: &self.offer,
            claim: self.claim,
            strays: &self.strays,
            equal: self.equal.as_ref(),
            place: self.place,
            room_since: self.room_since,
            scale_up: self.scale_up,
            artifacts_refused: self.artifacts_refused,
            timeline: self.timeline,
            nodes: self.nodes,
            since_write: self.since_write,
            running: self.running,
            reason_since: self.reason_since,
            config: &context.config,
            now: self.now,
        }
    }
}

impl Facts {
    /// Has others offered the pool's sandbox that the run does not take.
    pub(super) fn decline(&self, context: &Context) {
        if let Offer::Member(pod) = &self.offer {
            context.pools.is_declined(&self.run.uid().unwrap_or_default(), pod);
        }
    }
}

/// Looks at one run and all that belongs to it.
pub(super) async fn observe(context: &Context, run: Arc<StrategyRun>) -> Result<Facts, Error> {
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default();
    let input_hash = input_hash(&run.spec);
    let finished = is_finished(&run, &input_hash);
    let (class, pod) = tokio::try_join!(
        async {
            if finished {
                return Ok(None);
            }
            context.classes.get(&run.spec.class_name).await.map_err(Error::ReadClass)
        },
        observe_pod(context, &run, finished, now),
    )?;
    let gate = match &class {
        Some(class) => observe_gate(context, &run, &input_hash, class).await?,
        None => GateNote::undecided(String::new()),
    };
    let uid = run.uid().unwrap_or_default();
    let last = last_pod_name(&run);
    let known = remember(context, &run, pod.as_deref(), now);
    let session = context.sessions.view(&uid, last.unwrap_or_default());
    let between = |from: Option<Instant>, to: Option<Instant>| {
        u64::try_from(to?.saturating_duration_since(from?).as_millis()).ok()
    };
    // A sandbox that was made ahead was started for nobody.
    let warm = run.last_attempt().is_some_and(|last| last.warm);
    let timeline = Timeline {
        queue_ms: None,
        validate_ms: Some(gate.ms),
        schedule_ms: between(known.created, known.scheduled).filter(|_| !warm),
        start_ms: session
            .as_ref()
            .and_then(|session| between(known.scheduled, session.connected))
            .filter(|_| !warm),
        handover_ms: session.as_ref().and_then(|session| between(session.handed_over, session.accepted)),
        collect_ms: session.as_ref().and_then(|session| between(session.reported, Some(Instant::now()))),
    };
    let nodes = class.as_ref().map_or_else(NodeFacts::default, |class| context.nodes.facts(&class.spec));
    let claim = observe_claim(context, &run, pod.as_deref(), class.as_deref());
    note_pressure(context, &run, pod.as_deref(), known.refusal.as_ref(), now);
    let scale_up = observe_scale_up(context, &run, pod.as_deref()).await;
    let mut facts = Facts {
        class,
        gate: gate.gate,
        pod,
        last_word: known.last_word,
        intent: known.intent,
        refusal: known.refusal,
        session: session.map(|session| session.view()),
        offer: Offer::NoPool,
        claim,
        strays: observe_strays(context, &run),
        equal: None,
        // Until it has asked.
        place: Place::Waiting { taken: 0, waiting: 0 },
        room_since: context.places.freed(&run.spec.class_name).max(context.nodes.room_since()),
        scale_up,
        artifacts_refused: known.artifacts_refused,
        timeline,
        nodes,
        since_write: known.since_write,
        running: known.running.map(|since| since.elapsed()),
        reason_since: known.reason_since,
        now,
        run,
        input_hash,
    };
    facts.equal = observe_equal(context, &facts);
    if wants_place(&facts.as_observed(context)) {
        facts.place = ask_for_place(context, &mut facts);
    }
    if let Some(class) = facts.class.as_ref().filter(|_| wants_member(&facts.as_observed(context))) {
        facts.offer = context.pools.offer(&facts.run, class, context.terms());
        if let Offer::Member(pod) = &facts.offer {
            let pod = (pod.clone(), Instant::now());
            context.memory.with(&uid, |note| note.pod = Some(pod));
        }
    }
    Ok(facts)
}

/// What this process knows of a run beside what can be looked at.
struct Known {
    intent: Intent,
    refusal: Option<Refusal>,
    artifacts_refused: bool,
    since_write: Option<Duration>,
    created: Option<Instant>,
    scheduled: Option<Instant>,
    running: Option<Instant>,
    reason_since: Option<Timestamp>,
    last_word: Option<Arc<Pod>>,
}

/// Notes what is new about the run's pod, and tells what is known.
fn remember(context: &Context, run: &StrategyRun, pod: Option<&Pod>, now: Timestamp) -> Known {
    let uid = run.uid().unwrap_or_default();
    let is_on_a_node = pod.is_some_and(|pod| pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()));
    let is_running = pod.is_some_and(|pod| read_pod(pod) == PodState::Running);
    let is_taken = run.last_attempt().is_some_and(|last| {
        last.warm && last.finished_at.is_none() && pod.is_some_and(|pod| is_ours(run, pod, last))
    });
    let last = last_pod_name(run);
    let reason = ready_reason(run);
    context.memory.with(&uid, |note| {
        match &mut note.reason {
            Some((known, _)) if known.as_deref() == reason => {}
            Some(changed) => *changed = (reason.map(str::to_owned), Some(now)),
            first @ None => *first = Some((reason.map(str::to_owned), None)),
        }
        if is_on_a_node {
            note.scheduled.get_or_insert_with(Instant::now);
        }
        if is_running {
            note.running.get_or_insert_with(Instant::now);
        }
        if is_taken {
            // By a claim whose answer was lost, or came as a refusal to its repetition.
            note.created.get_or_insert_with(Instant::now);
            note.lost_claim = None;
        }
        let ours = last.is_some() && note.intent.as_deref() == last;
        let intent = match (ours, note.created) {
            (false, _) => Intent::Unknown,
            (true, None) => Intent::Recorded,
            (true, Some(_)) => Intent::Created,
        };
        Known {
            intent,
            refusal: note.refusal.clone().filter(|_| ours),
            artifacts_refused: note.artifacts_refused,
            since_write: note.written.map(|at| at.elapsed()),
            created: note.created,
            scheduled: note.scheduled,
            running: note.running,
            reason_since: note.reason.as_ref().and_then(|(_, since)| *since),
            last_word: note.last_word.clone(),
        }
    })
}

/// What has become of the claim of the pool's sandbox that is on record.
fn observe_claim(
    context: &Context,
    run: &StrategyRun,
    pod: Option<&Pod>,
    class: Option<&SandboxClass>,
) -> ClaimView {
    let Some(attempt) = run.last_attempt().filter(|last| last.warm && last.finished_at.is_none()) else {
        return ClaimView::default();
    };
    let (lost, losses) = context.memory.with(&run.uid().unwrap_or_default(), |note| {
        (note.lost_claim.is_some() && note.lost_claim == attempt.pod_uid, note.claims_lost)
    });
    let claimable =
        pod.zip(class).is_some_and(|(pod, class)| context.pools.is_claimable(pod, class, context.terms()));
    ClaimView { claimable, lost, losses }
}

/// The sandboxes of pools that are claimed for the run and that none of its attempts has a use for.
fn observe_strays(context: &Context, run: &StrategyRun) -> Vec<Stray> {
    let Some(uid) = run.metadata.uid.as_deref() else { return Vec::new() };
    let is_stray = |pod: &Pod| {
        run_of(pod) == Some(uid)
            && pod.labels().contains_key(LABEL_POOL)
            && pod.metadata.deletion_timestamp.is_none()
            && !pod.metadata.uid.as_deref().is_none_or(|pod_uid| run.has_use_for(pod_uid))
    };
    let pods = context.sandboxes.state_filter(is_stray);
    context.memory.with(uid, |note| {
        note.strays.retain(|stray, _| pods.iter().any(|pod| pod.metadata.uid.as_ref() == Some(stray)));
        pods.into_iter()
            .map(|pod| {
                let since = note.strays.entry(pod.uid().unwrap_or_default()).or_insert_with(Instant::now);
                Stray { seen: since.elapsed(), pod }
            })
            .collect()
    })
}

/// Has the pools make way where they may be in the way. Only at first: what does not help soon does not help.
fn note_pressure(
    context: &Context,
    run: &StrategyRun,
    pod: Option<&Pod>,
    refusal: Option<&Refusal>,
    now: Timestamp,
) {
    let started = run.last_attempt().and_then(|last| last.started_at.as_ref()).map_or(now, |time| time.0);
    if now.as_second().saturating_sub(started.as_second()) > PRESSING {
        return;
    }
    if let Some(PodState::Unschedulable(message)) = pod.map(read_pod)
        // Room does not help where a label is missing.
        && (message.contains("Insufficient") || message.contains("Too many pods"))
    {
        context.pressure.nodes_are_full();
    }
    if refusal.is_some_and(|refusal| refusal.kind == RefusalKind::Quota) {
        context.pressure.quota_is_used_up(&run.namespace().unwrap_or_default());
    }
}

/// A finished run that has this one's answer, among those that the watch knows: a moment behind is as if it had not
/// finished yet.
fn observe_equal(context: &Context, facts: &Facts) -> Option<StrategyRun> {
    let fingerprint = sought(&facts.as_observed(context))?;
    let found = context
        .runs
        .find(|run| run.0.as_ref().is_ok_and(|other| answers(other, &facts.run, &fingerprint)))?;
    found.0.as_ref().ok().cloned()
}

/// Asks for one of the class's places, and measures how long that took.
fn ask_for_place(context: &Context, facts: &mut Facts) -> Place {
    let run = &facts.run;
    let most = facts.class.as_ref().and_then(|class| class.spec.max_concurrent_sandboxes).unwrap_or(PLACES);
    let target = ObjectRef::new(&run.name_any()).within(&run.namespace().unwrap_or_default());
    let bell = (context.sessions.trigger(), &target);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let place = context.places.ask(&run.spec.class_name, most, &ticket(run), bell);
    facts.timeline.queue_ms = context.memory.with(&run.uid().unwrap_or_default(), |note| {
        if let Place::Waiting { .. } = place {
            note.queued.get_or_insert_with(Instant::now);
        } else if let Some(queued) = note.queued.take() {
            note.queue_ms = u64::try_from(queued.elapsed().as_millis()).ok();
        }
        note.queue_ms
    });
    place
}

/// The run in the queue.
pub(super) fn ticket(run: &StrategyRun) -> Ticket {
    Ticket {
        created: run.metadata.creation_timestamp.as_ref().map(|time| time.0).unwrap_or_default(),
        uid: run.uid().unwrap_or_default(),
        namespace: run.namespace().unwrap_or_default(),
    }
}

/// When the cluster's autoscaler last said that it makes room for a pod that has no node. Nobody but an Event says so;
/// where events may not be listed, nobody does.
async fn observe_scale_up(context: &Context, run: &StrategyRun, pod: Option<&Pod>) -> Option<Timestamp> {
    let pod = pod.filter(|pod| matches!(read_pod(pod), PodState::Unschedulable(_)))?;
    let events: Api<Event> = Api::namespaced(context.client.clone(), &run.namespace()?);
    let fields = format!("involvedObject.uid={},reason=TriggeredScaleUp", pod.uid()?);
    match within(events.list(&ListParams::default().fields(&fields).limit(20))).await {
        Ok(listed) => listed
            .items
            .iter()
            .filter_map(|event| {
                let last = event.last_timestamp.as_ref().map(|time| time.0);
                last.or_else(|| event.event_time.as_ref().map(|time| time.0))
                    .or_else(|| event.metadata.creation_timestamp.as_ref().map(|time| time.0))
            })
            .max(),
        Err(error) => {
            tracing::debug!(%error, "the autoscaler's events cannot be listed");
            None
        }
    }
}

fn last_pod_name(run: &StrategyRun) -> Option<&str> {
    Some(run.last_attempt()?.pod_name.as_str())
}

/// Whether a name can be asked for at all: it becomes part of a path.
pub(super) fn is_object_name(name: &str) -> bool {
    let part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    !name.is_empty() && name.chars().all(part) && !name.starts_with('.')
}

/// The pod of the last attempt, live: a cache may be behind, and what is decided on it cannot be undone. Only of a pod that goes
/// away after its run is the watch's word enough: each step of that is one more look, and there is nothing left to decide.
async fn observe_pod(
    context: &Context,
    run: &StrategyRun,
    finished: bool,
    now: Timestamp,
) -> Result<Option<Arc<Pod>>, Error> {
    let Some(name) = last_pod_name(run) else {
        return Ok(None);
    };
    let namespace = run.namespace().unwrap_or_default();
    let known = context.sandboxes.get(&ObjectRef::new(name).within(&namespace));
    if finished && known.as_ref().is_some_and(|pod| pod.metadata.deletion_timestamp.is_some()) {
        return Ok(known);
    }
    if finished && known.is_none() && kept_until(context, run) < now.as_second() {
        return Ok(None);
    }
    let noted = |note: &mut Note| (note.gone.as_deref() == Some(name), note.recent_pod(name));
    let (is_gone, recent) = context.memory.with(&run.uid().unwrap_or_default(), noted);
    if finished && is_gone {
        return Ok(None);
    }
    if recent.is_some() {
        return Ok(recent);
    }
    let pods: Api<Pod> = Api::namespaced(context.client.clone(), &namespace);
    Ok(within(pods.get_opt(name)).await.map_err(Error::ReadPod)?.map(Arc::new))
}

/// When the pod of a finished run is gone at the latest, in seconds since the epoch.
fn kept_until(context: &Context, run: &StrategyRun) -> i64 {
    let retention =
        run.spec.pod_retention.clone().unwrap_or_default().or(&context.config.defaults.pod_retention);
    let end = run
        .status
        .as_ref()
        .and_then(|status| status.completion_time.as_ref())
        .map_or(0, |time| time.0.as_second());
    end.saturating_add(i64::from(retention.ttl_seconds.unwrap_or_default())).saturating_add(KEPT_SLACK)
}
