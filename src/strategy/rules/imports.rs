//! IMP: which modules a strategy may use. An allow-list of exact names.

use super::super::finding::Report;
use super::super::modules::{self, Known};
use super::super::parse::ast::{Alias, Stmt, StmtImport, StmtImportFrom};
use super::super::parse::bytes;
use super::super::scope::ScopeKind;
use super::{Context, rules};

rules! {
    /// The module is not in the allow-list.
    ///
    /// A strategy computes on the data it is given. It may import pandas, numpy and the computing part of the
    /// standard library; files, network, processes and the interpreter's insides are out. An administrator can add
    /// modules in the `SandboxClass`.
    IMP001: Error, core;
    /// Everything is imported from a module.
    ///
    /// `from module import *` binds names that nobody can see in the program. Import the names you use.
    IMP002: Error, core;
    /// The imported name is private, a module, or denied.
    ///
    /// Of each module only its public, computing names may be imported; submodules are reached as attributes
    /// (`np.linalg.norm`) or imported by their full name (`import numpy.linalg`).
    IMP003: Error, core;
    /// A function imports.
    ///
    /// Imports belong to the top of the program, where a reader sees what it uses.
    IMP004: Warning, soft;
    /// A relative import.
    ///
    /// A strategy is a single program; there is no package around it.
    IMP005: Error, core;
}

/// Runs the family.
pub(super) fn check(context: &Context<'_>, report: &mut Report<'_>) {
    for (visit, stmt) in context.stmts() {
        match stmt {
            Stmt::Import(StmtImport { names, .. }) => {
                for alias in names {
                    check_module(context, alias.name.as_str(), bytes(alias.name.range), report);
                }
            }
            Stmt::ImportFrom(import) => check_from(context, import, report),
            _ => continue,
        }
        if context.program.scopes.get(visit.scope).is_some_and(|scope| scope.kind != ScopeKind::Module) {
            report.add(
                &IMP004,
                visit.range(),
                "the import is inside a function or class",
                "move the import to the top of the program",
            );
        }
    }
}

fn check_from(context: &Context<'_>, import: &StmtImportFrom, report: &mut Report<'_>) {
    let StmtImportFrom { module, names, level, range, .. } = import;
    if *level > 0 {
        report.add(
            &IMP005,
            bytes(*range),
            "a relative import: there is no package around a strategy",
            "put the code into this program",
        );
        return;
    }
    let Some(module) = module else { return };
    let name = module.as_str();
    if modules::ONLY_ATTRIBUTES.contains(&name) {
        check_module(context, name, bytes(module.range), report);
        return;
    }
    match modules::lookup(name, context.policy) {
        Known::Unknown => check_module(context, name, bytes(module.range), report),
        Known::Module | Known::Package => {
            for alias in names {
                check_member(context, name, alias, report);
            }
        }
    }
}

fn check_module(context: &Context<'_>, name: &str, range: std::ops::Range<usize>, report: &mut Report<'_>) {
    if modules::ONLY_ATTRIBUTES.contains(&name) {
        report.add(
            &IMP001,
            range,
            format!("`{name}` is no module, only an attribute"),
            "write `from pandas.tseries.offsets import …`, or `pd.offsets.…`",
        );
        return;
    }
    match modules::lookup(name, context.policy) {
        Known::Module => {}
        Known::Package => report.add(
            &IMP001,
            range,
            format!("the package `{name}` itself is not in the allow-list, only a module below it"),
            "import the module you need by its full name, such as `import pandas.api.types`",
        ),
        Known::Unknown => report.add(
            &IMP001,
            range,
            format!("the module `{name}` is not in the allow-list: a strategy only computes on the data it is given"),
            hint(name),
        ),
    }
}

fn check_member(context: &Context<'_>, module: &str, alias: &Alias, report: &mut Report<'_>) {
    let name = alias.name.as_str();
    let range = bytes(alias.name.range);
    if name == "*" {
        report.add(
            &IMP002,
            range,
            format!("`from {module} import *` binds names that cannot be seen"),
            format!("write `import {module}` or name what you need: `from {module} import …`"),
        );
    } else if modules::lookup(&format!("{module}.{name}"), context.policy) != Known::Unknown {
        report.add(
            &IMP003,
            range,
            format!(
                "`{name}` is a module: only functions, classes and constants may be imported from `{module}`"
            ),
            format!("write `import {module}.{name}` or use `{module}.{name}` by attribute"),
        );
    } else if !modules::allows(module, name, context.policy) {
        report.add(
            &IMP003,
            range,
            format!("`{name}` of `{module}` may not be imported: it is private, a module, or does more than compute"),
            member_hint(module, name),
        );
    }
}

