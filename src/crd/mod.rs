//! The resources: types, reasons and the rules that the API server checks. Nothing else.

mod condition;
mod generate;
mod quantity;
mod results;
mod sandbox_class;
mod sandbox_pool;
mod status;
mod strategy_run;

pub use condition::{ConditionType, Reason, keep_time};
pub use generate::{all, to_yaml};
pub use quantity::{Quantity, QuantityError};
pub use results::{
    Acceptance, ArtifactStatus, CachePolicy, CheckMode, Checks, HistoryEntry, OnReject, Verdict,
};
pub use sandbox_class::{
    AllowedImport, ClassDefaults, ClassPolicy, DatasetImage, DatasetSource, PodMetadata, SandboxClass,
    SandboxClassSpec, SeccompDelivery, SeccompSource, Severity, Toleration, UserNamespaces,
};
pub use sandbox_pool::{SandboxPool, SandboxPoolSpec, SandboxPoolStatus, UpdateStrategy};
pub use status::{
    Attempt, Durations, ErrorStatus, FindingStatus, Provenance, ResolvedSpec, RunPath, StrategyRunStatus,
    ValidationStatus,
};
pub use strategy_run::{
    CodeFrom, ConfigMapKeyRef, DatasetSlice, Execution, Fallback, FallbackPolicy, PodRetention,
    ResourceLimits, Resources, Retention, StrategyRun, StrategyRunSpec, Trials,
};
