//! Where a value comes from: run, else class, else configuration.

use super::acceptance;
use crate::config::Config;
use crate::crd::{
    DatasetSource, Execution, FallbackPolicy, Quantity, Reason, ResolvedSpec, ResourceLimits,
    SandboxClassSpec, Severity as ClassSeverity, StrategyRunSpec, Trials,
};
use crate::sandbox::{default_limits, requests};
use crate::strategy;
use crate::wire;

/// The least memory that interpreter, pandas and a small strategy need.
const LEAST_MEMORY: &str = "256Mi";
/// Less CPU makes no progress, less storage holds no log.
const LEAST_CPU: &str = "10m";
const LEAST_STORAGE: &str = "1Mi";

/// A run with nothing left open.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved<'a> {
    /// The dataset that the run names.
    pub dataset: &'a DatasetSource,
    /// For the runner.
    pub execution: wire::Execution,
    /// For the runner.
    pub trials: wire::Trials,
    /// For the runner.
    pub memory_bytes: u64,
    /// For the pod.
    pub requests: ResourceLimits,
    /// The same values for the status.
    pub echo: ResolvedSpec,
}

/// Why a run cannot be done as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `InvalidSpec`, or `DatasetNotFound`, which may pass.
    pub reason: Reason,
    /// Field and remedy.
    pub message: String,
}

/// Fills every gap and checks what the schema cannot.
///
/// # Errors
/// The first field that cannot be, with its remedy.
pub fn resolve<'a>(
    run: &StrategyRunSpec,
    class: &'a SandboxClassSpec,
    config: &Config,
) -> Result<Resolved<'a>, Problem> {
    let dataset = find_dataset(run, class)?;
    check_dates(run)?;
    if let Some(acceptance) = &run.acceptance {
        acceptance::read(acceptance).map_err(|bad| invalid(bad.to_string()))?;
    }
    let limits = resolve_limits(run, class, config)?;
    let memory = quantity("spec.resources.limits.memory", limits.memory.as_deref())?;
    let execution = run
        .execution
        .clone()
        .unwrap_or_default()
        .or(&class.defaults.execution.clone().unwrap_or_default())
        .or(&config.defaults.execution);
    let trials = run.trials.clone().unwrap_or_default();
    let fallback =
        run.fallback.clone().unwrap_or_default().or(&class.defaults.fallback.clone().unwrap_or_default());
    let policy = match fallback.policy.unwrap_or(config.fallback.policy) {
        FallbackPolicy::AstOnly if !config.fallback.enabled => FallbackPolicy::Fail,
        policy => policy,
    };
    let retry_deadline = fallback.retry_deadline_seconds.unwrap_or(config.fallback.retry_deadline_seconds);
    let echo = ResolvedSpec {
        execution: execution.clone(),
        limits,
        active_deadline_seconds: run
            .active_deadline_seconds
            .or(class.defaults.active_deadline_seconds)
            .unwrap_or(config.defaults.active_deadline_seconds),
        scheduling_deadline_seconds: run
            .scheduling_deadline_seconds
            .or(class.defaults.scheduling_deadline_seconds)
            .unwrap_or(config.defaults.scheduling_deadline_seconds),
        backoff_limit: run.backoff_limit.unwrap_or(config.defaults.backoff_limit),
        fallback_policy: Some(policy),
        retry_deadline_seconds: (policy == FallbackPolicy::Retry).then_some(retry_deadline),
        checks: run
            .checks
            .unwrap_or_default()
            .or(&class.defaults.checks.unwrap_or_default())
            .or(&config.defaults.checks),
    };
    Ok(Resolved {
        dataset,
        execution: resolve_execution(&execution)?,
        trials: resolve_trials(&trials)?,
        memory_bytes: memory.units(),
        requests: requests(class, config, &echo.limits),
        echo,
    })
}

/// What is said where the class is not there.
#[must_use]
pub fn missing_class(name: &str) -> String {
    format!("spec.className: there is no SandboxClass {name:?}; create it or name another one")
}

/// What is said where no node may take a sandbox of a class whose profile the node agent brings.
pub const MISSING_PROFILE: &str = "no node has proven the seccomp profile yet: see the node agent's pods";

/// The gate's policy as the class has it.
#[must_use]
pub fn gate_policy(class: &SandboxClassSpec) -> strategy::Policy {
    let severity = |severity: &ClassSeverity| match severity {
        ClassSeverity::Error => strategy::Level::Error,
        ClassSeverity::Warning => strategy::Level::Warning,
        ClassSeverity::Off => strategy::Level::Off,
    };
    strategy::Policy {
        allowed_imports: class
            .policy
            .allowed_imports
            .iter()
            .map(|import| strategy::AllowedImport {
                module: import.module.clone(),
                names: import.names.clone(),
            })
            .collect(),
        severity_overrides: class
            .policy
            .severity_overrides
            .iter()
            .map(|(id, s)| (id.clone(), severity(s)))
            .collect(),
    }
}

fn invalid(message: String) -> Problem {
    Problem { reason: Reason::InvalidSpec, message }
}

