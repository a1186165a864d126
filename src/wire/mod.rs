//! What operator and runner say to each other over `attach`: JSON lines, one frame a line.
//!
//! Pure: encoding, decoding and checking, no IO. The only module that both binaries share besides the scoring types.
//! The container's stdout is also its log, so `kubectl logs` of a sandbox shows the same lines.
//!
//! Operator → runner: [`Inbound`], each line preceded by a newline, so that a half-sent line of a dead operator
//! ends there and harms nothing. Runner → operator: [`Outbound`].

mod artifact;
mod checks;
mod frame;
mod metrics;
mod report;
mod run;
mod text;

pub use artifact::{ArtifactHead, ArtifactKind, ArtifactPiece, MAX_ARTIFACTS, MAX_PIECE};
pub use checks::{
    CheckResult, CheckResults, Checks, DeterminismResult, Difference, Layer, LookaheadResult, Variation,
};
pub use frame::{
    FrameError, Hello, Inbound, MAX_INBOUND_LINE, MAX_OUTBOUND_LINE, Outbound, Progress, Stage, State,
};
pub use metrics::Metrics;
pub use report::{
    Durations, Evidence, Expected, Invalid, Isolation, MAX_OUTPUT, MAX_REPORT, MAX_TAIL, Outcome, Report,
    StrategyFault,
};
pub use run::{
    Accepted, Dataset, DatasetFormat, Execution, Limits, MOST_AHEAD, Rebalance, Run, RunError, SCHEMA,
    Trials, hex, sha256_hex,
};
pub use text::{clean, cost, escaped, head, is_deceptive, tail};

/// The runner's exit code for a fault of the sandbox itself.
pub const FAULT: u8 = 70;
