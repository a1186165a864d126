//! DUN: the attributes through which Python describes itself. Every one is a way out of any restriction by names.

use super::super::finding::Report;
use super::super::parse::ast::Expr;
use super::super::parse::bytes;
use super::super::scope::ScopeKind;
use super::super::walk::{Ident, IdentKind, Node, Role};
use super::builtins::BLT001;
use super::{Context, is_dunder, rules};

rules! {
    /// A dunder attribute is used.
    ///
    /// `__class__`, `__globals__`, `__subclasses__` and their kind lead from any object to the whole interpreter.
    /// `__name__` is allowed, and `super().__init__(…)` with the methods that a class may define.
    DUN001: Error, core;
    /// A dunder name is read.
    ///
    /// `__builtins__`, `__loader__` and the like are the interpreter's own. `__name__` is allowed. Names with two leading
    /// underscores only (`__np`) are refused too: inside a class Python reads them as other names.
    DUN002: Error, core;
    /// A dunder name is bound.
    ///
    /// Classes may define the usual methods: `__init__`, `__repr__`, arithmetic, comparison, iteration, `__call__`.
    /// Others (`__del__`, `__getattr__`, `__class_getitem__`, `__match_args__`) run unseen. `__slots__` may list plain names.
    /// The members of an enumeration made by a call (`Enum("Side", "LONG SHORT")`) must be written out, without underscores.
    DUN003: Error, core;
    /// A private attribute of another object.
    ///
    /// Names with a leading underscore are a library's insides. A class may use its own through `self` and `cls`,
    /// if the program defines them.
    DUN004: Error, core;
    /// A frame, code or traceback attribute.
    ///
    /// `gi_frame`, `f_globals`, `tb_frame`, `co_code` lead out of the strategy.
    DUN005: Error, core;
    /// An attribute for introspection.
    ///
    /// `mro`, `fget`, `with_traceback`, an exception's `obj` and arrays' `ctypes` give away classes and memory.
    DUN006: Error, core;
}

/// Dunder methods and names a class may define. Sorted.
const METHODS: &[&str] = &[
    "__abs__",
    "__add__",
    "__and__",
    "__bool__",
    "__call__",
    "__ceil__",
    "__contains__",
    "__enter__",
    "__eq__",
    "__exit__",
    "__float__",
    "__floor__",
    "__floordiv__",
    "__ge__",
    "__getitem__",
    "__gt__",
    "__hash__",
    "__iadd__",
    "__iand__",
    "__imul__",
    "__index__",
    "__init__",
    "__int__",
    "__invert__",
    "__ior__",
    "__isub__",
    "__iter__",
    "__itruediv__",
    "__le__",
    "__len__",
    "__lt__",
    "__matmul__",
    "__mod__",
    "__mul__",
    "__ne__",
    "__neg__",
    "__next__",
    "__or__",
    "__pos__",
    "__post_init__",
    "__pow__",
    "__radd__",
    "__rand__",
    "__repr__",
    "__reversed__",
    "__rfloordiv__",
    "__rmod__",
    "__rmul__",
    "__ror__",
    "__round__",
    "__rpow__",
    "__rsub__",
    "__rtruediv__",
    "__rxor__",
    "__setitem__",
    "__str__",
    "__sub__",
    "__truediv__",
    "__trunc__",
    "__xor__",
];

/// Dunder names a module may set; they are only documentation.
const DOCUMENTATION: &[&str] = &["__all__", "__author__", "__version__"];

/// Private names that are the public interface of named tuples.
const NAMED_TUPLE: &[&str] = &["_asdict", "_fields", "_make", "_replace"];

/// Starts of frame, code, generator and traceback attributes.
const FRAME_PREFIXES: &[&str] = &["gi_", "cr_", "ag_", "tb_", "co_", "func_"];
/// Frame attributes.
const FRAME: &[&str] =
    &["f_back", "f_builtins", "f_code", "f_globals", "f_lasti", "f_lineno", "f_locals", "f_trace"];

