//! PDS003: methods that pandas chooses by text.

use super::super::finding::Report;
use super::super::parse::ast::{Expr, ExprCall, Identifier, Keyword, Stmt, StmtClassDef};
use super::super::parse::{Ranged, bytes};
use super::super::scope::{How, ScopeKind};
use super::super::walk::{Ident, IdentKind, Node, Role};
use super::pandas::PDS003;
use super::{Context, builtins, decorator};

/// Methods whose first argument may be the name of a method.
const METHODS: &[&str] = &["agg", "aggregate", "apply", "pipe", "transform"];
/// Keyword arguments that hold such a name, in any call.
const KEYWORDS: &[&str] = &["aggfunc", "func"];
/// Options of the methods, which are no aggregations.
const OPTIONS: &[&str] =
    &["args", "axis", "by_row", "engine", "engine_kwargs", "include_groups", "raw", "result_type"];

/// Values of `engine=` that are pandas itself.
const ENGINES: &[&str] = &["cython", "python"];
/// Values of `win_type=` that are window functions.
#[rustfmt::skip]
const WINDOWS: &[&str] = &[
    "barthann", "bartlett", "blackman", "blackmanharris", "bohman", "boxcar", "cosine", "exponential",
    "gaussian", "general_gaussian", "hamming", "hann", "kaiser", "nuttall", "parzen", "taylor", "triang",
    "tukey",
];
/// Names that may be written out: they compute. Sorted.
const REDUCERS: &[&str] = &[
    "abs",
    "all",
    "any",
    "bfill",
    "corr",
    "count",
    "cov",
    "cumcount",
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "diff",
    "dropna",
    "exp",
    "ffill",
    "fillna",
    "first",
    "head",
    "idxmax",
    "idxmin",
    "kurt",
    "last",
    "log",
    "max",
    "mean",
    "median",
    "min",
    "mode",
    "ngroup",
    "nth",
    "nunique",
    "ohlc",
    "pct_change",
    "prod",
    "product",
    "quantile",
    "rank",
    "round",
    "sem",
    "shift",
    "size",
    "skew",
    "sqrt",
    "std",
    "sum",
    "tail",
    "unique",
    "var",
];

/// Runs the rule.
pub(super) fn check(context: &Context<'_>, report: &mut Report<'_>) {
    for ident in &context.program.idents {
        let is_filter = ident.text == "filter";
        if !is_filter && !METHODS.contains(&ident.text) {
            continue;
        }
        match ident.kind {
            IdentKind::AttributeLoad => {
                let visit = context.node(ident.node);
                let base = visit.and_then(|visit| match visit.node {
                    Node::Expr(Expr::Attribute(attribute)) => Some(&*attribute.value),
                    _ => None,
                });
                if base.is_some_and(|base| is_own_object(context, base, ident)) {
                    continue;
                }
                let call = visit.and_then(|visit| match (visit.role, context.parent(visit)?.node) {
                    (Role::Callee, Node::Expr(Expr::Call(call))) => Some(call),
                    _ => None,
                });
                match call {
                    Some(call) if is_filter => check_filter(context, call, report),
                    Some(call) => check_call(context, ident.text, call, report),
                    None => refuse(ident.text, bytes(ident.range), report),
                }
            }
            IdentKind::PatternAttribute => refuse(ident.text, bytes(ident.range), report),
            _ => {}
        }
    }
    for (_, expr) in context.exprs() {
        if let Expr::Call(call) = expr {
            check_keywords(context, call, report);
        }
    }
}

/// Whether a method is one that the object's own class defines: `model.transform(x)` after `model = Model()`, or
/// `self.transform(x)` in that class, or either behind methods that return `self`: `self.fit(x).transform(x)`.
fn is_own_object(context: &Context<'_>, base: &Expr, method: &Ident<'_>) -> bool {
    let (object, chain) = decorator::unchained(context, base);
    let class = match object {
        Expr::Name(name) if context.is_self(name.id.as_str()) => {
            enclosing_class(context, method.scope).filter(|def| decorator::defines(def, &chain))
        }
        _ => decorator::class_of(context, base),
    };
    // Assigned or decorated attributes of this name could be anything.
    context.defines_method(method.text) && class.is_some_and(|def| decorator::defines(def, &[method.text]))
}

