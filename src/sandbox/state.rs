//! What a pod says about itself: the only reader of `PodStatus`.

use super::names::CONTAINER;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod, PodStatus};

/// Where a sandbox's pod is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodState {
    /// Nobody has said anything about a node yet.
    Pending,
    /// Held back by a scheduling gate, such as a queue's; never a reason for the fallback.
    Gated,
    /// The scheduler found no node; its own words.
    Unschedulable(String),
    /// On a node, the container is coming up.
    Starting,
    /// On a node, and the container does not come up.
    Waiting(StartTrouble, String),
    /// The runner is up.
    Running,
    /// The container has ended.
    Exited(Exit),
    /// The kubelet ended the pod at its deadline.
    DeadlineExceeded,
    /// The node gave the pod up to save itself, or something preempted it.
    Evicted(String),
    /// Failed or going away without an end of its container.
    Lost(String),
}

/// Why a container does not come up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTrouble {
    /// The image cannot be had.
    Image,
    /// The seccomp profile is not on the node.
    Profile,
    /// The runtime refused the container.
    Start,
}

/// How the container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Exit code.
    pub code: i32,
    /// Whether the kernel ended it at the memory limit.
    pub oom_killed: bool,
    /// The termination message: the report, if there is one. At most 4,096 bytes.
    pub message: String,
}

/// Reads a pod's status. Total: whatever is missing or odd leads to the state that waits longest.
#[must_use]
pub fn read_pod(pod: &Pod) -> PodState {
    let Some(status) = &pod.status else {
        return PodState::Pending;
    };
    if is_restarted(status) {
        let message = "the sandbox's container was started again: somebody has changed its pod";
        return PodState::Lost(message.into());
    }
    let exit = exit(status);
    // A runner that has reported, or that ran out of memory, says more than whoever ended the pod around it; any other
    // exit code is only what that somebody did.
    if let Some(exit) = exit.clone().filter(|exit| exit.code == 0 || exit.oom_killed) {
        return PodState::Exited(exit);
    }
    let words = || status.message.clone().or_else(|| status.reason.clone()).unwrap_or_default();
    match (status.phase.as_deref(), status.reason.as_deref()) {
        (_, Some("DeadlineExceeded")) => return PodState::DeadlineExceeded,
        (Some("Failed"), Some("Evicted" | "Preempting" | "Preempted")) => return PodState::Evicted(words()),
        _ => {}
    }
    if let Some(message) = disrupted(status) {
        return PodState::Evicted(message.to_owned());
    }
    if pod.metadata.deletion_timestamp.is_some() {
        return PodState::Lost("the pod is being deleted".into());
    }
    if let Some(exit) = exit {
        return PodState::Exited(exit);
    }
    if matches!(status.phase.as_deref(), Some("Failed" | "Succeeded" | "Unknown")) {
        return PodState::Lost(words());
    }
    match container_state(status) {
        Some(ContainerState { running: Some(_), .. }) => PodState::Running,
        Some(ContainerState { waiting: Some(waiting), .. }) => {
            let message = waiting.message.clone().unwrap_or_default();
            trouble(waiting.reason.as_deref(), &message)
                .map_or_else(|| unless_scheduled(status), |trouble| PodState::Waiting(trouble, message))
        }
        _ => unless_scheduled(status),
    }
}

/// Whether a pod's container has ended, or somebody has said that it is about to and why: what is still worth knowing of a
/// pod that is gone.
#[must_use]
pub fn has_ended(pod: &Pod) -> bool {
    match read_pod(pod) {
        PodState::Exited(_) | PodState::DeadlineExceeded | PodState::Evicted(_) => true,
        PodState::Pending
        | PodState::Gated
        | PodState::Unschedulable(_)
        | PodState::Starting
        | PodState::Waiting(..)
        | PodState::Running
        | PodState::Lost(_) => false,
    }
}