/// Introspection. Sorted.
const INTROSPECTION: &[&str] = &[
    "bit_generator",
    "capsule",
    "cffi",
    "ctypes",
    "default_factory",
    "fdel",
    "fget",
    "fset",
    "getrefcount",
    "im_class",
    "im_func",
    "im_self",
    "mro",
    "name_from",
    "obj",
    "with_traceback",
];

/// Runs the family.
pub(super) fn check(context: &Context<'_>, report: &mut Report<'_>) {
    for ident in &context.program.idents {
        match ident.kind {
            IdentKind::AttributeLoad
            | IdentKind::AttributeStore
            | IdentKind::AttributeDelete
            | IdentKind::PatternAttribute
            | IdentKind::ImportedName => check_attribute(context, ident, report),
            IdentKind::Load => check_load(context, ident, report),
            IdentKind::ImportedModule => {
                for part in ident.text.split('.').filter(|part| is_dunder(part) && *part != "__future__") {
                    report.add(
                        &DUN003,
                        bytes(ident.range),
                        format!("`{part}` is not a module of a strategy"),
                        "delete the import",
                    );
                }
            }
            IdentKind::Store
            | IdentKind::Delete
            | IdentKind::Function
            | IdentKind::Class
            | IdentKind::Parameter
            | IdentKind::Alias
            | IdentKind::Keyword
            | IdentKind::Caught
            | IdentKind::Captured
            | IdentKind::Global
            | IdentKind::Nonlocal
            | IdentKind::TypeParameter => check_bound(context, ident, report),
        }
    }
}

fn check_load(context: &Context<'_>, ident: &Ident<'_>, report: &mut Report<'_>) {
    if ident.text == "__import__" {
        report.add(
            &BLT001,
            bytes(ident.range),
            "the builtin `__import__` loads modules by text",
            "write `import numpy as np` at the top; only modules of the allow-list can be imported",
        );
    } else if is_dunder(ident.text) && ident.text != "__name__" && !is_own_method(context, ident) {
        report.add(
            &DUN002,
            bytes(ident.range),
            format!("`{}` belongs to the interpreter", ident.text),
            "delete it; only `__name__` may be read",
        );
    } else if is_mangled(ident.text) {
        report.add(
            &DUN002,
            bytes(ident.range),
            format!("inside a class Python reads `{}` as another name", ident.text),
            "use at most one leading underscore",
        );
    }
}

/// `__radd__ = __add__` in a class that defines `__add__`.
fn is_own_method(context: &Context<'_>, ident: &Ident<'_>) -> bool {
    let in_class =
        context.program.scopes.get(ident.scope).is_some_and(|scope| scope.kind == ScopeKind::Class);
    in_class && METHODS.binary_search(&ident.text).is_ok() && context.names.binds_in(ident.text, ident.scope)
}

/// `__slots__ = ("size", "price")`: the names of a class's own attributes, written out.
fn is_slots(context: &Context<'_>, ident: &Ident<'_>) -> bool {
    let plain =
        |expr: &Expr| matches!(expr, Expr::StringLiteral(name) if !name.value.to_str().starts_with("__"));
    ident.text == "__slots__"
        && match context.node(ident.node).map(|visit| visit.role) {
            Some(Role::Assigned(Expr::Tuple(tuple))) => tuple.elts.iter().all(plain),
            Some(Role::Assigned(Expr::List(list))) => list.elts.iter().all(plain),
            Some(Role::Assigned(value)) => plain(value),
            _ => false,
        }
}

/// Whether Python rewrites a name inside a class (`__np` in class `A` is `_A__np`), so that what is read is not what runs.
fn is_mangled(name: &str) -> bool {
    name.len() > 2 && name.starts_with("__") && !name.ends_with("__")
}

