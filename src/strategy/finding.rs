//! Findings: what a rule has against a program, where, and what to write instead.

use super::policy::Policy;
use super::rules::Rule;
use super::source::Source;

/// Longest snippet of the source that a finding quotes, in characters.
const SNIPPET: usize = 80;
/// Most findings that are kept; the rest is only counted, so that no program fills the memory with them.
const MAX_KEPT: usize = 1_000;

/// Whether a finding blocks the strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Blocks.
    Error,
    /// Is told in the status, does not block.
    Warning,
}

impl Severity {
    /// The lower-case word used in status, JSON and SARIF.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Id of a rule, such as `IMP001`. Stable across releases.
pub type RuleId = &'static str;

/// A place in the canonical text. Lines and columns count from 1, columns in code points; the end is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Line of the first character.
    pub line: u32,
    /// Column of the first character.
    pub column: u32,
    /// Line of the end.
    pub end_line: u32,
    /// Column just behind the last character.
    pub end_column: u32,
}

/// One violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that was broken.
    pub rule: RuleId,
    /// Whether it blocks.
    pub severity: Severity,
    /// Where.
    pub span: Span,
    /// Names the construct and says why it is refused.
    pub message: String,
    /// What to write instead.
    pub hint: String,
    /// The source at the span, at most 80 characters of its first line.
    pub snippet: String,
}

/// All that was found in a program, ordered by position. Holds at least one error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    items: Vec<Finding>,
    beyond: usize,
}

impl Findings {
    /// A refusal without a finding: only for states that the rules exclude.
    pub(super) const fn none() -> Self {
        Self { items: Vec::new(), beyond: 0 }
    }

    /// The findings, ordered by position; at most the 1,000 that were found first.
    #[must_use]
    pub fn items(&self) -> &[Finding] {
        &self.items
    }

    /// How many there are, those beyond the first 1,000 included.
    #[must_use]
    pub fn total(&self) -> usize {
        self.items.len() + self.beyond
    }
}

/// Collects findings while rules run; turns byte ranges into spans.
pub(super) struct Report<'a> {
    source: &'a Source,
    policy: &'a Policy,
    items: Vec<Finding>,
    beyond: usize,
    blocks: bool,
}

impl<'a> Report<'a> {
    /// An empty report on `source`.
    pub(super) const fn new(source: &'a Source, policy: &'a Policy) -> Self {
        Self { source, policy, items: Vec::new(), beyond: 0, blocks: false }
    }

    /// Notes a finding at the bytes `start..end` with the rule's own severity.
    pub(super) fn add(
        &mut self,
        rule: &Rule,
        range: std::ops::Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.add_as(rule, rule.severity, range, message, hint);
    }

    /// Notes a finding whose severity depends on the construct.
    pub(super) fn add_as(
        &mut self,
        rule: &Rule,
        severity: Severity,
        range: std::ops::Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let Some(severity) = self.policy.severity(rule, severity) else {
            return;
        };
        self.blocks |= severity == Severity::Error;
        if self.items.len() >= MAX_KEPT {
            self.beyond += 1;
            return;
        }
        self.items.push(Finding {
            rule: rule.id,
            severity,
            span: self.source.span(range.clone()),
            message: message.into(),
            hint: hint.into(),
            snippet: snippet(self.source.text(), range),
        });
    }

    /// Whether an error was found.
    pub(super) fn blocks(&self) -> bool {
        self.items.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// The findings, ordered by position, then rule; repeats of a rule at one place are dropped.
    pub(super) fn finish(mut self) -> Result<Vec<Finding>, Findings> {
        self.items.sort_by(|a, b| (a.span, a.rule).cmp(&(b.span, b.rule)));
        self.items.dedup_by(|a, b| a.span == b.span && a.rule == b.rule);
        if self.blocks { Err(Findings { items: self.items, beyond: self.beyond }) } else { Ok(self.items) }
    }

    /// The findings of a report that blocks.
    pub(super) fn refusal(self) -> Findings {
        self.finish().err().unwrap_or_else(Findings::none)
    }
}

fn snippet(text: &str, range: std::ops::Range<usize>) -> String {
    let piece = text.get(range).unwrap_or_default();
    let line = piece.lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(SNIPPET).collect()
}
