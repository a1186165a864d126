//! FMT: text that `str.format` reads as code. `"{0.__class__}".format(x)` takes attributes of `x` by text.

use super::super::finding::Report;
use super::super::parse::ast::{Expr, ExprAttribute};
use super::super::parse::bytes;
use super::super::walk::{IdentKind, Node, Role};
use super::{Context, rules};

rules! {
    /// A format field reaches into its value.
    ///
    /// A field of `"…".format(…)` may be a name or a number with a plain specification (`{:.2f}`), not `{0.name}`,
    /// `{0[key]}` or `{:{width}}`. Use an f-string, which is checked as code.
    FMT001: Error, core;
    /// `format` of something that is not a literal.
    ///
    /// The text could be anything. Use an f-string, or call `.format` on the literal itself. `format_map` is refused.
    FMT002: Error, core;
}

/// Runs the family.
pub(super) fn check(context: &Context<'_>, report: &mut Report<'_>) {
    for ident in &context.program.idents {
        let is_attribute = matches!(ident.kind, IdentKind::AttributeLoad | IdentKind::PatternAttribute);
        if !is_attribute || !matches!(ident.text, "format" | "format_map" | "vformat") {
            continue;
        }
        let literal = context.node(ident.node).and_then(|visit| match (visit.node, visit.role) {
            (Node::Expr(Expr::Attribute(ExprAttribute { value, .. })), Role::Callee) => match &**value {
                Expr::StringLiteral(literal) => Some(literal),
                _ => None,
            },
            _ => None,
        });
        match literal {
            Some(literal) if ident.text == "format" => {
                if let Some(problem) = problem(literal.value.to_str()) {
                    report.add(
                        &FMT001,
                        bytes(ident.range),
                        format!("the format text {problem}"),
                        "use an f-string: f\"{x.name:.2f}\", f\"{row['close']}\"",
                    );
                }
            }
            _ => report.add(
                &FMT002,
                bytes(ident.range),
                format!(
                    "`{}` on something that is not a string literal reads text that the gate cannot see",
                    ident.text
                ),
                "use an f-string: f\"{value:.2f}\"",
            ),
        }
    }
}

/// What is wrong with a format text. Malformed texts raise `ValueError` when run and are let through.
fn problem(text: &str) -> Option<&'static str> {
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '{' {
            continue;
        }
        if chars.peek() == Some(&'{') {
            chars.next();
            continue;
        }
        let mut in_specification = false;
        for c in chars.by_ref() {
            match c {
                '}' => break,
                '{' => return Some("nests a field in a field"),
                ':' => in_specification = true,
                '.' | '[' if !in_specification => {
                    return Some("takes an attribute or an element of a value by text");
                }
                _ => {}
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::problem;

    #[test]
    fn plain_fields_pass_and_reaching_ones_do_not() {
        for plain in ["{}", "{:.2f} {name!r:>10}", "{{0.x}}", "{0} and {1:,.3f}", "100%", "{", "{{{}}}"] {
            assert_eq!(problem(plain), None, "{plain}");
        }
        for reaching in ["{0.__class__}", "{x[0]}", "{:{}}", "{{{0.a}}}", "a {b.c} d", "{0!r.x}"] {
            assert!(problem(reaching).is_some(), "{reaching}");
        }
    }
}
