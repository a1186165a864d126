//! PDS: pandas and numpy as a way to files, evaluated text and the operating system. (PDS003 is in `dispatch.rs`.)

use super::super::finding::Report;
use super::super::modules::{self, Known};
use super::super::parse::ast::{Expr, ExprCall};
use super::super::parse::bytes;
use super::super::scope::How;
use super::super::walk::{Ident, IdentKind, Node, Role, Visit};
use super::{Context, dispatch, imports, rules};

rules! {
    /// An attribute that reads, writes or evaluates.
    ///
    /// `read_csv`, `to_pickle`, `query`, `eval`, `np.load`, `tofile` and the like, by name, on any object, called or
    /// not. Prices come in by `data`; positions go out by `return`; for `df.query("a > 1")` write `df[df["a"] > 1]`.
    PDS001: Error, core;
    /// A part of a module that is not in the allow-list, or the module itself as a value.
    ///
    /// `pd.io`, `np.testing` and `logging.handlers` reach the operating system. Of each module its computing functions
    /// may be used, always through the module's name: `np.mean(x)`, `np.linalg.norm(x)`.
    PDS002: Error, core;
    /// A method is chosen by text.
    ///
    /// `s.agg("to_csv")` calls `s.to_csv`. What is given to `agg`, `aggregate`, `apply`, `transform`, `pipe` and `aggfunc=`
    /// must be a reducer's name written out (`"mean"`), a lambda, a function of this program, or a library function; so
    /// must what is given to `filter` of groups. `engine=` may only name what pandas itself has.
    PDS003: Error, core;
    /// Plotting or display options.
    ///
    /// `plot`, `hist`, `style` and options load back ends by name. Nothing is drawn in a sandbox: delete them.
    PDS004: Error, soft;
}

/// Attributes that read, write, evaluate text or touch raw memory. Sorted.
const DENIED: &[&str] = &[
    "DataSource",
    "ExcelFile",
    "ExcelWriter",
    "HDFStore",
    "addHandler",
    "as_strided",
    "dump",
    "dumps",
    "eval",
    "fileno",
    "findCaller",
    "fromfile",
    "frompyfunc",
    "fromregex",
    "genfromtxt",
    "handlers",
    "load",
    "loadtxt",
    "loggerDict",
    "makeRecord",
    "manager",
    "memmap",
    "open_memmap",
    "popen",
    "query",
    "resize",
    "runstring",
    "save",
    "savetxt",
    "savez",
    "savez_compressed",
    "system",
    "tofile",
];

/// The writers of pandas: `to_…` methods no program may give a meaning of its own. Sorted.
const WRITERS: &[&str] = &[
    "to_clipboard",
    "to_csv",
    "to_excel",
    "to_feather",
    "to_gbq",
    "to_hdf",
    "to_html",
    "to_iceberg",
    "to_json",
    "to_latex",
    "to_markdown",
    "to_orc",
    "to_parquet",
    "to_pickle",
    "to_sql",
    "to_stata",
    "to_string",
    "to_xarray",
    "to_xml",
];

/// `to_…` methods that only convert. Sorted.
const CONVERTERS: &[&str] = &[
    "to_bytes",
    "to_datetime",
    "to_datetime64",
    "to_dict",
    "to_eng_string",
    "to_flat_index",
    "to_frame",
    "to_integral_value",
    "to_julian_date",
    "to_list",
    "to_numeric",
    "to_numpy",
    "to_offset",
    "to_period",
    "to_pydatetime",
    "to_pytimedelta",
    "to_records",
    "to_series",
    "to_timedelta",
    "to_timedelta64",
    "to_timestamp",
];

/// Modules that libraries carry as attributes. Sorted.
const CARRIED: &[&str] = &[
    "bltns",
    "builtins",
    "crackfortran",
    "ctypeslib",
    "distutils",
    "f2py",
    "importlib",
    "os",
    "posix",
    "runpy",
    "shutil",
    "socket",
    "subprocess",
    "sys",
    "testing",
];

/// Plotting and options. Sorted.
const DISPLAY: &[&str] = &[
    "boxplot",
    "describe_option",
    "get_option",
    "hist",
    "option_context",
    "options",
    "plot",
    "reset_option",
    "set_option",
    "style",
];

