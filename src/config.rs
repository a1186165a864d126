//! The operator's configuration: `config/operator.yaml` and its environment, checked once, immutable afterwards.

use crate::crd::{
    CheckMode, Checks, Execution, Fallback, FallbackPolicy, PodRetention, Quantity, ResourceLimits, Retention,
};
use crate::wire::Rebalance;
use serde::Deserialize;

/// Everything the operator does where neither run nor class says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Config {
    /// The sandbox's own settings.
    pub sandbox: SandboxConfig,
    /// What to do without a sandbox.
    pub fallback: FallbackConfig,
    /// Values for what is left out.
    pub defaults: Defaults,
    /// Namespaces to look at; empty means all.
    pub watch_namespaces: Vec<String>,
}

/// The sandbox's own settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SandboxConfig {
    /// False sends every run down path `AstOnly`.
    pub enabled: bool,
    /// UID inside the sandbox; never 0.
    pub run_as_user: i64,
    /// GID inside the sandbox; never 0.
    pub run_as_group: i64,
}

/// What to do without a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct FallbackConfig {
    /// False turns `AstOnly` into `Fail`, whatever a run or class says.
    pub enabled: bool,
    /// The policy where nobody names one.
    pub policy: FallbackPolicy,
    /// Seconds for policy `Retry`.
    pub retry_deadline_seconds: u32,
}

/// Values for what is left out. Limits and requests are complete after [`Config::from_yaml`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Defaults {
    /// What a sandbox may use.
    pub limits: ResourceLimits,
    /// What a sandbox asks the scheduler for.
    pub requests: ResourceLimits,
    /// Seconds for the strategy.
    pub active_deadline_seconds: u32,
    /// Seconds for a sandbox.
    pub scheduling_deadline_seconds: u32,
    /// More sandboxes after a lost one.
    pub backoff_limit: u32,
    /// How positions become trades.
    pub execution: Execution,
    /// Proofs that are tried on strategies.
    pub checks: Checks,
    /// What becomes of pods.
    pub pod_retention: PodRetention,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self { enabled: true, run_as_user: 1000, run_as_group: 1000 }
    }
}

impl Default for FallbackConfig {
    fn default() -> Self {
        Self { enabled: true, policy: FallbackPolicy::AstOnly, retry_deadline_seconds: 3600 }
    }
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            limits: limits("500m", "2Gi", "256Mi"),
            requests: limits("100m", "256Mi", "16Mi"),
            active_deadline_seconds: 300,
            scheduling_deadline_seconds: 30,
            backoff_limit: 2,
            execution: Execution {
                lag: Some(1),
                rebalance: Some(Rebalance::D),
                fee_ratio: Some("0".into()),
                tax_ratio: Some("0".into()),
                initial_cash: Some("1000000".into()),
                max_leverage: Some("1".into()),
            },
            checks: Checks {
                lookahead: Some(CheckMode::Warn),
                cuts: Some(2),
                determinism: Some(CheckMode::Warn),
                deadline_seconds: Some(60),
            },
            pod_retention: PodRetention {
                on_success: Some(Retention::Delete),
                on_failure: Some(Retention::Keep),
                ttl_seconds: Some(3600),
            },
        }
    }
}

fn limits(cpu: &str, memory: &str, storage: &str) -> ResourceLimits {
    ResourceLimits {
        cpu: Some(cpu.into()),
        memory: Some(memory.into()),
        ephemeral_storage: Some(storage.into()),
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not YAML of the known shape.
    #[error("failed to read the configuration: {0}")]
    Malformed(#[from] serde_saphyr::Error),
    /// A value that cannot be.
    #[error("{field}: {problem}")]
    Value {
        /// Path of the field in the file.
        field: &'static str,
        /// What is wrong and what to write.
        problem: String,
    },
}

impl Config {
    /// Reads and checks a configuration; `sandbox_enabled` is the value of the environment's `SANDBOX_ENABLED`, which
    /// wins over the file.
    ///
    /// # Errors
    /// Unknown fields, values out of range.
    pub fn from_yaml(text: &str, sandbox_enabled: Option<&str>) -> Result<Self, ConfigError> {
        let mut config: Self =
            if text.trim().is_empty() { Self::default() } else { serde_saphyr::from_str(text)? };
        match sandbox_enabled.map(str::trim) {
            None | Some("") => {}
            Some("true" | "1") => config.sandbox.enabled = true,
            Some("false" | "0") => config.sandbox.enabled = false,
            Some(other) => {
                return Err(refuse("SANDBOX_ENABLED", format!("{other:?} is neither true nor false")));
            }
        }
        config.complete();
        config.check()?;
        Ok(config)
    }

    /// Fills what a partial `limits`, `requests`, `execution`, `checks` or `podRetention` leaves out.
    fn complete(&mut self) {
        let compiled = Defaults::default();
        self.defaults.limits = self.defaults.limits.clone().or(&compiled.limits);
        self.defaults.requests = self.defaults.requests.clone().or(&compiled.requests);
        self.defaults.execution = self.defaults.execution.clone().or(&compiled.execution);
        self.defaults.checks = self.defaults.checks.or(&compiled.checks);
        self.defaults.pod_retention = self.defaults.pod_retention.clone().or(&compiled.pod_retention);
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.sandbox.run_as_user < 1 || self.sandbox.run_as_group < 1 {
            return Err(refuse(
                "sandbox.runAsUser",
                "a sandbox never runs as root: name an ID above 0".into(),
            ));
        }
        for (field, limits) in
            [("defaults.limits", &self.defaults.limits), ("defaults.requests", &self.defaults.requests)]
        {
            for text in [&limits.cpu, &limits.memory, &limits.ephemeral_storage].into_iter().flatten() {
                text.parse::<Quantity>().map_err(|error| refuse(field, error.to_string()))?;
            }
        }
        if self.defaults.active_deadline_seconds == 0 || self.defaults.scheduling_deadline_seconds == 0 {
            return Err(refuse("defaults", "deadlines are at least 1 second".into()));
        }
        if !(1..=16).contains(&self.defaults.checks.cuts.unwrap_or(1)) {
            return Err(refuse("defaults.checks.cuts", "write a number from 1 to 16".into()));
        }
        if self.defaults.checks.deadline_seconds == Some(0) {
            return Err(refuse("defaults.checks.deadlineSeconds", "deadlines are at least 1 second".into()));
        }
        Ok(())
    }
}

fn refuse(field: &'static str, problem: String) -> ConfigError {
    ConfigError::Value { field, problem }
}

impl ResourceLimits {
    /// These, and where one is left out, the other's.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            cpu: self.cpu.or_else(|| other.cpu.clone()),
            memory: self.memory.or_else(|| other.memory.clone()),
            ephemeral_storage: self.ephemeral_storage.or_else(|| other.ephemeral_storage.clone()),
        }
    }
}

