//! Classes as values: handed on, decorated from afar, made by a call. (The rules are MUT001 and DUN003.)

use std::collections::BTreeSet;

use super::super::finding::Report;
use super::super::parse::ast::{Expr, ExprCall, Keyword, Stmt};
use super::super::parse::{Ranged, bytes};
use super::super::scope::ScopeKind;
use super::super::walk::{IdentKind, Node, Role, Visit};
use super::dunder::DUN003;
use super::mutation::MUT001;
use super::{Context, decorator, pandas};

/// Names of pandas that begin like classes and are none, or have nothing to change.
const NO_CLASSES: &[&str] = &["Flags", "IndexSlice", "NA", "NaT", "NamedAgg"];
/// Methods that call what they are given with data.
const CALLERS: &[&str] = &["agg", "aggregate", "apply", "map", "pipe", "transform"];
/// The classes of enum whose call with names makes a class.
const ENUMS: &[&str] = &["Enum", "Flag", "IntEnum", "IntFlag", "StrEnum"];

/// Looks for classes in places where they could be changed or made by text.
pub(super) fn check(context: &Context<'_>, report: &mut Report<'_>) {
    for (visit, expr) in context.exprs() {
        if let Expr::Call(call) = expr {
            check_enum(context, call, report);
        }
        match reference(context, expr) {
            Some(("pandas", name)) if is_class(name) && !is_used_in_place(context, visit, true) => report.add(
                &MUT001,
                visit.range(),
                format!("the class `{name}` of pandas is handed on as a value: where it arrives it could be changed"),
                "call it, or name it where it is needed: `pd.Series(x)`, `isinstance(x, pd.Series)`",
            ),
            Some(("enum", name)) if ENUMS.contains(&name) && !is_used_in_place(context, visit, false) => report.add(
                &DUN003,
                visit.range(),
                format!("`{name}` as a value makes classes whose methods are named by text"),
                "write `class Side(Enum):` with `LONG = 1`",
            ),
            Some(("dataclasses", "dataclass") | ("functools", "total_ordering"))
                if !is_decorator(context, visit) =>
            {
                report.add(
                    &MUT001,
                    visit.range(),
                    "as a function this changes the class that it is given",
                    "use it as a decorator of your own class: `@dataclass` above `class Config:`",
                );
            }
            _ => {}
        }
    }
    check_receivers(context, report);
}

/// What of a library an expression names.
fn reference<'a>(context: &Context<'a>, expr: &'a Expr) -> Option<(&'a str, &'a str)> {
    match expr {
        Expr::Name(name) if name.ctx.is_load() => context.names.members(name.id.as_str()).next(),
        Expr::Attribute(attribute) => {
            let base = attribute.value.as_name_expr()?;
            Some((context.names.modules(base.id.as_str()).next()?, attribute.attr.as_str()))
        }
        _ => None,
    }
}

fn is_class(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && !name.ends_with("Dtype")
        && !NO_CLASSES.contains(&name)
}

/// Whether a class is called, asked, inherited, compared, matched, printed or part of a type; with `callable` also
/// whether it is given to what only calls it.
fn is_used_in_place(context: &Context<'_>, start: &Visit<'_>, callable: bool) -> bool {
    if matches!(
        start.role,
        Role::Callee
            | Role::AttributeBase
            | Role::ClassBase
            | Role::Annotation
            | Role::Operand
            | Role::Formatted
    ) || pandas::is_only_named(context, start)
    {
        return true;
    }
    let mut visit = start;
    loop {
        let Some(parent) = context.parent(visit) else { return false };
        match parent.node {
            Node::Stmt(Stmt::TypeAlias(_)) => return true,
            Node::Expr(Expr::BinOp(_) | Expr::Tuple(_)) => visit = parent,
            Node::Expr(Expr::Subscript(subscript)) => {
                return subscript.slice.range().contains_range(bytes_of(visit))
                    && is_type(context, &subscript.value);
            }
            Node::Expr(Expr::Call(call)) => return callable && is_called_there(context, call, start),
            // `Frame = pd.Series | pd.DataFrame` makes a type, not the class.
            Node::Stmt(_) => return matches!(visit.node, Node::Expr(Expr::BinOp(_))),
            _ => return false,
        }
    }
}

