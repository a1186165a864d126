//! What may happen to a run, its pod, its class and its operator.

use crate::crd::FallbackPolicy;
use crate::run::{Line, RefusalKind};
use proptest::prelude::*;
use serde_json::json;

/// What can happen between two looks.
#[derive(Debug, Clone)]
pub(super) enum Happening {
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
pub(super) const RUNNING: usize = 5;

/// States that a kubelet and a scheduler write.
pub(super) fn pod_states() -> Vec<serde_json::Value> {
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

pub(super) fn happening() -> impl Strategy<Value = Happening> {
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
