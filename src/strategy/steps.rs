//! The gate's steps by themselves, for fuzzing and for comparing its parsers with `CPython`: the same code that
//! [`super::check`] runs, without the rules behind it.

use super::finding::{Findings, Report};
use super::parse::ast::{Expr, Stmt};
use super::policy::Policy;
use super::source::{self, Source};
use super::walk::Node;
use super::{blocked, failed, isolated, parse, walk};

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
    let source = Source::decode(bytes);
    let policy = Policy::default();
    let mut report = Report::new(&source, &policy);
    source::check(&source, &mut report);
    if report.blocks() {
        return Err(blocked(report));
    }
    Ok(source.into_text())
}

/// The source checks with another limit of size, then both parsers and their comparison.
///
/// # Errors
/// Findings of the SRC, PAR and LNG rules.
pub fn read(bytes: &[u8], limit: usize) -> Result<Reading, Findings> {
    let source = Source::decode_up_to(bytes, limit);
    let policy = Policy::default();
    let mut report = Report::new(&source, &policy);
    source::check(&source, &mut report);
    if report.blocks() {
        return Err(blocked(report));
    }
    drop(report);
    let reading = isolated(move |answer| {
        // Nobody is left to be told if this fails.
        let _ = answer.send(compared(&source, &Policy::default()));
    });
    reading.unwrap_or_else(|| Err(failed(&Source::decode_up_to(bytes, limit), &policy)))
}

fn compared(source: &Source, policy: &Policy) -> Result<Reading, Findings> {
    let mut report = Report::new(source, policy);
    let Some((module, peer)) = parse::both(source, &mut report) else {
        return Err(blocked(report));
    };
    let program = walk::walk(&module.body);
    parse::compare(&program, peer, source, &mut report);
    if report.blocks() {
        return Err(blocked(report));
    }
    let count =
        |wanted: fn(&Node<'_>) -> bool| program.nodes.iter().filter(|visit| wanted(&visit.node)).count();
    let mut names: Vec<String> = program.idents.iter().map(|ident| ident.text.to_owned()).collect();
    names.sort_unstable();
    Ok(Reading {
        names,
        calls: count(|node| matches!(node, Node::Expr(Expr::Call(_)))),
        imports: count(|node| matches!(node, Node::Stmt(Stmt::Import(_) | Stmt::ImportFrom(_)))),
        attributes: count(|node| matches!(node, Node::Expr(Expr::Attribute(_)))),
    })
}