/// When the pod last came nearer to a running container: its node was found, its container started.
#[must_use]
pub fn progress_time(pod: &Pod) -> Option<jiff::Timestamp> {
    let status = pod.status.as_ref()?;
    let scheduled =
        status.conditions.iter().flatten().find(|c| c.type_ == "PodScheduled" && c.status == "True");
    let scheduled =
        scheduled.and_then(|condition| condition.last_transition_time.as_ref()).map(|time| time.0);
    let started = container_state(status)
        .and_then(|state| state.running.as_ref()?.started_at.as_ref())
        .map(|time| time.0);
    scheduled.max(started)
}

fn own_container(status: &PodStatus) -> Option<&ContainerStatus> {
    status.container_statuses.iter().flatten().find(|container| container.name == CONTAINER)
}

fn container_state(status: &PodStatus) -> Option<&ContainerState> {
    own_container(status)?.state.as_ref()
}

/// Nothing of ours is meant to be started again. A kubelet does it with a container whose image somebody has changed, and what
/// runs then is somebody else's; and with one that it had made and never started, which costs an attempt.
fn is_restarted(status: &PodStatus) -> bool {
    own_container(status).is_some_and(|container| container.restart_count > 0)
}

fn exit(status: &PodStatus) -> Option<Exit> {
    let ended: &ContainerStateTerminated = container_state(status)?.terminated.as_ref()?;
    Some(Exit {
        code: ended.exit_code,
        oom_killed: ended.reason.as_deref() == Some("OOMKilled"),
        message: ended.message.clone().unwrap_or_default(),
    })
}

/// Message of the condition that says who is taking the pod away.
fn disrupted(status: &PodStatus) -> Option<&str> {
    let condition =
        status.conditions.iter().flatten().find(|c| c.type_ == "DisruptionTarget" && c.status == "True")?;
    Some(condition.message.as_deref().unwrap_or("evicted"))
}

/// A waiting reason that does not go away by waiting a moment. The kubelet has no word of its own for a missing
/// profile: it says so in the message.
fn trouble(reason: Option<&str>, message: &str) -> Option<StartTrouble> {
    match reason? {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable" => Some(StartTrouble::Image),
        "CreateContainerError" | "CreateContainerConfigError" | "RunContainerError"
            if message.contains("seccomp") =>
        {
            Some(StartTrouble::Profile)
        }
        "CreateContainerError"
        | "CreateContainerConfigError"
        | "RunContainerError"
        | "StartError"
        | "CrashLoopBackOff" => Some(StartTrouble::Start),
        _ => None,
    }
}

