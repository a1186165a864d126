//! LNG: parts of the language that a strategy has no use for.

use super::super::finding::Report;
use super::super::parse::ast::{Expr, Keyword, Stmt, StmtFor, StmtFunctionDef, StmtTry, StmtWith};
use super::super::parse::bytes;
use super::super::scope::ScopeKind;
use super::super::walk::{IdentKind, Node, Visit};
use super::parsing::PAR001;
use super::{Context, rules};

rules! {
    /// Asynchronous code, `except*` or `global`.
    ///
    /// A strategy is one function called once: nothing waits, exceptions come one at a time, and state that outlives a
    /// call would make two evaluations differ.
    LNG001: Error, core;
    /// A class header with keywords.
    ///
    /// A metaclass or `__init_subclass__` argument runs code when the class is made. Dataclasses and plain bases suffice;
    /// `total=False` of a `TypedDict` is allowed.
    LNG002: Error, core;
    /// The syntax is newer than the sandbox's Python.
    ///
    /// The sandbox runs Python 3.13; template strings, lazy imports and `except A, B:` came later.
    LNG003: Error, core;
}

/// Runs the family.
pub(super) fn check(context: &Context<'_>, report: &mut Report<'_>) {
    let asynchronous = |report: &mut Report<'_>, range| {
        report.add(
            &LNG001,
            range,
            "asynchronous code: there is nothing to wait for in a strategy",
            "write plain `def`, `for` and `with`",
        );
    };
    for (visit, stmt) in context.stmts() {
        match stmt {
            Stmt::FunctionDef(StmtFunctionDef { is_async: true, name, .. }) => {
                asynchronous(report, bytes(name.range));
            }
            Stmt::For(StmtFor { is_async: true, .. }) | Stmt::With(StmtWith { is_async: true, .. }) => {
                asynchronous(report, head(visit.range()));
            }
            Stmt::Try(StmtTry { is_star: true, .. }) => report.add(
                &LNG001,
                head(visit.range()),
                "`except*` handles exception groups, which a strategy never gets",
                "write `except`",
            ),
            Stmt::ClassDef(def) => {
                let keywords = def.arguments.iter().flat_map(|arguments| &arguments.keywords);
                for keyword in keywords.filter(|keyword| !is_total(keyword)) {
                    report.add(
                        &LNG002,
                        bytes(keyword.range),
                        "a keyword in a class header runs code when the class is made",
                        "use plain base classes; for an abstract class write `class A(ABC):`",
                    );
                }
            }
            Stmt::IpyEscapeCommand(_) => {
                report.add(&LNG003, visit.range(), "a notebook command is not Python", "delete the line");
            }
            _ => {}
        }
    }
    check_places(context, report);
    for (visit, expr) in context.exprs() {
        match expr {
            Expr::Await(_) => asynchronous(report, visit.range()),
            Expr::ListComp(inner) if inner.generators.iter().any(|g| g.is_async) => {
                asynchronous(report, visit.range());
            }
            Expr::SetComp(inner) if inner.generators.iter().any(|g| g.is_async) => {
                asynchronous(report, visit.range());
            }
            Expr::DictComp(inner) if inner.generators.iter().any(|g| g.is_async) => {
                asynchronous(report, visit.range());
            }
            Expr::Generator(inner) if inner.generators.iter().any(|g| g.is_async) => {
                asynchronous(report, visit.range());
            }
            Expr::TString(_) | Expr::IpyEscapeCommand(_) => {
                report.add(
                    &LNG003,
                    visit.range(),
                    "this syntax is newer than Python 3.13",
                    "use an f-string",
                );
            }
            _ => {}
        }
    }
    for ident in context.program.idents.iter().filter(|ident| ident.kind == IdentKind::Global) {
        report.add(
            &LNG001,
            bytes(ident.range),
            format!(
                "`global {}`: state at module level outlives a call, so two evaluations would differ",
                ident.text
            ),
            "return the value, keep it in `self`, or use `nonlocal` in a nested function",
        );
    }
}

/// `class Settings(TypedDict, total=False)`: a constant that no class runs code for.
fn is_total(keyword: &Keyword) -> bool {
    keyword.arg.as_ref().is_some_and(|arg| arg.as_str() == "total") && keyword.value.is_boolean_literal_expr()
}

/// What the grammar allows anywhere and Python only in certain places: it would fail when the sandbox compiles it.
fn check_places(context: &Context<'_>, report: &mut Report<'_>) {
    let outside = |visit: &Visit<'_>| {
        context
            .program
            .scopes
            .get(visit.scope)
            .is_some_and(|scope| matches!(scope.kind, ScopeKind::Module | ScopeKind::Class))
    };
    for visit in &context.program.nodes {
        let misplaced = match visit.node {
            Node::Stmt(Stmt::Return(_)) if outside(visit) => "`return` outside of a function",
            Node::Expr(Expr::Yield(_) | Expr::YieldFrom(_)) if outside(visit) => {
                "`yield` outside of a function"
            }
            Node::Stmt(Stmt::Break(_) | Stmt::Continue(_)) if !is_in_loop(context, visit) => {
                "`break` or `continue` outside of a loop"
            }
            _ => continue,
        };
        report.add(
            &PAR001,
            visit.range(),
            misplaced,
            "in script form assign `position` instead of returning it; else check the indentation",
        );
    }
}

fn is_in_loop(context: &Context<'_>, visit: &Visit<'_>) -> bool {
    let mut visit = visit;
    while let Some(parent) = context.parent(visit) {
        match parent.node {
            Node::Stmt(Stmt::For(_) | Stmt::While(_)) => return true,
            Node::Stmt(Stmt::FunctionDef(_) | Stmt::ClassDef(_)) => return false,
            _ => visit = parent,
        }
    }
    false
}

/// The first keyword of a statement instead of its whole body.
const fn head(range: std::ops::Range<usize>) -> std::ops::Range<usize> {
    range.start..range.start + 3
}
