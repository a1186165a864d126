//! What a decorated function or class still is. A decorator replaces what it decorates by whatever it returns, so a
//! rule that trusts a `def` has to look at them.

use super::super::parse::ast::{Decorator, Expr, Stmt, StmtClassDef, StmtFunctionDef};
use super::super::scope::{Binding, How, Names};
use super::super::walk::{Node, Program};
use super::Context;

/// Library decorators that return a function for a function and a class for a class; the class decorators change the
/// class that they are given.
const LIBRARY: &[(&str, &str)] = &[
    ("abc", "abstractmethod"),
    ("dataclasses", "dataclass"),
    ("enum", "unique"),
    ("functools", "cache"),
    ("functools", "lru_cache"),
    ("functools", "total_ordering"),
    ("functools", "wraps"),
    ("numpy", "vectorize"),
    ("typing", "final"),
    ("typing", "overload"),
    ("typing", "override"),
    ("typing", "runtime_checkable"),
];

/// Whether what a `def` or `class` statement binds is certainly a function or class.
pub(super) fn is_plain(program: &Program<'_>, names: &Names<'_>, binding: &Binding<'_>) -> bool {
    let decorators = match program.nodes.get(binding.node).map(|visit| visit.node) {
        Some(Node::Stmt(Stmt::FunctionDef(def))) => &def.decorator_list,
        Some(Node::Stmt(Stmt::ClassDef(def))) => &def.decorator_list,
        _ => return false,
    };
    decorators.iter().all(|decorator| keeps(program, names, decorator))
}

/// Whether a decorator certainly returns a function or class.
pub(super) fn keeps(program: &Program<'_>, names: &Names<'_>, decorator: &Decorator) -> bool {
    if is_library(names, decorator) {
        return true;
    }
    let (name, called) = match &decorator.expression {
        Expr::Call(call) => (call.func.as_name_expr(), true),
        expr => (expr.as_name_expr(), false),
    };
    let bindings = name.map_or(&[][..], |name| names.few_of(name.id.as_str()));
    !bindings.is_empty()
        && bindings.iter().all(|binding| match program.nodes.get(binding.node).map(|visit| visit.node) {
            Some(Node::Stmt(Stmt::FunctionDef(def))) if matches!(binding.how, How::Function) => {
                def.decorator_list.is_empty() && returns_a_function(names, def, called)
            }
            _ => false,
        })
}

/// `@staticmethod`, `@dataclass(frozen=True)`, `@functools.lru_cache`.
fn is_library(names: &Names<'_>, decorator: &Decorator) -> bool {
    let (expr, called) = match &decorator.expression {
        Expr::Call(call) => (&*call.func, true),
        expr => (expr, false),
    };
    match expr {
        Expr::Name(name) if names.of(name.id.as_str()).is_empty() => {
            !called && matches!(name.id.as_str(), "staticmethod" | "classmethod")
        }
        Expr::Name(name) => {
            names.only_member(name.id.as_str()).is_some_and(|member| LIBRARY.contains(&member))
        }
        Expr::Attribute(attribute) => {
            let base = attribute.value.as_name_expr();
            base.and_then(|base| names.only_module(base.id.as_str()))
                .is_some_and(|module| LIBRARY.contains(&(module, attribute.attr.as_str())))
        }
        _ => false,
    }
}

/// Whether every `return` of a decorator gives what it was given or a function defined in it; with arguments
/// (`@retry(3)`) it gives the decorator proper, of which the same holds.
fn returns_a_function(names: &Names<'_>, def: &StmtFunctionDef, called: bool) -> bool {
    let mut todo = vec![(def, called)];
    while let Some((def, called)) = todo.pop() {
        let Some((returned, inner)) = returns(def) else { return false };
        for name in &returned {
            // Whatever else binds the name could give something else.
            let bindings = names.few_of(name);
            let steady = !bindings.is_empty()
                && bindings.iter().all(|binding| matches!(binding.how, How::Function | How::Parameter));
            let defined: Vec<_> = inner.iter().filter(|def| def.name.as_str() == *name).collect();
            let wrapped = defined.iter().all(|def| def.decorator_list.iter().all(|d| is_library(names, d)));
            let given = !called && takes(def).is_some_and(|parameter| parameter == *name);
            if !steady || !wrapped || (defined.is_empty() && !given) {
                return false;
            }
            if called {
                todo.extend(defined.into_iter().map(|def| (*def, false)));
            }
        }
    }
    true
}