fn find_dataset<'a>(
    run: &StrategyRunSpec,
    class: &'a SandboxClassSpec,
) -> Result<&'a DatasetSource, Problem> {
    let name = &run.dataset.name;
    class.datasets.iter().find(|dataset| dataset.name == *name).ok_or_else(|| {
        let (known, class) = (class.dataset_names(), &run.class_name);
        Problem {
            reason: Reason::DatasetNotFound,
            message: format!("spec.dataset.name: class {class:?} has no dataset {name:?}; it has: {known}"),
        }
    })
}

/// The schema's pattern lets month 13 through.
fn check_dates(run: &StrategyRunSpec) -> Result<(), Problem> {
    for (field, date) in [("start", &run.dataset.start), ("end", &run.dataset.end)] {
        if let Some(date) = date {
            date.parse::<jiff::civil::Date>().map_err(|_| {
                invalid(format!("spec.dataset.{field}: {date:?} is no date; write YYYY-MM-DD"))
            })?;
        }
    }
    Ok(())
}

fn quantity(field: &str, text: Option<&str>) -> Result<Quantity, Problem> {
    text.unwrap_or_default().parse().map_err(|error| invalid(format!("{field}: {error}")))
}

fn resolve_limits(
    run: &StrategyRunSpec,
    class: &SandboxClassSpec,
    config: &Config,
) -> Result<ResourceLimits, Problem> {
    let asked = run.resources.as_ref().and_then(|resources| resources.limits.clone()).unwrap_or_default();
    let defaults = default_limits(class, config);
    let maxima = class.max_limits.clone().unwrap_or_default().or(&defaults);
    let limits = asked.or(&defaults);
    let class_name = &run.class_name;
    for (name, limit, most) in [
        ("cpu", &limits.cpu, &maxima.cpu),
        ("memory", &limits.memory, &maxima.memory),
        ("ephemeral-storage", &limits.ephemeral_storage, &maxima.ephemeral_storage),
    ] {
        let field = format!("spec.resources.limits.{name}");
        let (limit, most) = (limit.as_deref().unwrap_or_default(), most.as_deref().unwrap_or_default());
        if quantity(&field, Some(limit))? > quantity("maxLimits of the class", Some(most))? {
            return Err(invalid(format!(
                "{field}: {limit} is more than class {class_name:?} allows; write at most {most}"
            )));
        }
    }
    // The kernel takes a limit of 0 for none.
    for (name, limit, least) in
        [("cpu", &limits.cpu, LEAST_CPU), ("ephemeral-storage", &limits.ephemeral_storage, LEAST_STORAGE)]
    {
        let field = format!("spec.resources.limits.{name}");
        if quantity(&field, limit.as_deref())? < quantity(&field, Some(least))? {
            return Err(invalid(format!("{field}: write at least {least}")));
        }
    }
    let least = quantity("", Some(LEAST_MEMORY))?;
    if quantity("spec.resources.limits.memory", limits.memory.as_deref())? < least {
        return Err(invalid(format!("spec.resources.limits.memory: write at least {LEAST_MEMORY}")));
    }
    Ok(limits)
}

fn decimal(field: &str, text: Option<&str>) -> Result<f64, Problem> {
    text.and_then(|text| text.parse::<f64>().ok())
        .filter(|number| number.is_finite())
        .ok_or_else(|| invalid(format!("{field}: {:?} is no decimal number", text.unwrap_or_default())))
}

fn resolve_execution(execution: &Execution) -> Result<wire::Execution, Problem> {
    let resolved = wire::Execution {
        lag: execution.lag.unwrap_or(1),
        rebalance: execution.rebalance.unwrap_or(wire::Rebalance::D),
        fee_ratio: decimal("spec.execution.feeRatio", execution.fee_ratio.as_deref())?,
        tax_ratio: decimal("spec.execution.taxRatio", execution.tax_ratio.as_deref())?,
        initial_cash: decimal("spec.execution.initialCash", execution.initial_cash.as_deref())?,
        max_leverage: decimal("spec.execution.maxLeverage", execution.max_leverage.as_deref())?,
    };
    for (field, inside, range) in [
        ("lag", resolved.lag >= 1, "at least 1"),
        ("feeRatio", (0.0..=1.0).contains(&resolved.fee_ratio), "from 0 to 1"),
        ("taxRatio", (0.0..=1.0).contains(&resolved.tax_ratio), "from 0 to 1"),
        ("initialCash", resolved.initial_cash > 0.0, "above 0"),
        ("maxLeverage", resolved.max_leverage > 0.0, "above 0"),
    ] {
        if !inside {
            return Err(invalid(format!("spec.execution.{field}: write a number {range}")));
        }
    }
    Ok(resolved)
}

fn resolve_trials(trials: &Trials) -> Result<wire::Trials, Problem> {
    let sharpe_variance = decimal("spec.trials.sharpeVariance", Some(&trials.sharpe_variance))?;
    if sharpe_variance < 0.0 || trials.count < 1 {
        return Err(invalid("spec.trials: count is at least 1 and sharpeVariance at least 0".into()));
    }
    Ok(wire::Trials { count: trials.count, sharpe_variance })
}
