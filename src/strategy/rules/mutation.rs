//! MUT: changing objects that are not the program's own.

use super::super::finding::Report;
use super::super::parse::ast::{Expr, ExprAttribute};
use super::super::parse::bytes;
use super::super::scope::How;
use super::super::walk::{IdentKind, Node};
use super::{Context, classes, decorator, rules};

rules! {
    /// An attribute of somebody else's object is set or deleted.
    ///
    /// Replacing `pd.Series.pct_change` changes what every later line computes. A class may set its own attributes
    /// through `self` and `cls`, a program the data attributes that its own classes declare (`trade.size = 0`), and
    /// `columns`, `index`, `name` and `names` of pandas objects may be set, and `prec` and `rounding` of
    /// `decimal.getcontext()`. Classes of pandas may be called, asked
    /// (`pd.DataFrame.from_dict`), inherited and compared, but not handed on as values, nor given to `dataclass` or
    /// `total_ordering`: where they arrive they could be changed.
    MUT001: Error, core;
}

/// Attributes of pandas objects and of contexts of `decimal` that are meant to be set.
const SETTABLE: &[&str] = &["columns", "index", "name", "names", "prec", "rounding"];

/// Runs the family.
pub(super) fn check(context: &Context<'_>, report: &mut Report<'_>) {
    classes::check(context, report);
    for ident in &context.program.idents {
        if !matches!(ident.kind, IdentKind::AttributeStore | IdentKind::AttributeDelete) {
            continue;
        }
        let Some(Node::Expr(Expr::Attribute(attribute))) = context.node(ident.node).map(|visit| visit.node)
        else {
            continue;
        };
        if is_own(context, attribute)
            || (ident.kind == IdentKind::AttributeStore && is_settable(context, attribute))
        {
            continue;
        }
        report.add(
            &MUT001,
            bytes(ident.range),
            format!("the attribute `{}` of an object that is not the program's own is changed", ident.text),
            "make a new value instead: `df = df.assign(x=…)`, `df[\"x\"] = …`; keep state in `self` or in a dict",
        );
    }
}

/// `self.x`, `cls.x`, `trade.size` after `trade = Trade()`, or where a class of this program declares `size` as data.
fn is_own(context: &Context<'_>, attribute: &ExprAttribute) -> bool {
    let on_self = matches!(&*attribute.value, Expr::Name(base) if context.is_self(base.id.as_str()));
    let attr = attribute.attr.as_str();
    on_self
        || decorator::class_of(context, &attribute.value).is_some()
        || (context.defines_attribute(attr)
            && context.names.of(attr).iter().all(|binding| !matches!(binding.how, How::Function))
            && is_below_a_value(context, attribute))
}

/// `df.columns = …`, `s.index.name = …`, `getcontext().prec = …`, but not below any other imported name.
fn is_settable(context: &Context<'_>, attribute: &ExprAttribute) -> bool {
    SETTABLE.contains(&attribute.attr.as_str())
        && (is_below_a_value(context, attribute) || is_decimal_context(context, &attribute.value))
}

/// `getcontext()` or `decimal.getcontext()`.
fn is_decimal_context(context: &Context<'_>, object: &Expr) -> bool {
    let Expr::Call(call) = object else { return false };
    match &*call.func {
        Expr::Name(name) => context.names.only_member(name.id.as_str()) == Some(("decimal", "getcontext")),
        Expr::Attribute(function) => {
            function.attr.as_str() == "getcontext"
                && matches!(&*function.value, Expr::Name(module) if context.names.only_module(module.id.as_str()) == Some("decimal"))
        }
        _ => false,
    }
}

/// Whether what an attribute is taken from begins with a name that is no module, class or imported name.
fn is_below_a_value(context: &Context<'_>, attribute: &ExprAttribute) -> bool {
    let mut base = &*attribute.value;
    loop {
        match base {
            Expr::Attribute(inner) => base = &inner.value,
            Expr::Subscript(inner) => base = &inner.value,
            Expr::Name(name) => {
                return context
                    .names
                    .of(name.id.as_str())
                    .iter()
                    .all(|binding| !matches!(binding.how, How::Module(_) | How::Member(..) | How::Class));
            }
            _ => return false,
        }
    }
}