/// Runs the family.
pub(super) fn check(context: &Context<'_>, report: &mut Report<'_>) {
    for ident in &context.program.idents {
        match ident.kind {
            IdentKind::AttributeLoad | IdentKind::PatternAttribute => check_attribute(context, ident, report),
            IdentKind::Load => check_module_path(context, ident, report),
            _ => {}
        }
    }
    dispatch::check(context, report);
}

/// Whether an attribute name is denied on any object.
fn is_denied(context: &Context<'_>, name: &str) -> bool {
    DENIED.binary_search(&name).is_ok()
        || WRITERS.binary_search(&name).is_ok()
        || ((name.starts_with("to_") || name.starts_with("read_"))
            && CONVERTERS.binary_search(&name).is_err()
            && !context.defines_attribute(name))
}

fn check_attribute(context: &Context<'_>, ident: &Ident<'_>, report: &mut Report<'_>) {
    let name = ident.text;
    if is_denied(context, name) {
        report.add(
            &PDS001,
            bytes(ident.range),
            format!("`{name}` reads, writes or evaluates something outside the values of the strategy"),
            hint(name),
        );
    } else if CARRIED.binary_search(&name).is_ok() {
        report.add(
            &PDS002,
            bytes(ident.range),
            format!("`{name}` is a module that reaches the interpreter or the machine"),
            "use only computing functions of pandas and numpy; for your own attribute choose another name",
        );
    } else if DISPLAY.binary_search(&name).is_ok() && !context.defines_attribute(name) {
        report.add(
            &PDS004,
            bytes(ident.range),
            format!("`{name}` plots or changes display options, which loads a back end by name"),
            display_hint(name),
        );
    }
}

/// Follows a module name through its attributes to what is taken from it.
fn check_module_path(context: &Context<'_>, ident: &Ident<'_>, report: &mut Report<'_>) {
    let Some(start) = context.node(ident.node) else {
        return;
    };
    for module in context.names.modules(ident.text) {
        // A module that may not be imported is IMP001's finding already.
        if modules::lookup(module, context.policy) != Known::Unknown {
            follow(context, module, start, report);
        }
    }
    for (module, name) in context.names.members(ident.text) {
        check_form(context, module, name, start, report);
    }
}

fn follow(context: &Context<'_>, module: &str, start: &Visit<'_>, report: &mut Report<'_>) {
    let mut path = module.to_owned();
    let mut visit = start;
    loop {
        let above = context.parent(visit).map(|parent| (parent, parent.node));
        let (Role::AttributeBase, Some((parent, Node::Expr(Expr::Attribute(attribute))))) =
            (visit.role, above)
        else {
            report.add(
                &PDS002,
                visit.range(),
                format!("the module `{path}` is used as a value, so what is taken from it cannot be seen"),
                format!("use its functions by name, such as `{}`", example(&path)),
            );
            return;
        };
        let name = attribute.attr.as_str();
        let deeper = format!("{path}.{name}");
        if modules::lookup(&deeper, context.policy) != Known::Unknown {
            path = deeper;
            visit = parent;
            continue;
        }
        // Denied names are findings of their own, wherever they stand.
        let reported =
            is_denied(context, name) || name.starts_with('_') || DISPLAY.binary_search(&name).is_ok();
        if modules::allows(&path, name, context.policy) {
            check_form(context, &path, name, parent, report);
        } else if !reported || context.defines_attribute(name) {
            report.add(
                &PDS002,
                bytes(attribute.attr.range),
                format!("`{deeper}` is not in the allow-list"),
                imports::member_hint(&path, name),
            );
        }
        return;
    }
}

/// Library functions that are allowed in one form only.
fn check_form(context: &Context<'_>, module: &str, name: &str, visit: &Visit<'_>, report: &mut Report<'_>) {
    let call = match (visit.role, context.parent(visit).map(|parent| (parent.role, parent.node))) {
        (Role::Callee, Some((role, Node::Expr(Expr::Call(call))))) => Some((role, call)),
        _ => None,
    };
    match (module, name) {
        ("functools", "wraps") if !call.is_some_and(|(role, call)| wraps_a_function(context, role, call)) => {
            report.add(
                &PDS002,
                visit.range(),
                "`wraps` copies attributes by name between its arguments",
                "use it as a decorator of a wrapper only: `@wraps(function)`",
            );
        }
        ("numpy", "ndarray") if !is_only_named(context, visit) => report.add(
            &PDS002,
            visit.range(),
            "`np.ndarray` as a value makes arrays over raw memory",
            "name it only in annotations and in `isinstance(x, np.ndarray)`; make arrays with `np.zeros(n)` or `np.array(values)`",
        ),
        ("logging", "basicConfig") if !call.is_some_and(|(_, call)| configures_level(call)) => report.add(
            &PDS002,
            visit.range(),
            "`basicConfig` opens files and streams",
            "write `logging.basicConfig(level=logging.INFO)`, or use `print`",
        ),
        _ => {}
    }
}