/// The names that a function returns and the functions defined in it; `None` if it returns anything else, or nothing.
fn returns(def: &StmtFunctionDef) -> Option<(Vec<&str>, Vec<&StmtFunctionDef>)> {
    let (mut returned, mut inner) = (Vec::new(), Vec::new());
    let mut todo: Vec<&[Stmt]> = vec![&def.body];
    while let Some(body) = todo.pop() {
        for stmt in body {
            match stmt {
                Stmt::FunctionDef(def) => inner.push(def),
                Stmt::Return(stmt) => match stmt.value.as_deref() {
                    Some(Expr::Name(name)) => returned.push(name.id.as_str()),
                    _ => return None,
                },
                Stmt::If(stmt) => {
                    todo.push(&stmt.body);
                    todo.extend(stmt.elif_else_clauses.iter().map(|clause| &clause.body[..]));
                }
                Stmt::Expr(_) | Stmt::Pass(_) | Stmt::Assign(_) | Stmt::AnnAssign(_) => {}
                _ => return None,
            }
        }
    }
    (!def.is_async && !returned.is_empty()).then_some((returned, inner))
}

/// The first parameter of a function.
pub(super) fn takes(def: &StmtFunctionDef) -> Option<&str> {
    let parameters = &*def.parameters;
    parameters.posonlyargs.iter().chain(&parameters.args).next().map(|p| p.parameter.name.as_str())
}

/// The class that a name stands for, if class statements of this program are all that binds it.
pub(super) fn own_class<'a>(
    program: &Program<'a>,
    names: &Names<'a>,
    name: &str,
) -> Option<&'a StmtClassDef> {
    match names.of(name) {
        [binding] => match (binding.how, program.nodes.get(binding.node).map(|visit| visit.node)) {
            (How::Class, Some(Node::Stmt(Stmt::ClassDef(def)))) => Some(def),
            _ => None,
        },
        _ => None,
    }
}

/// The class of an object that only ever is a new one of that class: `trade` after `trade = Trade(…)`, or `Trade(…)`, or
/// either behind methods that return `self`.
pub(super) fn class_of<'a>(context: &Context<'a>, object: &Expr) -> Option<&'a StmtClassDef> {
    let (program, names) = (context.program, &context.names);
    let made = |expr: &Expr| {
        let (base, chain) = unchained(context, expr);
        let def = own_class(program, names, base.as_call_expr()?.func.as_name_expr()?.id.as_str())?;
        let plain = def.decorator_list.iter().all(|decorator| is_library(names, decorator));
        (plain && defines(def, &chain)).then_some(def)
    };
    let (base, chain) = unchained(context, object);
    let Some(name) = base.as_name_expr() else { return made(object) };
    let (first, rest) = names.few_of(name.id.as_str()).split_first()?;
    let class = |binding: &Binding<'_>| match binding.how {
        How::Assigned(value) => made(value),
        _ => None,
    };
    let def = class(first)?;
    let same = rest.iter().all(|binding| class(binding).is_some_and(|other| std::ptr::eq(def, other)));
    (same && defines(def, &chain)).then_some(def)
}

/// What methods that return `self` were called on, and these: `model` and `fit` of `model.fit(x)`.
pub(super) fn unchained<'e>(context: &Context<'_>, object: &'e Expr) -> (&'e Expr, Vec<&'e str>) {
    let (mut base, mut chain) = (object, Vec::new());
    while let Expr::Call(call) = base
        && let Expr::Attribute(method) = &*call.func
        && context.returns_self(method.attr.as_str())
    {
        chain.push(method.attr.as_str());
        base = &method.value;
    }
    (base, chain)
}

/// Whether a class itself has all these methods.
pub(super) fn defines(def: &StmtClassDef, methods: &[&str]) -> bool {
    let has = |name: &&str| {
        def.body.iter().any(|stmt| matches!(stmt, Stmt::FunctionDef(own) if own.name.as_str() == *name))
    };
    methods.iter().all(has)
}
