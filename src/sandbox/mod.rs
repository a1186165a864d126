//! What an isolated pod is, and what a pod says about itself. Pure.

mod names;
mod pod;
mod security;
mod state;

pub use names::{
    CONTAINER, DENY_ALL, LABEL_ATTEMPT, LABEL_CLASS, LABEL_COMPONENT, LABEL_MANAGED_BY, LABEL_RUN_UID,
    MANAGED_BY, MANAGER_ARTIFACTS, MANAGER_NODE, MANAGER_STATUS, MANAGER_WEBHOOK, SANDBOX, artifacts_name,
    attempt_of, managed_labels, pod_name, profile_label, profile_path, run_label_selector,
};
pub use pod::{PodRequest, build_pod};
pub use security::{PROFILE, PROFILE_HASH_LENGTH, build_deny_all, profile_hash};
pub use state::{Exit, PodState, StartTrouble, progress_time, read_pod};