/// Whether a class is only named: somewhere in an annotation, in the second argument of `isinstance`, or as the class
/// of a pattern.
pub(super) fn is_only_named(context: &Context<'_>, start: &Visit<'_>) -> bool {
    let mut visit = start;
    loop {
        let Some(parent) = context.parent(visit) else { return false };
        match (visit.role, parent.node) {
            (Role::Annotation, _) | (_, Node::Pattern(_)) => return true,
            (Role::Argument, Node::Expr(Expr::Call(call))) => {
                return matches!(&*call.func, Expr::Name(callee)
                    if matches!(callee.id.as_str(), "isinstance" | "issubclass")
                        && context.names.of(callee.id.as_str()).is_empty());
            }
            (
                Role::Plain,
                Node::Expr(Expr::Subscript(_) | Expr::Tuple(_) | Expr::BinOp(_) | Expr::List(_)),
            ) => {
                visit = parent;
            }
            _ => return false,
        }
    }
}

fn wraps_a_function(context: &Context<'_>, role: Role<'_>, call: &ExprCall) -> bool {
    let ([Expr::Name(name)], true) = (&*call.arguments.args, call.arguments.keywords.is_empty()) else {
        return false;
    };
    let bindings = context.names.of(name.id.as_str());
    matches!(role, Role::Decorator)
        && !bindings.is_empty()
        && bindings.iter().all(|binding| matches!(binding.how, How::Parameter | How::Function))
}

fn configures_level(call: &ExprCall) -> bool {
    call.arguments.args.is_empty()
        && call.arguments.keywords.iter().all(|keyword| {
            keyword
                .arg
                .as_ref()
                .is_some_and(|arg| matches!(arg.as_str(), "level" | "format" | "datefmt" | "force"))
        })
}

fn example(module: &str) -> &'static str {
    match module {
        "numpy" => "np.mean(x)",
        "pandas" => "pd.concat(frames)",
        "numpy.linalg" => "np.linalg.norm(x)",
        "numpy.random" => "np.random.default_rng(0)",
        "math" => "math.sqrt(x)",
        _ => "module.function(x)",
    }
}

fn display_hint(name: &str) -> &'static str {
    match name {
        "hist" => "delete it; to count by bins use `np.histogram`",
        "boxplot" => "delete it; for quartiles use `quantile([0.25, 0.5, 0.75])`",
        "plot" | "style" => "delete it: nothing is drawn; what you `print` goes to the status",
        _ => "delete it: options of pandas have no effect on a strategy",
    }
}

fn hint(name: &str) -> &'static str {
    match name {
        "query" => "write the condition: `df[df[\"close\"] > 10]`",
        "eval" => "write the computation with columns: `df[\"a\"] + df[\"b\"]`",
        "to_string" | "to_markdown" | "to_html" | "to_latex" => "write `print(df)` or `str(df)`",
        "to_json" => "use `to_dict()`",
        _ if name.starts_with("read_")
            || name.starts_with("load")
            || name == "genfromtxt"
            || name == "fromfile" =>
        {
            "the prices are in `data` (e.g. `data[\"close\"]`), settings in `params`"
        }
        _ if name.starts_with("to_")
            || name.starts_with("save")
            || name.starts_with("dump")
            || name == "tofile" =>
        {
            "delete it: the result is what `strategy` returns; `print` goes to the status"
        }
        "resize" => "use `np.pad`, `reindex` or a new array",
        "as_strided" => "use `np.lib.stride_tricks.sliding_window_view` or `rolling(n)`",
        "frompyfunc" => "use `np.vectorize` or `Series.map`",
        _ => "compute with `data` alone; for a method of your own choose another name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        for list in [DENIED, WRITERS, CONVERTERS, CARRIED, DISPLAY] {
            assert!(list.is_sorted_by(|a, b| a < b), "{:?}", list.windows(2).find(|w| w[0] >= w[1]));
        }
    }
}
