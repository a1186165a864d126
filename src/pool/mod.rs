//! Sandboxes made ahead: what was observed of a pool becomes what is to be created and deleted. Pure: no clock, no IO.

mod expectations;
mod member;
mod plan;
mod status;
mod template;
#[cfg(test)]
mod tests;
mod verify;

pub use expectations::Expectations;
pub use member::{Member, MemberState, read_member};
pub use plan::{Observed, Pause, Plan, Removal, is_young, plan};
pub use status::PoolReason;
pub use template::{MissingDataset, Template, build_template};
