//! Text to tree. The only place that names the parser crates.
//!
//! Two independent parsers read every program. The ruff family gives the tree that the rules walk, since it
//! normalises identifiers as `CPython` does and knows the newest syntax; rustpython-parser is the second opinion: a
//! program that only one of them accepts, or that they read differently, is refused.
//!
//! Both can overflow a small stack with hostile nesting, and a stack overflow ends the whole process. So depth is
//! bounded on the tokens first ([`depth`]), and both parsers run on threads with a large stack. Only the text is taken apart on
//! the caller's: that is no recursion, and while it goes on the second parser is at work on what came out.

mod depth;
mod fingerprint;
mod first;
mod peer;

pub(super) use ruff_python_ast as ast;
pub(super) use ruff_text_size::{Ranged, TextRange};

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use ruff_python_ast::PythonVersion;
use ruff_python_parser::{Mode, ParseOptions, UnsupportedSyntaxErrorKind, parse_unchecked};

use super::finding::{Findings, Report};
use super::policy::Policy;
use super::pool;
use super::rules::{language, parsing, source as source_rules};
use super::source::Source;
use super::walk::{Program, walk};
use fingerprint::{Fingerprint, difference};
use first::First;
use rustpython_parser::lexer::LexResult;

/// The Python of the sandbox image. Syntax newer than this is refused (LNG003).
const SANDBOX_PYTHON: PythonVersion = PythonVersion::PY313;
/// The last Python without PEP 701; the second parser reads f-strings as it did.
const BEFORE_PEP_701: PythonVersion = PythonVersion::PY311;

/// Byte range of a node.
pub(super) fn bytes(range: TextRange) -> std::ops::Range<usize> {
    range.start().to_usize()..range.end().to_usize()
}

/// How many tokens the second parser gets at once.
const BATCH: usize = 256;

/// The second parser at work, on a thread of its own.
struct Peer(Receiver<Result<Fingerprint, peer::Problem>>);

/// Where the second parser's tokens come from. It waits for more until this is dropped.
struct Feed(Sender<Vec<LexResult>>);

impl Peer {
    /// Starts the second parser on a text of `length` bytes. `None` if there is no thread to be had.
    fn start(length: usize) -> Option<(Feed, Self)> {
        let (feed, tokens) = channel::<Vec<LexResult>>();
        let answer = pool::start(move |answer| {
            // Whoever gave up waiting has a verdict already; nobody waits until the tree is taken apart.
            let _ = match peer::parse(tokens.into_iter().flatten(), length) {
                Ok(tree) => answer.send(Ok(peer::fingerprint(&tree))),
                Err(problem) => answer.send(Err(problem)),
            };
        })?;
        Some((Feed(feed), Self(answer)))
    }

    /// Waits for what it read; None after a panic of the parser.
    fn finish(self) -> Option<Result<Fingerprint, peer::Problem>> {
        self.0.recv().ok()
    }
}

/// Takes the text apart, bounds the depth of what a parser could make of it, and passes on to the second parser what
/// is within the bound. Says whether all of it is; what is not was reported.
fn tokens(source: &Source, feed: Option<Feed>, report: &mut Report<'_>) -> bool {
    let mut depth = depth::Depth::default();
    let mut batch = Vec::with_capacity(BATCH);
    // Takes the feed along, so that the second parser's tokens end with this function.
    let pass = move |batch: Vec<LexResult>| {
        if let Some(Feed(sender)) = &feed {
            // A parser that refused already takes no more.
            let _ = sender.send(batch);
        }
    };
    for token in peer::lex(source.text()) {
        if let Ok((token, range)) = &token
            && let Some(message) = depth.take(token)
        {
            report.add(
                &source_rules::SRC006,
                range.start().to_usize()..range.end().to_usize(),
                message,
                "split the expression into named steps",
            );
            return false;
        }
        batch.push(token);
        if batch.len() == BATCH {
            pass(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)));
        }
    }
    pass(batch);
    true
}

