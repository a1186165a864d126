//! `stratbox validate`, as far as it is pure: which programs a file holds, what the gate has against them, and how
//! that is written down. Reading files and leaving with an exit code is the command line's part.

mod catalogue;
mod json;
mod lenient;
mod policy;
mod programs;
mod sarif;
mod text;

pub use catalogue::{explain, list};
pub use json::render as to_json;
pub use policy::{PolicyError, parse as parse_policy};
pub use programs::{Manifest, Program, ProgramsError, is_manifest, of_manifest, of_python};
pub use sarif::render as to_sarif;
pub use text::render as to_text;

use crate::strategy::{Finding, Policy, Severity, Span, check};
use programs::Place;

/// What the gate says about one program.
#[derive(Debug)]
pub struct Verdict {
    /// The file as it is shown.
    pub path: String,
    /// Name of the `StrategyRun`, if the program stands in one.
    pub run: Option<String>,
    /// Ordered by position.
    pub findings: Vec<Located>,
    /// Findings beyond those kept.
    pub beyond: usize,
}

impl Verdict {
    /// How many of the kept findings have that severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|located| located.finding.severity == severity).count()
    }
}

/// A finding and where it is in its file, which for a manifest is not where it is in the program.
#[derive(Debug)]
pub struct Located {
    /// As the gate has it; its own span counts from the program's begin.
    pub finding: Finding,
    /// In the file.
    pub span: Span,
    /// The file's line on which the span begins, without its end.
    pub line: String,
}

/// Judges a program.
#[must_use]
pub fn judge(program: &Program, policy: &Policy) -> Verdict {
    let (findings, beyond) = match check(program.code(), policy) {
        Ok(strategy) => (strategy.warnings().to_vec(), 0),
        Err(findings) => (findings.items().to_vec(), findings.total() - findings.items().len()),
    };
    let lines: Vec<&str> = program.text().split('\n').map(|line| line.trim_end_matches('\r')).collect();
    let line_at = |line: u32| lines.get(index(line)).copied().unwrap_or_default();
    let findings = findings
        .into_iter()
        .map(|finding| {
            let span = match program.place() {
                Place::Whole => finding.span,
                Place::Block { lines, indent } => moved(finding.span, lines, indent),
                Place::Line { line, column } => whole_line(line, column, line_at(line)),
            };
            Located { line: line_at(span.line).to_owned(), span, finding }
        })
        .collect();
    Verdict { path: program.path().to_owned(), run: program.run().map(ToOwned::to_owned), findings, beyond }
}

/// Index of a line that counts from 1.
fn index(line: u32) -> usize {
    usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1)
}

const fn moved(span: Span, lines: u32, indent: u32) -> Span {
    Span {
        line: span.line.saturating_add(lines),
        column: span.column.saturating_add(indent),
        end_line: span.end_line.saturating_add(lines),
        end_column: span.end_column.saturating_add(indent),
    }
}

fn whole_line(line: u32, column: u32, text: &str) -> Span {
    let end = u32::try_from(text.chars().count()).unwrap_or(u32::MAX).saturating_add(1);
    Span { line, column, end_line: line, end_column: end.max(column) }
}
