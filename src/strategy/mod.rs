//! The gate: what a program must look like before it gets a sandbox.
//!
//! Pure: bytes in, verdict out. `source` makes text of bytes, `parse` makes a tree of text (two parsers, compared),
//! `walk` makes flat lists of the tree, `rules` judges the lists. It is a linter with teeth, not a boundary: the
//! sandbox is what holds when a rule was too lax.

mod entry;
mod finding;
mod modules;
mod parse;
mod policy;
mod pool;
mod rules;
mod scope;
mod source;
#[doc(hidden)] // for tests of single steps
pub mod steps;
mod walk;

pub use entry::Entry;
pub use finding::{Finding, Findings, RuleId, Severity, Span};
pub use policy::{AllowedImport, ENGINE, Level, Policy};
pub use rules::{RULES, Rule};

use std::sync::mpsc::SyncSender;

use sha2::{Digest, Sha256};

use finding::Report;
use source::Source;

/// A program that passed the gate. Nothing else makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidatedStrategy {
    code: String,
    sha256: String,
    warnings: Vec<Finding>,
    entry: Entry,
}

impl ValidatedStrategy {
    /// The canonical text (UTF-8, no byte order mark, LF): exactly what was judged and what the sandbox compiles.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// SHA-256 of the canonical text's bytes, lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Findings that do not block, ordered by position.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// How the interpreter starts it.
    #[must_use]
    pub const fn entry(&self) -> Entry {
        self.entry
    }
}

/// Judges a program. Never executes any of it.
///
/// # Errors
/// Everything that was found, if any of it blocks.
pub fn check(bytes: &[u8], policy: &Policy) -> Result<ValidatedStrategy, Findings> {
    let source = Source::decode(bytes);
    let mut report = Report::new(&source, policy);
    source::check(&source, &mut report);
    if report.blocks() {
        return Err(blocked(report));
    }
    drop(report);
    let policy_there = policy.clone();
    let verdict = isolated(move |answer| {
        let mut tree = None;
        let judged = judge(&source, &policy_there, &mut tree);
        // Nobody waits until the tree is taken apart.
        let _ = answer.send(judged.map(|(warnings, entry)| (source.into_text(), warnings, entry)));
    });
    match verdict {
        Some(Ok((code, warnings, entry))) => {
            let sha256 = policy::hex(&Sha256::digest(code.as_bytes()));
            Ok(ValidatedStrategy { code, sha256, warnings, entry })
        }
        Some(Err(findings)) => Err(findings),
        None => Err(failed(&Source::decode(bytes), policy)),
    }
}

/// Works on a thread with a large stack. A panic there is an answer (`None`), not an outage.
fn isolated<T: Send + 'static>(work: impl FnOnce(SyncSender<T>) + Send + 'static) -> Option<T> {
    pool::start(work)?.recv().ok()
}

/// Judges a text that has no fault; leaves the tree in `tree`.
fn judge(
    source: &Source,
    policy: &Policy,
    tree: &mut Option<parse::ast::ModModule>,
) -> Result<(Vec<Finding>, Entry), Findings> {
    let mut report = Report::new(source, policy);
    let Some((module, peer)) = parse::both(source, &mut report) else {
        return Err(blocked(report));
    };
    let program = walk::walk(&tree.insert(module).body);
    let context = rules::Context::new(&program, policy);
    let mut judged = Report::new(source, policy);
    rules::run(&context, &mut judged);
    // What the rules say counts only of a program on which both parsers agree.
    parse::compare(&program, peer, source, &mut report);
    if report.blocks() {
        return Err(blocked(report));
    }
    match (judged.finish(), context.entry) {
        (Ok(warnings), Some(entry)) => Ok((warnings, entry)),
        (Err(findings), _) => Err(findings),
        // CON001 is core and reports this case; refused all the same if it should ever not.
        (Ok(_), None) => Err(Findings::none()),
    }
}

/// What is said of a program on which a parser failed.
fn failed(source: &Source, policy: &Policy) -> Findings {
    let mut report = Report::new(source, policy);
    report.add(
        &rules::parsing::PAR003,
        0..0,
        "a parser failed on the program",
        "write it in a simpler form; honest programs do not do this, so please report it",
    );
    blocked(report)
}

/// The findings of a report that blocks.
fn blocked(report: Report<'_>) -> Findings {
    report.finish().err().unwrap_or_else(Findings::none)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_either_parser_is_an_answer() {
        let one = |answer: SyncSender<u8>| answer.send(1).unwrap();
        assert_eq!(isolated(one), Some(1));
        assert_eq!(isolated(|_: SyncSender<u8>| panic!("the first parser")), None);
        let second = |answer: SyncSender<u8>| {
            let peer = isolated(|_: SyncSender<u8>| panic!("the second parser"));
            answer.send(peer.unwrap()).unwrap();
        };
        assert_eq!(isolated(second), None);
    }
}
