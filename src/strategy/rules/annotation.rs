//! ANN: annotations written as text.

use super::super::finding::{Report, Severity};
use super::super::parse::ast::Expr;
use super::super::parse::bytes;
use super::super::walk::Role;
use super::{Context, rules};

rules! {
    /// A string annotation is more than a name.
    ///
    /// Nothing evaluates annotations here, and what could is denied; but text that looks like code misleads a reader.
    /// Write the annotation without quotes, or as a plain name. Dunder names in it are an error.
    ANN001: Warning, soft;
}

/// Runs the family.
pub(super) fn check(context: &Context<'_>, report: &mut Report<'_>) {
    for (visit, expr) in context.exprs() {
        if let (Role::Annotation, Expr::StringLiteral(literal)) = (visit.role, expr) {
            let is_type = |c: char| c.is_ascii_alphanumeric() || "_.[], |".contains(c);
            let text = literal.value.to_str();
            if text.contains("__") || !text.chars().all(is_type) {
                report.add_as(
                    &ANN001,
                    if text.contains("__") { Severity::Error } else { Severity::Warning },
                    bytes(literal.range),
                    "the string annotation is not a plain type",
                    "write the annotation without quotes: `data: pd.DataFrame`",
                );
            }
        }
    }
}
