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

use std::sync::Arc;

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
    let source = canonical(bytes, source::MAX_BYTES, policy)?;
    let policy_there = policy.clone();
    let judged = parse::both(&source, policy, move |program, source| judge(program, source, &policy_there));
    let (warnings, entry) =
        judged.unwrap_or_else(|refusal| Err(refusal.unwrap_or_else(|| failed(&source, policy))))?;
    // The tree is taken apart elsewhere, and the text may still be needed for it.
    let code = Arc::try_unwrap(source).map_or_else(|shared| shared.text().to_owned(), Source::into_text);
    let sha256 = policy::hex(&Sha256::digest(code.as_bytes()));
    Ok(ValidatedStrategy { code, sha256, warnings, entry })
}

/// The text of a program of at most `limit` bytes that passes the source checks.
fn canonical(bytes: &[u8], limit: usize, policy: &Policy) -> Result<Arc<Source>, Findings> {
    let source = Source::decode(bytes, limit);
    let mut report = Report::new(&source, policy);
    source::check(&source, &mut report);
    if report.blocks() { Err(report.refusal()) } else { Ok(Arc::new(source)) }
}

/// What the rules say of a program.
fn judge(
    program: &walk::Program<'_>,
    source: &Source,
    policy: &Policy,
) -> Result<(Vec<Finding>, Entry), Findings> {
    let context = rules::Context::new(program, policy);
    let mut report = Report::new(source, policy);
    rules::run(&context, &mut report);
    match (report.finish(), context.entry) {
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
    report.refusal()
}