/// The class statement around a scope.
fn enclosing_class<'a>(context: &Context<'a>, scope: usize) -> Option<&'a StmtClassDef> {
    let mut scope = context.program.scopes.get(scope)?;
    while scope.kind != ScopeKind::Class {
        scope = context.program.scopes.get(scope.parent?)?;
    }
    match context.node(scope.node)?.node {
        Node::Stmt(Stmt::ClassDef(def)) => Some(def),
        _ => None,
    }
}

/// `groupby(…).filter("to_csv")` calls a method by text; `df.filter(["close"])` picks columns.
fn check_filter(context: &Context<'_>, call: &ExprCall, report: &mut Report<'_>) {
    let is_columns = |expr: &Expr| matches!(expr, Expr::List(_) | Expr::ListComp(_) | Expr::Tuple(_));
    let safe = call.arguments.args.first().is_none_or(|first| match first {
        Expr::Name(name) => {
            let bindings = context.names.few_of(name.id.as_str());
            is_safe(context, first)
                || (!bindings.is_empty()
                    && bindings
                        .iter()
                        .all(|binding| matches!(binding.how, How::Assigned(value) if is_columns(value))))
        }
        Expr::StringLiteral(_) => false,
        first => is_columns(first) || is_safe(context, first),
    });
    let spread = call.arguments.keywords.iter().any(|keyword| keyword.arg.is_none());
    if !safe || spread {
        report.add(
            &PDS003,
            bytes(call.func.range()),
            "`filter` of groups may call a method chosen by text: the gate cannot see that this is only a computation",
            "pick columns with `filter(items=columns)` or `df[columns]`; groups with a lambda: `filter(lambda g: len(g) > 10)`",
        );
    }
}

fn check_call(context: &Context<'_>, method: &str, call: &ExprCall, report: &mut Report<'_>) {
    // `pipe((function, "keyword"))`
    let first = match call.arguments.args.first() {
        Some(Expr::Tuple(tuple)) if method == "pipe" => tuple.elts.first(),
        first => first,
    };
    if let Some(first) = first
        && !is_safe(context, first)
    {
        refuse(method, bytes(first.range()), report);
    }
    let named = matches!(method, "agg" | "aggregate");
    for Keyword { arg, value, .. } in &call.arguments.keywords {
        let Some(arg) = arg else {
            // `agg(**choice)`
            refuse(method, bytes(value.range()), report);
            continue;
        };
        if named && !OPTIONS.contains(&arg.as_str()) {
            // `agg(high=("close", "max"))`
            let chosen = match value {
                Expr::Tuple(tuple) if tuple.elts.len() == 2 => &tuple.elts[1],
                value => value,
            };
            if !is_safe(context, chosen) {
                refuse(method, bytes(chosen.range()), report);
            }
        }
    }
}