fn bytes_of(visit: &Visit<'_>) -> super::super::parse::TextRange {
    match visit.node {
        Node::Stmt(stmt) => stmt.range(),
        Node::Expr(expr) => expr.range(),
        Node::Pattern(pattern) => pattern.range(),
        Node::Element(element) => element.range(),
    }
}

/// `Union[…]`, `dict[…]`: what is subscripted makes a type.
fn is_type(context: &Context<'_>, base: &Expr) -> bool {
    match reference(context, base) {
        Some((module, _)) => matches!(module, "typing" | "collections.abc" | "collections"),
        None => matches!(base, Expr::Name(name)
            if matches!(name.id.as_str(), "dict" | "list" | "set" | "tuple" | "type" | "frozenset")
                && context.names.of(name.id.as_str()).is_empty()),
    }
}

/// `df.apply(pd.Series)`, `map(pd.Timestamp, dates)`, `defaultdict(pd.DataFrame)`, `field(default_factory=pd.Series)`.
fn is_called_there(context: &Context<'_>, call: &ExprCall, visit: &Visit<'_>) -> bool {
    let is_first = call.arguments.args.first().is_some_and(|first| bytes(first.range()) == visit.range());
    match &*call.func {
        callee if let Some(("typing" | "dataclasses" | "collections", name)) = reference(context, callee) => {
            match name {
                "cast" | "defaultdict" => is_first,
                "field" => call.arguments.keywords.iter().any(|keyword| {
                    keyword.arg.as_ref().is_some_and(|arg| arg.as_str() == "default_factory")
                        && bytes(keyword.value.range()) == visit.range()
                }),
                name => matches!(name, "TypeVar" | "NewType" | "NamedTuple" | "TypedDict"),
            }
        }
        Expr::Attribute(method) => {
            is_first && CALLERS.contains(&method.attr.as_str()) && !context.defines_attribute(&method.attr)
        }
        Expr::Name(name) => {
            is_first
                && matches!(name.id.as_str(), "map" | "print" | "repr" | "str")
                && context.names.of(name.id.as_str()).is_empty()
        }
        _ => false,
    }
}

/// `@dataclass` or `@dataclass(frozen=True)`.
fn is_decorator(context: &Context<'_>, visit: &Visit<'_>) -> bool {
    match visit.role {
        Role::Decorator => true,
        Role::Callee => context.parent(visit).is_some_and(|call| matches!(call.role, Role::Decorator)),
        _ => false,
    }
}

/// `Trade.close(other)`: a method taken from its class works on whatever it is given instead of an object of the class.
/// That matters for those that set attributes of `self`, use its private ones, or call by text.
fn check_receivers(context: &Context<'_>, report: &mut Report<'_>) {
    let mut methods = BTreeSet::new();
    for ident in &context.program.idents {
        let Some(Node::Expr(Expr::Attribute(attribute))) = context.node(ident.node).map(|visit| visit.node)
        else {
            continue;
        };
        let touches = ident.kind == IdentKind::AttributeStore
            || (ident.kind == IdentKind::AttributeLoad
                && (ident.text.starts_with('_') || ident.text == "filter" || CALLERS.contains(&ident.text)));
        if touches && attribute.value.as_name_expr().is_some_and(|base| base.id.as_str() == "self") {
            methods.extend(method_around(context, ident.scope));
        }
    }
    for (visit, expr) in context.exprs() {
        let Expr::Attribute(attribute) = expr else { continue };
        let from_class =
            attribute.value.as_name_expr().is_some_and(|base| context.is_own_class(base.id.as_str()));
        if !from_class || !methods.contains(attribute.attr.as_str()) {
            continue;
        }
        let on_self = matches!((visit.role, context.parent(visit).map(|parent| parent.node)),
            (Role::Callee, Some(Node::Expr(Expr::Call(call))))
                if matches!(call.arguments.args.first(), Some(Expr::Name(name)) if context.is_self(name.id.as_str())));
        if !on_self {
            report.add(
                &MUT001,
                visit.range(),
                format!(
                    "the method `{}` is taken from its class, so it may change any object",
                    attribute.attr
                ),
                "call it on an object: `trade.close()`, `key=lambda trade: trade.score()`",
            );
        }
    }
}

