//! Stratbox runs strategies that a language model wrote, which nobody has read, and says what they are worth.
//!
//! Two binaries come from this crate: `stratbox`, the operator, and `stratbox-runner`, PID 1 of every sandbox.
//!
//! | module | what it is | IO |
//! |---|---|---|
//! | [`crd`] | the resources, their reasons and schema rules | none |
//! | [`config`] | the operator's configuration | none |
//! | [`strategy`] | the gate: Python by AST | none |
//! | [`validate`] | the gate for files: manifests, text, JSON, SARIF | none |
//! | [`sandbox`] | what an isolated pod is, and what a pod says | none |
//! | [`wire`] | the frames between operator and runner | none |
//! | [`score`] | positions × prices → metrics | none |
//! | [`pool`] | sandboxes made ahead: how many, and whether one is still as it was made | none |
//! | [`run`] | observed → plan: the life of one run | none |
//! | [`operator`] | observe, enact, sessions; the only user of the Kubernetes client | yes |
//! | [`runner`] | data, interpreter, lockdown, report | yes |
//! | [`node`] | puts the seccomp profile on a node and proves it | yes |
//! | [`cli`], [`http`], [`metrics`], [`telemetry`] | the edges of the process | yes |
//!
//! `tests/architecture.rs` says who may import whom.

#![cfg_attr(
    test,
    allow(
        clippy::needless_pass_by_value,
        clippy::needless_for_each,
        clippy::float_cmp,
        reason = "literals are handed over whole in tests, and some floats have to be equal to the last bit"
    )
)]

#[cfg(feature = "operator")]
pub mod cli;
#[cfg(feature = "operator")]
pub mod config;
#[cfg(feature = "operator")]
pub mod crd;
#[cfg(feature = "operator")]
pub mod http;
#[cfg(feature = "operator")]
pub mod metrics;
#[cfg(feature = "operator")]
pub mod node;
#[cfg(feature = "operator")]
pub mod operator;
#[cfg(feature = "operator")]
pub mod pool;
#[cfg(feature = "operator")]
pub mod run;
#[cfg(feature = "runner")]
pub mod runner;
#[cfg(feature = "operator")]
pub mod sandbox;
#[cfg(feature = "runner")]
pub mod score;
#[cfg(feature = "gate")]
pub mod strategy;
#[cfg(feature = "operator")]
pub mod telemetry;
#[cfg(feature = "operator")]
pub mod validate;
pub mod wire;
