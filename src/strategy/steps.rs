//! The gate's steps by themselves, for fuzzing and for comparing its parsers with `CPython`: the same code that
//! [`super::check`] runs, without the rules behind it.

use super::finding::Findings;
use super::parse::ast::{Expr, Stmt};
use super::policy::Policy;
use super::source::MAX_BYTES;
use super::walk::{Node, Program};
use super::{canonical, failed, parse};

/// What both parsers read alike in a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Every identifier as often as it is written, normalised as `CPython` does it, sorted.
    pub names: Vec<String>,
    /// Calls.
    pub calls: usize,
    /// Import statements of both forms.
    pub imports: usize,
    /// Attributes of expressions.
    pub attributes: usize,
}

/// The source checks: the canonical text of `bytes`.
///
/// # Errors
/// Findings of the SRC rules.
pub fn text(bytes: &[u8]) -> Result<String, Findings> {
    Ok(canonical(bytes, MAX_BYTES, &Policy::default())?.text().to_owned())
}

/// The source checks with another limit of size, then both parsers and their comparison.
///
/// # Errors
/// Findings of the SRC, PAR and LNG rules.
pub fn read(bytes: &[u8], limit: usize) -> Result<Reading, Findings> {
    let policy = Policy::default();
    let source = canonical(bytes, limit, &policy)?;
    parse::both(&source, &policy, |program, _| reading(program))
        .map_err(|refusal| refusal.unwrap_or_else(|| failed(&source, &policy)))
}

fn reading(program: &Program<'_>) -> Reading {
    let count =
        |wanted: fn(&Node<'_>) -> bool| program.nodes.iter().filter(|visit| wanted(&visit.node)).count();
    let mut names: Vec<String> = program.idents.iter().map(|ident| ident.text.to_owned()).collect();
    names.sort_unstable();
    Reading {
        names,
        calls: count(|node| matches!(node, Node::Expr(Expr::Call(_)))),
        imports: count(|node| matches!(node, Node::Stmt(Stmt::Import(_) | Stmt::ImportFrom(_)))),
        attributes: count(|node| matches!(node, Node::Expr(Expr::Attribute(_)))),
    }
}
