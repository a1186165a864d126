//! What a sandbox may use, and what it asks the scheduler for.

use crate::config::Config;
use crate::crd::{Quantity, ResourceLimits, SandboxClassSpec};

/// The limits of a sandbox of the class for which nobody names any; complete.
#[must_use]
pub fn default_limits(class: &SandboxClassSpec, config: &Config) -> ResourceLimits {
    class.limits.clone().unwrap_or_default().or(&config.defaults.limits)
}

/// What a sandbox with these limits asks the scheduler for. A request above its limit would be refused by the API server:
/// the limit wins.
#[must_use]
pub fn requests(class: &SandboxClassSpec, config: &Config, limits: &ResourceLimits) -> ResourceLimits {
    let wanted = class.requests.clone().unwrap_or_default().or(&config.defaults.requests);
    let least = |request: Option<String>, limit: &Option<String>| {
        let over = |r: &String| {
            let limit = limit.as_deref().unwrap_or_default().parse::<Quantity>();
            matches!((r.parse::<Quantity>(), limit), (Ok(request), Ok(limit)) if request > limit)
        };
        if request.as_ref().is_some_and(over) { limit.clone() } else { request }
    };
    ResourceLimits {
        cpu: least(wanted.cpu, &limits.cpu),
        memory: least(wanted.memory, &limits.memory),
        ephemeral_storage: least(wanted.ephemeral_storage, &limits.ephemeral_storage),
    }
}
