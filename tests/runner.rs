//! The real runner with a real Python, numpy and pandas: every outcome, the conversation, and what a strategy cannot do.
//!
//! Needs a Python of 3.11 or later with `venv`; `tests/runner/venv` makes the environment once. Runs as any user, as root
//! too, where `/proc/PID` of a non-dumpable process stays open to it; Landlock closes it all the same.

#![cfg(feature = "runner")]
#![expect(clippy::panic, reason = "what a test's helper cannot wait for is the test's failure")]

#[path = "runner/artifacts.rs"]
mod artifacts;
#[path = "runner/checks.rs"]
mod checks;
#[path = "runner/conversation.rs"]
mod conversation;
#[path = "runner/isolation.rs"]
mod isolation;
#[path = "runner/outcomes.rs"]
mod outcomes;
#[path = "runner/positions.rs"]
mod positions;
#[path = "runner/support.rs"]
mod support;