/// `aggfunc=` and the positional places where it may stand.
fn check_keywords(context: &Context<'_>, call: &ExprCall, report: &mut Report<'_>) {
    let name = match &*call.func {
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        Expr::Name(name) => name.id.as_str(),
        _ => "",
    };
    for Keyword { arg, value, .. } in &call.arguments.keywords {
        let loads = match arg.as_ref().map(Identifier::as_str) {
            Some("engine") => !is_one_of(value, ENGINES),
            Some("win_type") => !is_one_of(value, WINDOWS),
            _ => false,
        };
        if loads {
            report.add(
                &PDS003,
                bytes(value.range()),
                "this option loads a compiler or picks a function by name",
                "delete it: pandas chooses the engine that is there; weights of a window can be given by a lambda",
            );
        }
        if arg.as_ref().is_some_and(|arg| KEYWORDS.contains(&arg.as_str())) && !is_safe(context, value) {
            refuse(name, bytes(value.range()), report);
        }
    }
    let (place, spread) = match name {
        "pivot_table" => (3, true),
        "crosstab" => (5, true),
        "NamedAgg" => (1, true),
        _ => (usize::MAX, false),
    };
    if !spread {
        return;
    }
    let args = &call.arguments.args;
    let hidden = args.iter().any(Expr::is_starred_expr)
        || call.arguments.keywords.iter().any(|keyword| keyword.arg.is_none());
    let positional = args.iter().skip(place).find(|arg| arg.is_string_literal_expr() || !is_plain(arg));
    if hidden {
        refuse(name, bytes(call.range()), report);
    } else if let Some(arg) = positional.filter(|arg| !is_safe(context, arg)) {
        refuse(name, bytes(arg.range()), report);
    }
}

fn is_one_of(expr: &Expr, allowed: &[&str]) -> bool {
    match expr {
        Expr::NoneLiteral(_) => true,
        Expr::StringLiteral(literal) => allowed.contains(&literal.value.to_str()),
        _ => false,
    }
}

const fn is_plain(expr: &Expr) -> bool {
    matches!(expr, Expr::NumberLiteral(_) | Expr::BooleanLiteral(_) | Expr::NoneLiteral(_))
}

/// Whether a value certainly is a callable or the name of a reducer, or a list or dict of such.
fn is_safe(context: &Context<'_>, expr: &Expr) -> bool {
    let mut todo = vec![expr];
    while let Some(expr) = todo.pop() {
        match expr {
            Expr::Lambda(_) | Expr::NoneLiteral(_) => {}
            Expr::StringLiteral(literal) if REDUCERS.binary_search(&literal.value.to_str()).is_ok() => {}
            Expr::Name(name)
                if context.remember(name.id.as_str(), || name_is_safe(context, name.id.as_str())) => {}
            Expr::Attribute(attribute)
                if attribute_is_safe(context, &attribute.value, attribute.attr.as_str()) => {}
            Expr::Call(call) if makes_a_callable(context, call) => todo.extend(call.arguments.args.first()),
            Expr::Call(call) if is_named_agg(context, call) => {}
            Expr::If(choice) => todo.extend([&*choice.body, &*choice.orelse]),
            Expr::List(list) => todo.extend(&list.elts),
            Expr::Tuple(tuple) => todo.extend(&tuple.elts),
            Expr::ListComp(comprehension) => todo.push(&comprehension.elt),
            Expr::DictComp(comprehension) => todo.push(&comprehension.value),
            Expr::Dict(dict) => {
                if dict.items.iter().any(|item| item.key.is_none()) {
                    return false;
                }
                todo.extend(dict.items.iter().map(|item| &item.value));
            }
            _ => return false,
        }
    }
    true
}

/// A name that is only ever a function, a class, a lambda, a reducer's name or an allowed builtin.
fn name_is_safe(context: &Context<'_>, name: &str) -> bool {
    let bindings = context.names.of(name);
    if bindings.is_empty() {
        return builtins::is_allowed(name);
    }
    bindings.iter().all(|binding| match binding.how {
        How::Function | How::Class => decorator::is_plain(context.program, &context.names, binding),
        How::Member(..) | How::Assigned(Expr::Lambda(_)) => true,
        How::Assigned(Expr::StringLiteral(literal)) => {
            REDUCERS.binary_search(&literal.value.to_str()).is_ok()
        }
        How::Assigned(Expr::Call(call)) => {
            makes_a_callable(context, call)
                && matches!(call.arguments.args.first(), Some(Expr::Name(_) | Expr::Lambda(_)))
        }
        How::Assigned(Expr::List(list)) => list.elts.iter().all(is_reducer),
        How::Assigned(Expr::Dict(dict)) => {
            dict.items.iter().all(|item| is_reducer(&item.value)) && is_never_changed(context, name)
        }
        How::Assigned(_) | How::Deleted | How::Parameter | How::Module(_) | How::Other => false,
    }) && (!bindings.iter().any(|binding| matches!(binding.how, How::Assigned(Expr::List(_))))
        || is_never_changed(context, name))
}

