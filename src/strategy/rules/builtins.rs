//! BLT: which builtins a strategy may name. Every load counts, not only calls: `f = eval` is as good as `eval(…)`.

use super::super::entry::Entry;
use super::super::finding::Report;
use super::super::parse::ast::{Expr, ExprCall};
use super::super::parse::bytes;
use super::super::scope::{Binding, How, ScopeKind};
use super::super::walk::{IdentKind, Node, Role, Visit};
use super::{Context, is_dunder, rules};

rules! {
    /// The name is a denied builtin, or nothing at all.
    ///
    /// Only computing builtins may be named, even without calling them. `eval`, `exec`, `open`, `getattr` and the like
    /// reach the interpreter or the machine. A name that the program binds nowhere is refused too, since it would fail.
    BLT001: Error, core;
    /// `type`, `super`, `iter`, `hasattr` or `print` in a form that does more than ask or print.
    ///
    /// Allowed: `type(x)` compared, printed or followed by `.__name__`; `super().method(…)`; `iter(x)`;
    /// `hasattr(x, "name")`; `print(x)` without `file=`. As values or with more arguments they make classes and reach
    /// attributes by text.
    BLT002: Error, core;
    /// A denied builtin or an imported module is bound again.
    ///
    /// Then a reader cannot tell what the name means. Choose another name; `open` and the like may be local
    /// variables of a function.
    BLT003: Error, core;
}

/// Builtins that compute. Sorted.
const ALLOWED: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "DeprecationWarning",
    "Ellipsis",
    "Exception",
    "FloatingPointError",
    "FutureWarning",
    "IndexError",
    "KeyError",
    "LookupError",
    "NameError",
    "NotImplemented",
    "NotImplementedError",
    "OverflowError",
    "RuntimeError",
    "RuntimeWarning",
    "StopIteration",
    "TypeError",
    "UserWarning",
    "ValueError",
    "Warning",
    "ZeroDivisionError",
    "abs",
    "all",
    "any",
    "ascii",
    "bin",
    "bool",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "complex",
    "dict",
    "divmod",
    "enumerate",
    "filter",
    "float",
    "format",
    "frozenset",
    "hash",
    "hex",
    "id",
    "int",
    "isinstance",
    "issubclass",
    "len",
    "list",
    "map",
    "max",
    "min",
    "next",
    "oct",
    "ord",
    "pow",
    "print",
    "property",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "slice",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "tuple",
    "zip",
];

/// Builtins allowed in certain forms only.
const FORMS: &[&str] = &["hasattr", "iter", "super", "type"];

/// Denied builtins. Sorted. What is in no list is denied as unknown; these have a reason of their own.
const DENIED: &[&str] = &[
    "BaseException",
    "BaseExceptionGroup",
    "ExceptionGroup",
    "GeneratorExit",
    "KeyboardInterrupt",
    "SystemExit",
    "aiter",
    "anext",
    "breakpoint",
    "compile",
    "copyright",
    "credits",
    "delattr",
    "dir",
    "eval",
    "exec",
    "exit",
    "getattr",
    "globals",
    "help",
    "input",
    "license",
    "locals",
    "memoryview",
    "object",
    "open",
    "quit",
    "setattr",
    "vars",
];

/// Denied or restricted builtins whose names are everyday words of trading code: they may be local variables.
const EVERYDAY: &[&str] = &[
    "copyright",
    "credits",
    "dir",
    "exit",
    "help",
    "input",
    "iter",
    "license",
    "object",
    "open",
    "quit",
    "type",
    "vars",
];

/// Whether `name` is a builtin that computes.
pub(super) fn is_allowed(name: &str) -> bool {
    ALLOWED.binary_search(&name).is_ok()
}