impl Execution {
    /// These, and where one is left out, the other's.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            lag: self.lag.or(other.lag),
            rebalance: self.rebalance.or(other.rebalance),
            fee_ratio: self.fee_ratio.or_else(|| other.fee_ratio.clone()),
            tax_ratio: self.tax_ratio.or_else(|| other.tax_ratio.clone()),
            initial_cash: self.initial_cash.or_else(|| other.initial_cash.clone()),
            max_leverage: self.max_leverage.or_else(|| other.max_leverage.clone()),
        }
    }
}

impl PodRetention {
    /// These, and where one is left out, the other's.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            on_success: self.on_success.or(other.on_success),
            on_failure: self.on_failure.or(other.on_failure),
            ttl_seconds: self.ttl_seconds.or(other.ttl_seconds),
        }
    }
}

impl Checks {
    /// These, and where one is left out, the other's.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            lookahead: self.lookahead.or(other.lookahead),
            cuts: self.cuts.or(other.cuts),
            determinism: self.determinism.or(other.determinism),
            deadline_seconds: self.deadline_seconds.or(other.deadline_seconds),
        }
    }
}

impl Fallback {
    /// This, and where it is left out, the other's.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        Self {
            policy: self.policy.or(other.policy),
            retry_deadline_seconds: self.retry_deadline_seconds.or(other.retry_deadline_seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_says_what_is_compiled_in() {
        let shipped = Config::from_yaml(include_str!("../config/operator.yaml"), None).unwrap();
        assert_eq!(shipped, Config::from_yaml("", None).unwrap());
    }

    #[test]
    fn an_unknown_field_is_named() {
        let error = Config::from_yaml("sandbox: {enabeld: false}", None).unwrap_err();
        assert!(error.to_string().contains("enabeld"), "{error}");
    }

    #[test]
    fn the_environment_wins() {
        assert!(!Config::from_yaml("sandbox: {enabled: true}", Some("false")).unwrap().sandbox.enabled);
        assert!(Config::from_yaml("", Some("perhaps")).unwrap_err().to_string().contains("SANDBOX_ENABLED"));
    }

    #[test]
    fn root_is_refused() {
        assert!(
            Config::from_yaml("sandbox: {runAsUser: 0}", None).unwrap_err().to_string().contains("runAsUser")
        );
    }

    #[test]
    fn checks_out_of_range_are_named() {
        for (text, field) in [
            ("{cuts: 0}", "checks.cuts"),
            ("{cuts: 17}", "checks.cuts"),
            ("{deadlineSeconds: 0}", "deadlineSeconds"),
        ] {
            let error = Config::from_yaml(&format!("defaults: {{checks: {text}}}"), None).unwrap_err();
            assert!(error.to_string().contains(field), "{error}");
        }
        let config = Config::from_yaml("defaults: {checks: {lookahead: Enforce}}", None).unwrap();
        assert_eq!(config.defaults.checks.cuts, Some(2), "what is left out is as compiled");
    }

    #[test]
    fn partial_limits_keep_the_others() {
        let config = Config::from_yaml("defaults: {limits: {cpu: '1'}}", None).unwrap();
        assert_eq!(config.defaults.limits.memory.as_deref(), Some("2Gi"));
    }
}
