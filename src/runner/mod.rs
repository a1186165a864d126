//! IO: the runner, PID 1 of a sandbox. It owns data, clock, deadline and score; the strategy owns nothing.
//!
//! ```text
//! operator ─lines→ serve ─run→ session ─order, slice→ interpreter ─fork→ evaluation
//!          ←lines─       ←report─   └─ data, report  ←replies, output─
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `lockdown.rs` | what the runner gives up and what it takes from the interpreter; all `unsafe` |
//! | `filter.rs` | stage 2, from `seccomp/strategy.json` to bytes |
//! | `serve.rs` | stdin and stdout: frames, state, the latch |
//! | `session.rs` | the one run, from start to exit code |
//! | `ending.rs` | who ends the process: report, fault or SIGTERM |
//! | `interpreter.rs` | the interpreter's process and pipes |
//! | `evaluation.rs` | one evaluation in one poll loop |
//! | `protocol.rs` | frames between runner and interpreter |
//! | `data/` | datasets and slices |
//! | `verdict.rs` | what an end means |
//! | `checks/` | look-ahead and determinism: the evaluations after the first |
//! | `report.rs` | scoring, and a report that fits |
//! | `artifacts.rs` | equity curve and trades as they are sent |
//! | `probe.rs` | facts from `/proc` and the control group |
//! | `text.rs` | escaping and cutting what a strategy wrote |
//!
//! Static, with threads and without an async runtime, whose signal driver would need a socket pair, which seccomp
//! stage 1 denies.

mod artifacts;
mod checks;
mod data;
mod ending;
mod evaluation;
mod filter;
mod interpreter;
mod lockdown;
mod output;
mod probe;
#[doc(hidden)] // its decoders are fuzzed
pub mod protocol;
mod report;
mod serve;
mod session;
mod verdict;

use std::path::PathBuf;

/// The lockdown in parts, for the bench that tells what they cost. A sandbox cannot leave any of them out.
pub mod parts {
    pub use super::filter::compile as stage_2;
    pub use super::interpreter::readable;
    pub use super::lockdown::restrict_thread as landlock;
}

/// The exit code of a runner that was told to stop before it had a report.
pub const TERMINATED: u8 = 143;
pub use crate::wire::FAULT;

/// What a runner is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Folder that holds one folder a dataset.
    pub datasets: PathBuf,
    /// The interpreter's program.
    pub python: PathBuf,
    /// The interpreter's script.
    pub script: PathBuf,
    /// Where the report is written first.
    pub termination_log: PathBuf,
    /// UID of the pod that this is (`POD_UID`); a run for another one is not taken.
    pub pod_uid: String,
    /// Dataset to read before a run comes (`STRATBOX_PRELOAD`): JSON of name, path and format.
    pub preload: Option<String>,
    /// Evaluations to fork ahead while no run comes (`STRATBOX_AHEAD`): a number, at least 1; left out, as many as fit.
    pub ahead: Option<String>,
}

/// Serves one run and returns the process's exit code: 0 when a report was written, [`TERMINATED`] or [`FAULT`]. What a
/// fault was stands on stderr.
///
/// Must be the first thing that the process does: it closes every descriptor above 2.
#[must_use]
pub fn run(options: &Options) -> u8 {
    match session::run(options) {
        Ok(()) => 0,
        Err(fault) => {
            session::complain(&fault);
            FAULT
        }
    }
}
