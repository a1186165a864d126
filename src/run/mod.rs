//! The life of one run: what was observed becomes what is to be done. Pure: no clock, no IO.

mod acceptance;
mod artifacts;
mod attempt;
mod cache;
mod effect;
mod handover;
mod input;
mod judgement;
mod lifecycle;
mod observed;
mod outcome;
mod plan;
mod queue;
mod resolve;
mod status;
mod step;
#[cfg(test)]
mod tests;
mod warm;

pub use artifacts::{Artifact, Assembly, Misfit};
pub use attempt::is_ours;
pub use cache::{answers, sought};
pub use effect::{Effect, Handover, Next, Notice, Plan};
pub use input::input_hash;
pub use lifecycle::{has_open_attempt, leaves_place, wants_place};
pub use observed::{
    ClaimView, ColdReason, Gate, Intent, Line, NodeFacts, Observed, Offer, Refusal, RefusalKind, SessionView,
    Stray, Timeline,
};
pub use plan::plan;
pub use queue::{Place, Queue, Ticket};
pub use resolve::{MISSING_PROFILE, Problem, Resolved, gate_policy, missing_class, resolve};
pub use status::{is_finished, ready_reason, sentence};
pub use warm::wants_member;
