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

/// Whether both are the same amounts, in whatever notation: 500m CPU are 0.5.
#[must_use]
pub fn same_limits(one: &ResourceLimits, other: &ResourceLimits) -> bool {
    let amounts = |limits: &ResourceLimits| {
        [&limits.cpu, &limits.memory, &limits.ephemeral_storage]
            .map(|text| text.as_deref().map(str::parse::<Quantity>))
    };
    amounts(one) == amounts(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_the_same_by_their_amounts() {
        let limits = |cpu: &str, memory: &str| ResourceLimits {
            cpu: Some(cpu.to_owned()),
            memory: Some(memory.to_owned()),
            ephemeral_storage: None,
        };
        let usual = limits("500m", "2Gi");
        assert!(same_limits(&usual, &limits("0.5", "2048Mi")));
        assert!(!same_limits(&usual, &limits("0.5", "2G")));
        assert!(!same_limits(&usual, &limits("5", "2Gi")));
        assert!(!same_limits(&usual, &ResourceLimits { memory: None, ..usual.clone() }));
    }
}