/// Has both parsers read a text that has no fault, and `look` look at what the first made of it. What it says counts only
/// of a program on which both agree.
///
/// # Errors
/// What is wrong with the program: SRC006, SRC008, PAR and LNG rules; none if one of the parsers panicked.
pub(super) fn both<T: Send + 'static>(
    source: &Arc<Source>,
    policy: &Policy,
    look: impl FnOnce(&Program<'_>, &Source) -> T + Send + 'static,
) -> Result<T, Option<Findings>> {
    let read = || {
        let mut report = Report::new(source, policy);
        let (feed, peer) = Peer::start(source.text().len()).unzip();
        if !tokens(source, feed, &mut report) {
            return Err(Some(report.refusal()));
        }
        let alone = peer.is_none();
        let (text, policy) = (source.clone(), policy.clone());
        let first = pool::start(move |answer| {
            let mut report = Report::new(&text, &policy);
            let Some(tree) = parse(&text, &mut report) else {
                let _ = answer.send(Err(report.refusal()));
                return;
            };
            let program = walk(&tree.body);
            let first = First::of(&program, text.text());
            let second = alone.then(|| {
                peer::parse(peer::lex(text.text()), text.text().len()).map(|tree| peer::fingerprint(&tree))
            });
            // Nobody waits until the trees are taken apart.
            let _ = answer.send(Ok((first, second, look(&program, &text))));
        });
        let (first, second, looked) = first.and_then(|first| first.recv().ok()).ok_or(None)??;
        match second.or_else(|| peer?.finish()).ok_or(None)? {
            Ok(second) => compare(&first, &second, source, &mut report),
            Err(problem) => {
                let text = source.clone();
                // Parses once more, so not on this stack.
                let explained = pool::start(move |answer| {
                    let _ = answer.send(explain_disagreement(text.text(), problem));
                });
                let (range, message, hint) = explained.and_then(|told| told.recv().ok()).ok_or(None)?;
                report.add(&parsing::PAR002, range, message, hint);
            }
        }
        if report.blocks() { Err(Some(report.refusal())) } else { Ok(looked) }
    };
    // Of what runs on this thread, the first parser's tokens could panic.
    std::panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or(Err(None))
}

/// Parses for the rules, after [`tokens`] had nothing to report. `None` if something was reported.
pub(super) fn parse(source: &Source, report: &mut Report<'_>) -> Option<ast::ModModule> {
    let options = ParseOptions::from(Mode::Module).with_target_version(SANDBOX_PYTHON);
    let parsed = parse_unchecked(source.text(), options);
    if let Some(error) = parsed.errors().first() {
        report.add(
            &parsing::PAR001,
            bytes(error.location),
            format!("syntax error: {}", error.error),
            syntax_hint(source.text(), bytes(error.location).start),
        );
        return None;
    }
    if let Some(error) = parsed.unsupported_syntax_errors().first() {
        report.add(
            &language::LNG003,
            bytes(error.range),
            error.to_string(),
            "the sandbox runs Python 3.13: write it in the older form",
        );
        return None;
    }
    Some(parsed.try_into_module()?.into_syntax())
}

/// What to do about a syntax error: programs out of a chat often come with what was around them.
fn syntax_hint(text: &str, at: usize) -> &'static str {
    let begin = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
    let line = text.get(begin..).unwrap_or_default().lines().next().unwrap_or_default().trim_start();
    if line.starts_with("```") || line.starts_with("~~~") {
        "this line is a markdown fence and no Python: give the lines between the fences only"
    } else {
        "the program must parse as Python 3.13, and hold nothing but the program"
    }
}