fn check_bound(context: &Context<'_>, ident: &Ident<'_>, report: &mut Report<'_>) {
    if is_mangled(ident.text) {
        let kind = context.program.scopes.get(ident.scope).map(|scope| scope.kind);
        // `def __helper(self)` and `__count = 0` in a class are attributes, reached as `self.__helper()`.
        if kind != Some(ScopeKind::Class) || !matches!(ident.kind, IdentKind::Function | IdentKind::Store) {
            report.add(
                &DUN003,
                bytes(ident.range),
                format!("inside a class Python reads `{}` as another name", ident.text),
                "use at most one leading underscore",
            );
        }
        return;
    }
    if !is_dunder(ident.text) {
        return;
    }
    let kind = context.program.scopes.get(ident.scope).map(|scope| scope.kind);
    let allowed = match (ident.kind, kind) {
        // Stores are for `__hash__ = None`, `__radd__ = __add__`.
        (IdentKind::Function | IdentKind::Store, Some(ScopeKind::Class)) => {
            METHODS.binary_search(&ident.text).is_ok() || is_slots(context, ident)
        }
        (IdentKind::Store, Some(ScopeKind::Module)) => DOCUMENTATION.contains(&ident.text),
        _ => false,
    };
    if !allowed {
        report.add(
            &DUN003,
            bytes(ident.range),
            format!("`{}` may not be bound here: Python calls or reads it unseen", ident.text),
            "define only usual methods in classes (`__init__`, `__repr__`, `__add__`, `__call__`, …) and use plain names elsewhere",
        );
    }
}

fn check_attribute(context: &Context<'_>, ident: &Ident<'_>, report: &mut Report<'_>) {
    let name = ident.text;
    let range = bytes(ident.range);
    if is_dunder(name) {
        if name != "__name__" && !is_super_method(context, ident) {
            report.add(
                &DUN001,
                range,
                format!("the attribute `{name}` leads from an object to the interpreter"),
                dunder_hint(name),
            );
        }
    } else if FRAME.contains(&name) || FRAME_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        report.add(
            &DUN005,
            range,
            format!("the attribute `{name}` belongs to frames, code or tracebacks"),
            "choose another name; a strategy needs none of these",
        );
    } else if INTROSPECTION.binary_search(&name).is_ok() {
        report.add(
            &DUN006,
            range,
            format!("the attribute `{name}` exposes classes, properties or memory"),
            "use the value itself; for an exception use `str(error)`; for your own attribute choose another name",
        );
    } else if name.starts_with('_') && !may_be_private(context, ident) {
        report.add(
            &DUN004,
            range,
            format!("`{name}` is private to another object"),
            "use the public method; private names may only be used as `self._name` and must be defined in the program",
        );
    }
}

/// `super().__init__` and the other methods a class may define.
fn is_super_method(context: &Context<'_>, ident: &Ident<'_>) -> bool {
    let Some(visit) = context.node(ident.node) else {
        return false;
    };
    let Node::Expr(Expr::Attribute(attribute)) = visit.node else {
        return false;
    };
    let Expr::Call(call) = &*attribute.value else {
        return false;
    };
    matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "super")
        && matches!(visit.role, Role::Callee)
        && METHODS.binary_search(&ident.text).is_ok()
}

/// `self._x` and `cls._x` when the program itself defines `_x`; the public part of named tuples anywhere.
fn may_be_private(context: &Context<'_>, ident: &Ident<'_>) -> bool {
    if NAMED_TUPLE.contains(&ident.text) {
        return true;
    }
    let Some(visit) = context.node(ident.node) else {
        return false;
    };
    let Node::Expr(Expr::Attribute(attribute)) = visit.node else {
        return false;
    };
    let owner = match &*attribute.value {
        Expr::Name(name) => context.is_self(name.id.as_str()),
        // `super()._helper()`
        Expr::Call(call) => matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "super"),
        _ => false,
    };
    owner && context.defines_attribute(ident.text)
}

fn dunder_hint(name: &str) -> &'static str {
    match name {
        "__class__" => "use `isinstance(x, Class)` or `type(x).__name__`",
        "__dict__" => "write out the attributes, or use a dataclass with `dataclasses.asdict`",
        "__doc__" => "drop it: documentation has no effect on a strategy",
        "__init__" => "call `super().__init__(…)`",
        _ if METHODS.binary_search(&name).is_ok() => {
            "use the operator or the function: `len(x)`, `x + y`, `x[key]`, `str(x)`"
        }
        _ => "delete it: a strategy computes on values only",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        assert!(METHODS.is_sorted_by(|a, b| a < b), "{:?}", METHODS.windows(2).find(|w| w[0] >= w[1]));
        assert!(INTROSPECTION.is_sorted_by(|a, b| a < b));
    }
}