/// The name of the method that a scope belongs to.
fn method_around<'a>(context: &Context<'a>, scope: usize) -> Option<&'a str> {
    let scopes = &context.program.scopes;
    let mut scope = scopes.get(scope)?;
    loop {
        let parent = scopes.get(scope.parent?)?;
        if parent.kind == ScopeKind::Class {
            return match context.node(scope.node)?.node {
                Node::Stmt(Stmt::FunctionDef(def)) => Some(def.name.as_str()),
                _ => None,
            };
        }
        scope = parent;
    }
}

/// `Enum("X", {"__del__": …})` makes a class whose methods are named by text.
fn check_enum(context: &Context<'_>, call: &ExprCall, report: &mut Report<'_>) {
    if !is_enum(context, &call.func) {
        return;
    }
    let (args, keywords) = (&*call.arguments.args, &*call.arguments.keywords);
    let is = |keyword: &Keyword, name: &str| keyword.arg.as_ref().is_some_and(|arg| arg.as_str() == name);
    let lookup = args.len() == 1 && !args[0].is_starred_expr() && keywords.is_empty();
    let names = args
        .get(1)
        .or_else(|| keywords.iter().find(|keyword| is(keyword, "names")).map(|keyword| &keyword.value));
    let plain = args.len() <= 2
        && keywords.iter().all(|keyword| is(keyword, "names") || is(keyword, "start"))
        && names.is_some_and(is_written_out);
    if !lookup && !plain {
        report.add(
            &DUN003,
            bytes(call.range()),
            "an enumeration made by a call, whose members are not written out as plain names",
            "write `class Side(Enum):` with `LONG = 1`, or `Enum(\"Side\", [\"LONG\", \"SHORT\"])`",
        );
    }
}

/// Whether an expression is a class of enum or derived from one.
fn is_enum(context: &Context<'_>, callee: &Expr) -> bool {
    let mut todo = vec![callee];
    // Deeper hierarchies than this are nobody's.
    for _ in 0..32 {
        let Some(expr) = todo.pop() else { return false };
        if matches!(reference(context, expr), Some(("enum", name)) if ENUMS.contains(&name)) {
            return true;
        }
        if let Some(name) = expr.as_name_expr()
            && let Some(def) = decorator::own_class(context.program, &context.names, name.id.as_str())
        {
            todo.extend(def.arguments.iter().flat_map(|arguments| &arguments.args).take(32));
        }
    }
    false
}

/// `"LONG SHORT"`, `["LONG", "SHORT"]`, `{"LONG": 1}`, `[("LONG", 1)]` without leading underscores.
fn is_written_out(names: &Expr) -> bool {
    let plain = |expr: &Expr| match expr {
        Expr::StringLiteral(text) => {
            text.value.to_str().split([',', ' ']).all(|name| !name.trim().starts_with('_'))
        }
        _ => false,
    };
    let member = |expr: &Expr| match expr {
        Expr::Tuple(pair) => pair.elts.first().is_some_and(plain),
        Expr::List(pair) => pair.elts.first().is_some_and(plain),
        expr => plain(expr),
    };
    match names {
        Expr::List(list) => list.elts.iter().all(member),
        Expr::Tuple(tuple) => tuple.elts.iter().all(member),
        Expr::Dict(dict) => dict.items.iter().all(|item| item.key.as_ref().is_some_and(plain)),
        names => plain(names),
    }
}