fn is_reducer(expr: &Expr) -> bool {
    matches!(expr, Expr::StringLiteral(literal) if REDUCERS.binary_search(&literal.value.to_str()).is_ok())
}

/// Builtins that read a list or dict and keep no way back to it.
const READERS: &[&str] = &["enumerate", "len", "list", "print", "set", "sorted", "str", "tuple"];

/// Whether a name of a list or dict is only passed on or read: never changed through a method, an item or another name.
fn is_never_changed(context: &Context<'_>, name: &str) -> bool {
    let mut loads =
        context.program.idents.iter().filter(|ident| ident.kind == IdentKind::Load && ident.text == name);
    loads.all(|ident| {
        let Some(visit) = context.node(ident.node) else {
            return false;
        };
        let Some(Node::Expr(Expr::Call(call))) = context.parent(visit).map(|parent| parent.node) else {
            return false;
        };
        matches!(visit.role, Role::Argument)
            && match &*call.func {
                Expr::Attribute(method) => METHODS.contains(&method.attr.as_str()),
                Expr::Name(callee) => {
                    READERS.contains(&callee.id.as_str()) && context.names.of(callee.id.as_str()).is_empty()
                }
                _ => false,
            }
    })
}

/// `np.mean`, `str.lower`, `self.score` with `def score` in a class of this program.
fn attribute_is_safe(context: &Context<'_>, base: &Expr, attr: &str) -> bool {
    let mut root = base;
    let mut direct = true;
    while let Expr::Attribute(inner) = root {
        root = &inner.value;
        direct = false;
    }
    let Expr::Name(root) = root else { return false };
    let name = root.id.as_str();
    let bindings = context.names.of(name);
    let library =
        !bindings.is_empty() && bindings.iter().all(|binding| matches!(binding.how, How::Module(_)));
    let builtin = bindings.is_empty() && matches!(name, "str" | "float" | "int" | "dict" | "list" | "set");
    let own = direct && (context.is_self(name) || context.is_own_class(name)) && context.defines_method(attr);
    library || builtin || own
}

fn makes_a_callable(context: &Context<'_>, call: &ExprCall) -> bool {
    is_from(context, &call.func, "functools", "partial")
}

fn is_named_agg(context: &Context<'_>, call: &ExprCall) -> bool {
    is_from(context, &call.func, "pandas", "NamedAgg")
}

/// Whether an expression is `name` of `module`, by import or attribute, and nothing else ever.
fn is_from(context: &Context<'_>, expr: &Expr, module: &str, name: &str) -> bool {
    match expr {
        Expr::Name(own) => context.names.only_member(own.id.as_str()) == Some((module, name)),
        Expr::Attribute(attribute) => {
            let base = attribute.value.as_name_expr();
            attribute.attr.as_str() == name
                && base.and_then(|base| context.names.only_module(base.id.as_str())) == Some(module)
        }
        _ => false,
    }
}

fn refuse(method: &str, range: std::ops::Range<usize>, report: &mut Report<'_>) {
    report.add(
        &PDS003,
        range,
        format!("`{method}` may call a method chosen by text: the gate cannot see that this is only a computation"),
        "give it a name written out (\"mean\", \"sum\", \"std\", …), a lambda (`lambda x: f(x)`), a `def`, or `np.mean`; a method of your \
         own with this name needs another one",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        assert!(REDUCERS.is_sorted_by(|a, b| a < b), "{:?}", REDUCERS.windows(2).find(|w| w[0] >= w[1]));
    }
}