/// Why the second parser alone refused: mostly f-strings of Python 3.12, which have an easy older form.
fn explain_disagreement(
    text: &str,
    problem: peer::Problem,
) -> (std::ops::Range<usize>, String, &'static str) {
    let older = parse_unchecked(text, ParseOptions::from(Mode::Module).with_target_version(BEFORE_PEP_701));
    for error in older.unsupported_syntax_errors() {
        match error.kind {
            UnsupportedSyntaxErrorKind::Pep701FString(_) => {
                return (
                    bytes(error.range),
                    "this f-string reuses its own quotes, spans lines or holds a backslash inside `{}`; only newer parsers read \
                     that, and the gate needs two that agree"
                        .to_owned(),
                    "use the other kind of quotes inside the braces, f\"{x['a']}\", or compute the value on a line before",
                );
            }
            UnsupportedSyntaxErrorKind::TypeParamDefault => {
                return (
                    bytes(error.range),
                    "defaults of type parameters are read by only one of the gate's two parsers".to_owned(),
                    "drop the default of the type parameter",
                );
            }
            _ => {}
        }
    }
    (
        problem.range,
        format!("one of the gate's two parsers refuses this: {}", problem.message),
        "write the statement in a simpler, older form of Python",
    )
}

/// Compares what both parsers made of the text (PAR004) and refuses identifiers beyond ASCII (SRC008): `CPython`
/// normalises those (NFKC), so what is read is not what runs.
fn compare(first: &First, second: &Fingerprint, source: &Source, report: &mut Report<'_>) {
    for (range, read) in &first.foreign {
        let raw = source.text().get(range.clone()).unwrap_or_default();
        let why = if raw == read {
            "and such look alike too easily".to_owned()
        } else {
            format!("and Python would read it as `{read}`")
        };
        report.add(
            &source_rules::SRC008,
            range.clone(),
            format!("the identifier `{raw}` has characters beyond ASCII, {why}"),
            "use ASCII letters, digits and underscores in names",
        );
    }
    if report.blocks() {
        return;
    }
    if let Some(name) = difference(&first.fingerprint, second) {
        report.add(
            &parsing::PAR004,
            0..0,
            format!("the gate's two parsers read the program differently (first difference: `{name}`)"),
            "write the program in a simpler form; this is unusual and worth a bug report",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the two parsers disagree on when they are given different texts.
    fn difference(ours: &str, theirs: &str) -> Option<String> {
        let parsed = parse_unchecked(ours, ParseOptions::from(Mode::Module)).try_into_module().unwrap();
        let program = walk(&parsed.syntax().body);
        let peer = peer::parse(peer::lex(theirs), theirs.len()).ok().unwrap();
        super::difference(&First::of(&program, ours).fingerprint, &peer::fingerprint(&peer))
    }

    #[test]
    fn equal_programs_agree_and_others_do_not() {
        let program = "import a.b as c\nclass A(B, k=1):\n    def f(self, x: int = 2, *y, **z) -> d:\n        return f'{x:>{w}}' 'e' + g[1:2]\n";
        assert_eq!(difference(program, program), None);
        for (ours, theirs) in [
            ("x = print(1)", "x = eval(1)"),
            ("x = a.b", "x = a.c"),
            ("import os", "import math"),
            ("f(a=1)", "f(b=1)"),
            ("x = 'a'", "x = 'b'"),
            ("x = 1", "x = 1\ny()"),
            ("def f(a): pass", "def f(b): pass"),
            ("match x:\n case A(b=1): pass", "match x:\n case A(c=1): pass"),
            ("global a", "global b"),
            ("x = f'{a}'", "x = f'{b}'"),
            ("try: pass\nexcept E as a: pass", "try: pass\nexcept E as b: pass"),
            ("x = y", "y = x"),
        ] {
            if ours == "x = y" {
                // A multiset of names and stores cannot tell these apart; nothing that the rules ask is lost.
                assert_eq!(difference(ours, theirs), None);
            } else {
                assert!(difference(ours, theirs).is_some(), "{ours} / {theirs}");
            }
        }
    }

    #[test]
    fn a_panic_on_the_way_is_an_answer() {
        let source = Arc::new(Source::decode(b"x = 1", usize::MAX));
        let answer: Result<(), _> = both(&source, &Policy::default(), |_, _| panic!("a parser"));
        assert_eq!(answer, Err(None));
        assert_eq!(both(&source, &Policy::default(), |program, _| program.idents.len()), Ok(1));
    }
}
