//! RES005: loops and iterators without an end.

use super::super::finding::{Report, Severity};
use super::super::parse::ast::{Comprehension, ExceptHandler, Expr, ExprCall, Stmt};
use super::super::parse::{Ranged, bytes};
use super::super::scope::ScopeKind;
use super::super::walk::Visit;
use super::resource::RES005;
use super::{Context, constant};

/// Builtins that read an iterator to its end. Sorted.
const EAGER: &[&str] = &["bytes", "dict", "frozenset", "list", "max", "min", "set", "sorted", "sum", "tuple"];

/// Runs the rule.
pub(super) fn check(context: &Context<'_>, report: &mut Report<'_>) {
    for (visit, stmt) in context.stmts() {
        let (endless, body, range) = match stmt {
            Stmt::While(stmt) => (constant::truth(&stmt.test) == Some(true), &stmt.body, stmt.test.range()),
            Stmt::For(stmt) => (is_endless(context, &stmt.iter), &stmt.body, stmt.iter.range()),
            _ => continue,
        };
        if endless && !leaves(body) {
            report.add_as(
                &RES005,
                if runs_at_import(context, visit) { Severity::Error } else { Severity::Warning },
                bytes(range),
                "the loop has no `break`, `return` or `raise`",
                "loop over the dates: `for date in data.index:`",
            );
        }
    }
    for (_, expr) in context.exprs() {
        let read = match expr {
            Expr::ListComp(inner) => endless_generator(context, &inner.generators),
            Expr::SetComp(inner) => endless_generator(context, &inner.generators),
            Expr::DictComp(inner) => endless_generator(context, &inner.generators),
            Expr::Call(call) => read_to_the_end(context, call),
            _ => None,
        };
        if let Some(iterator) = read {
            report.add_as(
                &RES005,
                Severity::Error,
                bytes(iterator.range()),
                "an iterator without an end is read to its end",
                "bound it: `itertools.islice(iterator, n)`, `range(n)`, or `zip(values, itertools.count())`",
            );
        }
    }
}

/// Whether a statement stands at module level or in a class body there: it runs before the strategy is called.
fn runs_at_import(context: &Context<'_>, visit: &Visit<'_>) -> bool {
    let mut scope = context.program.scopes.get(visit.scope);
    while let Some(here) = scope {
        match here.kind {
            ScopeKind::Module => return true,
            ScopeKind::Class => scope = here.parent.and_then(|parent| context.program.scopes.get(parent)),
            ScopeKind::Function | ScopeKind::Comprehension => return false,
        }
    }
    false
}

/// `count()`, `cycle(x)`, `repeat(x)` of itertools.
fn is_endless(context: &Context<'_>, expr: &Expr) -> bool {
    let Expr::Call(call) = expr else { return false };
    let function = match &*call.func {
        Expr::Name(name) => {
            let mut members = context.names.members(name.id.as_str());
            members.find(|(module, _)| *module == "itertools").map(|(_, function)| function)
        }
        Expr::Attribute(attribute) => match &*attribute.value {
            Expr::Name(name)
                if context.names.modules(name.id.as_str()).any(|module| module == "itertools") =>
            {
                Some(attribute.attr.as_str())
            }
            _ => None,
        },
        _ => None,
    };
    match function {
        Some("count" | "cycle") => true,
        Some("repeat") => call.arguments.args.len() == 1 && call.arguments.keywords.is_empty(),
        _ => false,
    }
}

fn endless_generator<'e>(context: &Context<'_>, generators: &'e [Comprehension]) -> Option<&'e Expr> {
    generators.iter().map(|generator| &generator.iter).find(|iter| is_endless(context, iter))
}

/// `list(count())`, `sum(cycle(x))`, `sum(x for i in count())`.
fn read_to_the_end<'e>(context: &Context<'_>, call: &'e ExprCall) -> Option<&'e Expr> {
    let Expr::Name(name) = &*call.func else { return None };
    if EAGER.binary_search(&name.id.as_str()).is_err() || !context.names.of(name.id.as_str()).is_empty() {
        return None;
    }
    call.arguments.args.iter().find_map(|argument| match argument {
        Expr::Generator(inner) => endless_generator(context, &inner.generators),
        argument => is_endless(context, argument).then_some(argument),
    })
}

/// Whether a loop's body can leave the loop: `break` of its own, `return` or `raise` anywhere in it.
fn leaves(body: &[Stmt]) -> bool {
    let mut todo = vec![(body, true)];
    while let Some((body, own)) = todo.pop() {
        for stmt in body {
            match stmt {
                Stmt::Return(_) | Stmt::Raise(_) => return true,
                Stmt::Break(_) if own => return true,
                Stmt::For(inner) => todo.extend([(&inner.body[..], false), (&inner.orelse[..], own)]),
                Stmt::While(inner) => todo.extend([(&inner.body[..], false), (&inner.orelse[..], own)]),
                Stmt::If(inner) => {
                    todo.push((&inner.body, own));
                    todo.extend(inner.elif_else_clauses.iter().map(|clause| (&clause.body[..], own)));
                }
                Stmt::With(inner) => todo.push((&inner.body, own)),
                Stmt::Try(inner) => {
                    todo.extend([
                        (&inner.body[..], own),
                        (&inner.orelse[..], own),
                        (&inner.finalbody[..], own),
                    ]);
                    for handler in &inner.handlers {
                        let ExceptHandler::ExceptHandler(handler) = handler;
                        todo.push((&handler.body, own));
                    }
                }
                Stmt::Match(inner) => todo.extend(inner.cases.iter().map(|case| (&case.body[..], own))),
                _ => {}
            }
        }
    }
    false
}