/// Runs the family.
pub(super) fn check(context: &Context<'_>, report: &mut Report<'_>) {
    for ident in context.program.idents.iter().filter(|ident| ident.kind == IdentKind::Load) {
        let (name, range) = (ident.text, bytes(ident.range));
        if is_dunder(name) {
            continue;
        }
        let Some(visit) = context.node(ident.node) else {
            continue;
        };
        let bound = !context.names.of(name).is_empty();
        if DENIED.binary_search(&name).is_ok() {
            let inherits = name == "object" && matches!(visit.role, Role::ClassBase);
            if !inherits && !context.names.shields(context.program, name, ident.scope, range.start) {
                report.add(&BLT001, range, format!("the builtin `{name}` {}", reason(name)), hint(name));
            }
        } else if FORMS.contains(&name) {
            if EVERYDAY.contains(&name)
                && context.names.shields(context.program, name, ident.scope, range.start)
            {
                continue;
            }
            check_form(context, name, visit, report);
        } else if !bound && !is_allowed(name) && !is_given(context, name) {
            report.add(
                &BLT001,
                range,
                format!("`{name}` is neither defined in the program nor a builtin that a strategy may use"),
                unknown_hint(name),
            );
        }
    }
    for binding in &context.program.bindings {
        check_binding(context, binding, report);
    }
    for (visit, expr) in context.exprs() {
        if let Expr::Call(call) = expr
            && matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "print")
            && context.names.of("print").is_empty()
            && call.arguments.keywords.iter().any(|k| k.arg.as_ref().is_none_or(|arg| arg.as_str() == "file"))
        {
            report.add(
                &BLT002,
                visit.range(),
                "`print` with `file=` writes through another object",
                "delete `file=`: what is printed goes to the status of the run",
            );
        }
    }
}

/// `data` and `params` are given to the script form.
fn is_given(context: &Context<'_>, name: &str) -> bool {
    matches!(name, "data" | "params") && context.entry == Some(Entry::Script)
}

fn check_form(context: &Context<'_>, name: &str, visit: &Visit<'_>, report: &mut Report<'_>) {
    let allowed = match (visit.role, context.parent(visit)) {
        (Role::Callee, Some(call)) => match call.node {
            Node::Expr(Expr::Call(shape)) => form_is_allowed(context, name, shape, call),
            _ => false,
        },
        (Role::Annotation, _) => name == "type",
        _ => false,
    };
    if !allowed {
        let (message, hint) = match name {
            "type" => (
                "`type` may only ask for a class, to compare or print it",
                "use `isinstance(x, Class)`, or `type(x).__name__`",
            ),
            "super" => ("`super` may only be called at once, before a method", "write `super().method(…)`"),
            "iter" => (
                "`iter` takes one argument here: with two it calls a function without end",
                "use a `for` loop",
            ),
            _ => ("`hasattr` needs a literal name", "write `hasattr(x, \"columns\")`, or use `isinstance`"),
        };
        report.add(&BLT002, visit.range(), message, hint);
    }
}

fn form_is_allowed(context: &Context<'_>, name: &str, shape: &ExprCall, call: &Visit<'_>) -> bool {
    let arguments = &shape.arguments;
    let plain = arguments.keywords.is_empty() && !arguments.args.iter().any(Expr::is_starred_expr);
    let count = arguments.args.len();
    plain
        && match name {
            "iter" => count == 1,
            "super" => (count == 0 || count == 2) && matches!(call.role, Role::AttributeBase),
            "hasattr" => {
                count == 2
                    && matches!(arguments.args.get(1), Some(Expr::StringLiteral(s)) if !s.value.to_str().starts_with('_'))
            }
            _ => count == 1 && type_is_only_asked(context, call),
        }
}

/// `type(x) == C`, `type(x).__name__`, `f"{type(x)}"`, `print(type(x))`.
fn type_is_only_asked(context: &Context<'_>, call: &Visit<'_>) -> bool {
    let parent = context.parent(call).map(|parent| parent.node);
    match call.role {
        Role::Operand | Role::Formatted => true,
        Role::AttributeBase => {
            matches!(parent, Some(Node::Expr(Expr::Attribute(attribute))) if attribute.attr.as_str() == "__name__")
        }
        Role::Argument => match parent {
            Some(Node::Expr(Expr::Call(outer))) => matches!(&*outer.func, Expr::Name(callee)
                if matches!(callee.id.as_str(), "print" | "str" | "repr" | "isinstance")
                    && context.names.of(callee.id.as_str()).is_empty()),
            _ => false,
        },
        _ => false,
    }
}