/// What to use instead of a name of an allowed module.
pub(super) fn member_hint(module: &str, name: &str) -> String {
    let replaced = match (module, name) {
        ("numpy", "NaN" | "NAN") => "numpy 2 spells it `np.nan`",
        ("numpy", "Inf" | "Infinity" | "PINF" | "infty") => "numpy 2 spells it `np.inf`",
        ("numpy", "float" | "int" | "bool8" | "object" | "str") => {
            "numpy 2 has no such alias: use Python's own type, or `np.float64`, `np.int64`"
        }
        ("numpy", "float_") => "numpy 2 spells it `np.float64`",
        ("numpy", "row_stack") => "numpy 2 spells it `np.vstack`",
        ("numpy", "in1d") => "numpy 2 spells it `np.isin`",
        ("numpy", "trapz") => "numpy 2 spells it `np.trapezoid`",
        ("numpy", "product" | "cumproduct") => "numpy 2 spells it `np.prod` or `np.cumprod`",
        ("numpy.lib.stride_tricks", _) => "use `sliding_window_view`, which is bounds-checked",
        ("logging", _) => "use `logging.getLogger(__name__)` and its methods, or `print`",
        ("typing", _) => "annotations are never evaluated here: use plain types",
        ("pandas", _) if name.starts_with("read_") => {
            "the prices are in `data` already: use `data[\"close\"]`"
        }
        ("pandas", "set_option" | "options" | "option_context") => {
            "drop it: display options have no effect here"
        }
        ("functools", _) => "use a lambda or a def",
        _ => {
            return format!(
                "use another function of `{module}`, or compute it from `data` with pandas and numpy"
            );
        }
    };
    replaced.to_owned()
}

/// What to do instead of importing a module.
fn hint(module: &str) -> String {
    let root = module.split('.').next().unwrap_or(module);
    let hint = match root {
        "finlab" => {
            "there is no finlab here: delete the import and use the given `data`: data.get('price:收盤價') becomes \
             data[\"close\"] (open, high, low, volume likewise); then assign `position` (dates × symbols) instead of calling sim()"
        }
        "random" | "secrets" | "uuid" => {
            "use `rng = np.random.default_rng(seed)`: a backtest must be reproducible"
        }
        "re" | "regex" | "string" => "use methods of str (`split`, `startswith`, `in`) or of `Series.str`",
        "operator" => "use a lambda: `lambda row: row[1]`",
        "copy" => "use the object's own `.copy()`, or `list(x)`, `dict(x)`",
        "time" | "calendar" | "zoneinfo" | "pytz" | "dateutil" => {
            "use `datetime`, or the dates of `data.index`"
        }
        "warnings" => "delete it: warnings do not disturb a strategy",
        "json" | "csv" | "pickle" | "io" | "configparser" | "yaml" => {
            "drop it: values come in by `data` and `params`"
        }
        "talib" | "ta" | "pandas_ta" | "tulipy" | "finta" => {
            "compute the indicator with pandas: `close.rolling(n).mean()`, `close.ewm(span=n).mean()`, `close.diff()`"
        }
        "scipy" | "sklearn" | "statsmodels" | "torch" | "tensorflow" | "xgboost" | "lightgbm" | "numba"
        | "polars" => "use numpy and pandas: `np.polyfit`, `np.linalg.lstsq`, `rolling().corr()`",
        "yfinance" | "requests" | "urllib" | "http" | "socket" | "aiohttp" | "pandas_datareader" | "ccxt"
        | "akshare" | "tushare" => "there is no network: the prices are in `data`, e.g. `data[\"close\"]`",
        "matplotlib" | "seaborn" | "plotly" | "mplfinance" => {
            "drop it: the runner scores and nothing is drawn"
        }
        "backtrader" | "vectorbt" | "zipline" | "bt" | "backtesting" | "quantstats" | "pyfolio"
        | "empyrical" => {
            "return target positions from `strategy(data)`; the runner does the backtest and the metrics"
        }
        "os" | "sys" | "subprocess" | "shutil" | "pathlib" | "ctypes" | "importlib" | "builtins" | "glob" => {
            "delete it: a strategy has no files, processes or interpreter; use `data` and `params`"
        }
        "six" | "future" => "delete it: this is Python 3.13",
        _ => return format!("use one of: {}", modules::top_level()),
    };
    hint.to_owned()
}