fn unless_scheduled(status: &PodStatus) -> PodState {
    let Some(scheduled) = status.conditions.iter().flatten().find(|c| c.type_ == "PodScheduled") else {
        return PodState::Pending;
    };
    match (scheduled.status.as_str(), scheduled.reason.as_deref()) {
        ("True", _) => PodState::Starting,
        (_, Some("SchedulingGated")) => PodState::Gated,
        (_, Some("Unschedulable")) => PodState::Unschedulable(scheduled.message.clone().unwrap_or_default()),
        _ => PodState::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(status: serde_json::Value) -> PodState {
        read_pod(&serde_json::from_value(serde_json::json!({"metadata": {}, "status": status})).unwrap())
    }

    fn waiting(reason: &str, message: &str) -> PodState {
        pod(serde_json::json!({"phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [{"name": "runner", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": reason, "message": message}}}]}))
    }

    fn ended(code: i32, reason: &str) -> PodState {
        pod(serde_json::json!({"phase": "Failed",
            "containerStatuses": [{"name": "runner", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"terminated": {"exitCode": code, "reason": reason, "message": "m"}}}]}))
    }

    #[test]
    fn a_container_that_was_started_again_is_not_ours_any_more() {
        let status = |count: i32| {
            pod(serde_json::json!({"phase": "Running",
                "containerStatuses": [{"name": "runner", "image": "", "imageID": "", "ready": true,
                    "restartCount": count, "state": {"running": {}}}]}))
        };
        assert_eq!(status(0), PodState::Running);
        assert!(matches!(status(1), PodState::Lost(_)), "{:?}", status(1));
    }

    #[test]
    fn a_pod_without_status_is_pending() {
        assert_eq!(read_pod(&Pod::default()), PodState::Pending);
        assert_eq!(pod(serde_json::json!({})), PodState::Pending);
    }

    #[test]
    fn a_gate_is_not_unschedulable() {
        let condition = |reason: &str| {
            pod(
                serde_json::json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": reason,
                "message": "0/1 nodes"}]}),
            )
        };
        assert_eq!(condition("SchedulingGated"), PodState::Gated);
        assert_eq!(condition("Unschedulable"), PodState::Unschedulable("0/1 nodes".into()));
        assert_eq!(condition("SchedulerError"), PodState::Pending);
    }

    #[test]
    fn trouble_with_the_start_is_told_apart() {
        assert_eq!(waiting("ContainerCreating", ""), PodState::Starting);
        assert!(matches!(waiting("ImagePullBackOff", "x"), PodState::Waiting(StartTrouble::Image, _)));
        let message = "failed to create containerd task: seccomp profile not found";
        assert!(matches!(
            waiting("CreateContainerError", message),
            PodState::Waiting(StartTrouble::Profile, _)
        ));
        assert!(matches!(waiting("CreateContainerError", "no"), PodState::Waiting(StartTrouble::Start, _)));
    }

    #[test]
    fn an_ended_container_is_believed_before_the_phase() {
        let exit = |oom_killed| Exit { code: 137, oom_killed, message: "m".into() };
        assert_eq!(ended(137, "OOMKilled"), PodState::Exited(exit(true)));
        assert_eq!(ended(137, "Error"), PodState::Exited(exit(false)));
    }

    #[test]
    fn who_ends_a_pod_is_believed_before_the_exit_code_of_what_it_ended() {
        let taken = |reason: &str, code: i32| {
            pod(serde_json::json!({"phase": "Failed", "reason": reason, "message": "disk",
                "containerStatuses": [{"name": "runner", "image": "", "imageID": "", "ready": false, "restartCount": 0,
                    "state": {"terminated": {"exitCode": code, "reason": "Error"}}}]}))
        };
        assert_eq!(taken("Evicted", 143), PodState::Evicted("disk".into()));
        assert_eq!(taken("DeadlineExceeded", 137), PodState::DeadlineExceeded);
        assert!(matches!(taken("Evicted", 0), PodState::Exited(_)), "it had reported");
    }

    #[test]
    fn progress_is_the_latest_of_node_and_start() {
        let pod: Pod = serde_json::from_value(serde_json::json!({"metadata": {}, "status": {
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:10Z"}],
            "containerStatuses": [{"name": "runner", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                "state": {"running": {"startedAt": "2026-01-01T00:00:15Z"}}}]}}))
        .unwrap();
        assert_eq!(progress_time(&pod), Some("2026-01-01T00:00:15Z".parse().unwrap()));
        assert_eq!(progress_time(&Pod::default()), None);
    }

    #[test]
    fn foreign_containers_are_passed_over() {
        let state = pod(serde_json::json!({"phase": "Running",
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [{"name": "sidecar", "image": "", "imageID": "", "ready": true, "restartCount": 0,
                "state": {"running": {}}}]}));
        assert_eq!(state, PodState::Starting);
    }

    #[test]
    fn ways_to_lose_a_pod() {
        assert_eq!(
            pod(serde_json::json!({"phase": "Failed", "reason": "Evicted", "message": "disk"})),
            PodState::Evicted("disk".into())
        );
        assert_eq!(
            pod(serde_json::json!({"phase": "Failed", "reason": "DeadlineExceeded"})),
            PodState::DeadlineExceeded
        );
        assert_eq!(
            pod(serde_json::json!({"phase": "Failed", "reason": "NodeLost"})),
            PodState::Lost("NodeLost".into())
        );
    }
}