fn check_binding(context: &Context<'_>, binding: &Binding<'_>, report: &mut Report<'_>) {
    let name = binding.name;
    let is_import = matches!(binding.how, How::Module(_));
    if !is_import && context.names.modules(name).next().is_some() {
        report.add(
            &BLT003,
            bytes(binding.range),
            format!("`{name}` is the name of an imported module and is bound again here"),
            format!("choose another name than `{name}` for this value"),
        );
    } else if (FORMS.contains(&name) || DENIED.binary_search(&name).is_ok()) && !may_bind(context, binding) {
        report.add(
            &BLT003,
            bytes(binding.range),
            format!("`{name}` is a builtin that strategies may not replace"),
            format!("choose another name, such as `{name}_`; inside a function `open` and the like are fine"),
        );
    }
}

/// Everyday words may be bound where the binding is certain to hide the builtin.
fn may_bind(context: &Context<'_>, binding: &Binding<'_>) -> bool {
    if EVERYDAY.binary_search(&binding.name).is_err() {
        return false;
    }
    match context.program.scopes.get(binding.scope).map(|scope| scope.kind) {
        Some(ScopeKind::Function | ScopeKind::Comprehension | ScopeKind::Class) => true,
        Some(ScopeKind::Module) => {
            context.names.shields(context.program, binding.name, binding.scope, usize::MAX)
        }
        None => false,
    }
}

fn reason(name: &str) -> &'static str {
    match name {
        "eval" | "exec" | "compile" => "runs text as code",
        "open" | "input" => "reaches outside the program",
        "getattr" | "setattr" | "delattr" => "reaches attributes by text, which the gate cannot judge",
        "globals" | "locals" | "vars" | "dir" => "exposes the interpreter's own tables",
        "breakpoint" | "help" | "exit" | "quit" | "license" | "credits" | "copyright" => {
            "belongs to the interactive interpreter"
        }
        "memoryview" => "gives raw memory",
        "object" => "is the root of the class tree; it may only be a base in a class header",
        "aiter" | "anext" => "is for asynchronous code",
        _ => "may not be caught or raised: it would outlive the sandbox's own signals",
    }
}

fn hint(name: &str) -> &'static str {
    match name {
        "eval" | "exec" | "compile" => "write the computation itself, or choose between functions in a dict",
        "open" => "the prices are in `data`, parameters in `params`; the opening price is `data[\"open\"]`",
        "input" => "read `params[\"name\"]`",
        "getattr" => "write `x.name`, or choose from a dict: `{\"mean\": lambda r: r.mean()}[name](rolling)`",
        "setattr" | "delattr" => "write `self.name = value`, or keep the values in a dict",
        "globals" | "locals" | "vars" => "keep the values in a dict of your own",
        "dir" => "write out the names that you need",
        "exit" | "quit" | "SystemExit" => "return the positions, or raise ValueError",
        "BaseException" | "KeyboardInterrupt" | "GeneratorExit" => {
            "catch or raise `Exception` or a more precise one"
        }
        "memoryview" => "use a numpy array",
        "object" => "write `class A:` without a base; for a unique marker use `None` or an Enum",
        _ => "delete it",
    }
}

fn unknown_hint(name: &str) -> String {
    match name {
        "np" => "add `import numpy as np` at the top".to_owned(),
        "pd" => "add `import pandas as pd` at the top".to_owned(),
        "math" | "statistics" | "itertools" | "functools" | "collections" | "datetime" => {
            format!("add `import {name}` at the top")
        }
        "sim" | "finlab" => "assign `position` or return it; the runner does the backtest".to_owned(),
        "open_" => "define it first: `open_ = data[\"open\"]`".to_owned(),
        "data" | "params" => "take it as a parameter: `def strategy(data, params):`".to_owned(),
        "close" | "high" | "low" | "volume" => format!("define it first: `{name} = data[\"{name}\"]`"),
        _ => format!("define `{name}` before it is used, or import it from an allowed module"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_disjoint() {
        for list in [ALLOWED, DENIED, EVERYDAY, FORMS] {
            assert!(list.is_sorted_by(|a, b| a < b), "{:?}", list.windows(2).find(|w| w[0] >= w[1]));
        }
        assert!(!DENIED.iter().any(|name| is_allowed(name)));
        assert!(EVERYDAY.iter().all(|name| DENIED.contains(name) || FORMS.contains(name)));
    }
}
