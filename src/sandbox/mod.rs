//! What an isolated pod is, and what a pod says about itself. Pure.

mod claim;
mod limits;
mod names;
mod pod;
mod security;
mod state;
mod volumes;

pub use claim::{Claim, Mark, build_claim, build_mark, is_claimed};
pub use limits::{default_limits, requests, same_limits};
pub use names::{
    CONTAINER, DENY_ALL, LABEL_ATTEMPT, LABEL_CLASS, LABEL_COMPONENT, LABEL_MANAGED_BY, LABEL_POOL,
    LABEL_RUN_UID, LABEL_TEMPLATE, MANAGED_BY, MANAGER_ARTIFACTS, MANAGER_CLAIM, MANAGER_NODE,
    MANAGER_STATUS, MANAGER_WEBHOOK, SANDBOX, artifacts_name, attempt_of, is_of_a_pool, label_value,
    managed_labels, member_name, owner, pod_name, pool_label_selector, profile_label, profile_path,
    run_label_selector, run_of, template_hash,
};
pub use pod::{PodRequest, Purpose, build_pod};
pub use security::{PROFILE_HASH_LENGTH, build_deny_all, profile_for, profile_hash};
pub use state::{Exit, PodState, StartTrouble, has_ended, progress_time, read_pod};
