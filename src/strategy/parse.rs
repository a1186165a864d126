//! Text to tree. The only place that names the parser crates.
//!
//! Two independent parsers read every program. The ruff family gives the tree that the rules walk, since it
//! normalises identifiers as `CPython` does and knows the newest syntax; rustpython-parser is the second opinion: a
//! program that only one of them accepts, or that they read differently, is refused.
//!
//! Both can overflow a small stack with hostile nesting, and a stack overflow ends the whole process. So depth is
//! bounded on the tokens first ([`depth`]), and all of it runs on threads with a large stack (see `super::check`).

mod depth;
mod fingerprint;
mod peer;

pub(super) use ruff_python_ast as ast;
pub(super) use ruff_text_size::{Ranged, TextRange};

use std::sync::mpsc::{Receiver, Sender, channel};

use ruff_python_ast::PythonVersion;
use ruff_python_parser::{Mode, ParseOptions, UnsupportedSyntaxErrorKind, parse_unchecked};

use super::finding::Report;
use super::pool;
use super::rules::{language, parsing, source as source_rules};
use super::source::Source;
use super::walk::{IdentKind, Node, Program};
use ast::{Expr, InterpolatedStringElement as Element, Stmt};
use fingerprint::{Fingerprint, Kind, Tag, difference};
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
pub(super) struct Peer(Receiver<Result<Fingerprint, peer::Problem>>);

/// Where the second parser's tokens come from. It waits for more until this is dropped.
struct Feed(Sender<Vec<LexResult>>);

impl Peer {
    /// Starts the second parser on a text of `length` bytes. `None` if there is no thread to be had.
    fn start(length: usize) -> Option<(Feed, Self)> {
        let (feed, tokens) = channel::<Vec<LexResult>>();
        let answer = pool::start(move |answer| match peer::parse(tokens.into_iter().flatten(), length) {
            // Whoever gave up waiting has a verdict already.
            Ok(tree) => {
                let _ = answer.send(Ok(peer::fingerprint(&tree)));
            }
            Err(problem) => {
                let _ = answer.send(Err(problem));
            }
        })?;
        Some((Feed(feed), Self(answer)))
    }

    /// Waits for what it read. A panic of the parser goes on here.
    fn finish(self) -> Result<Fingerprint, peer::Problem> {
        self.0.recv().unwrap_or_else(|_| std::panic::resume_unwind(Box::new("the second parser panicked")))
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

/// Has both parsers read a text that has no fault: the tree of the first, and the second one, which is still at work. It
/// takes longer than all the rest together, so it works beside the rest. `None` if something was reported.
pub(super) fn both(source: &Source, report: &mut Report<'_>) -> Option<(ast::ModModule, Option<Peer>)> {
    let (feed, peer) = Peer::start(source.text().len()).unzip();
    if !tokens(source, feed, report) {
        return None;
    }
    Some((parse(source, report)?, peer))
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

/// Compares what both parsers made of the text (PAR002, PAR004) and refuses identifiers beyond ASCII (SRC008):
/// `CPython` normalises those (NFKC), so what is read is not what runs.
pub(super) fn compare(program: &Program<'_>, peer: Option<Peer>, source: &Source, report: &mut Report<'_>) {
    let ours = fingerprint(program);
    let second = match peer {
        Some(peer) => peer.finish(),
        // This thread's stack is as large as that of the one that could not be had.
        None => {
            peer::parse(peer::lex(source.text()), source.text().len()).map(|tree| peer::fingerprint(&tree))
        }
    };
    let second = match second {
        Ok(tree) => tree,
        Err(problem) => {
            let (range, message, hint) = explain_disagreement(source.text(), problem);
            report.add(&parsing::PAR002, range, message, hint);
            return;
        }
    };
    for ident in &program.idents {
        let raw = source.text().get(bytes(ident.range)).unwrap_or_default();
        if !raw.is_ascii() {
            let read = if raw == ident.text {
                "and such look alike too easily".to_owned()
            } else {
                format!("and Python would read it as `{}`", ident.text)
            };
            report.add(
                &source_rules::SRC008,
                bytes(ident.range),
                format!("the identifier `{raw}` has characters beyond ASCII, {read}"),
                "use ASCII letters, digits and underscores in names",
            );
        }
    }
    if report.blocks() {
        return;
    }
    if let Some(name) = difference(&ours, &second) {
        report.add(
            &parsing::PAR004,
            0..0,
            format!("the gate's two parsers read the program differently (first difference: `{name}`)"),
            "write the program in a simpler form; this is unusual and worth a bug report",
        );
    }
}

/// What the rules saw of the program.
fn fingerprint(program: &Program<'_>) -> Fingerprint {
    let mut all = Fingerprint::new();
    for ident in &program.idents {
        all.name(tag(ident.kind), ident.text);
        match ident.kind {
            IdentKind::Store => all.kind(Kind::Store),
            IdentKind::Delete => all.kind(Kind::Delete),
            _ => {}
        }
    }
    for visit in &program.nodes {
        match visit.node {
            Node::Stmt(stmt) => {
                if let Some(kind) = stmt_kind(stmt) {
                    all.kind(kind);
                }
                if let Stmt::If(ast::StmtIf { elif_else_clauses, .. }) = stmt {
                    // An `elif` is an `if` of its own to the second parser.
                    for _ in elif_else_clauses.iter().filter(|clause| clause.test.is_some()) {
                        all.kind(Kind::If);
                    }
                }
            }
            Node::Expr(Expr::StringLiteral(literal)) => all.text(literal.value.to_str()),
            Node::Expr(expr) => {
                if let Some(kind) = expr_kind(expr) {
                    all.kind(kind);
                }
            }
            Node::Element(Element::Interpolation(_)) => all.kind(Kind::Field),
            Node::Element(Element::Literal(_)) | Node::Pattern(_) => {}
        }
    }
    all
}

const fn stmt_kind(stmt: &Stmt) -> Option<Kind> {
    Some(match stmt {
        Stmt::FunctionDef(_) => Kind::Def,
        Stmt::ClassDef(_) => Kind::Class,
        Stmt::Return(_) => Kind::Return,
        Stmt::Delete(_) => Kind::Del,
        Stmt::TypeAlias(_) => Kind::Type,
        Stmt::Assign(_) => Kind::Assign,
        Stmt::AugAssign(_) => Kind::AugAssign,
        Stmt::AnnAssign(_) => Kind::AnnAssign,
        Stmt::For(_) => Kind::For,
        Stmt::While(_) => Kind::While,
        Stmt::If(_) => Kind::If,
        Stmt::With(_) => Kind::With,
        Stmt::Match(_) => Kind::Match,
        Stmt::Raise(_) => Kind::Raise,
        Stmt::Try(_) => Kind::Try,
        Stmt::Assert(_) => Kind::Assert,
        Stmt::Import(_) => Kind::Import,
        Stmt::ImportFrom(_) => Kind::From,
        Stmt::Pass(_) => Kind::Pass,
        Stmt::Break(_) => Kind::Break,
        Stmt::Continue(_) => Kind::Continue,
        Stmt::Global(_) | Stmt::Nonlocal(_) | Stmt::Expr(_) | Stmt::IpyEscapeCommand(_) => return None,
    })
}

const fn expr_kind(expr: &Expr) -> Option<Kind> {
    Some(match expr {
        Expr::BoolOp(_) => Kind::BoolOp,
        Expr::Named(_) => Kind::Walrus,
        Expr::BinOp(_) => Kind::Binary,
        Expr::UnaryOp(_) => Kind::Unary,
        Expr::Lambda(_) => Kind::Lambda,
        Expr::If(_) => Kind::IfElse,
        Expr::Dict(_) => Kind::Dict,
        Expr::Set(_) => Kind::Set,
        Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => Kind::Comprehension,
        Expr::Await(_) => Kind::Await,
        Expr::Yield(_) | Expr::YieldFrom(_) => Kind::Yield,
        Expr::Compare(_) => Kind::Compare,
        Expr::Call(_) => Kind::Call,
        Expr::BytesLiteral(_) => Kind::Bytes,
        Expr::NumberLiteral(_) => Kind::Number,
        Expr::BooleanLiteral(_) | Expr::NoneLiteral(_) | Expr::EllipsisLiteral(_) => Kind::Constant,
        Expr::Subscript(_) => Kind::Subscript,
        Expr::Starred(_) => Kind::Starred,
        Expr::List(_) => Kind::List,
        Expr::Slice(_) => Kind::Slice,
        // `x[*ts]` is a tuple to one of the parsers only.
        Expr::Tuple(_)
        | Expr::Name(_)
        | Expr::Attribute(_)
        | Expr::FString(_)
        | Expr::TString(_)
        | Expr::StringLiteral(_)
        | Expr::IpyEscapeCommand(_) => return None,
    })
}

const fn tag(kind: IdentKind) -> Tag {
    match kind {
        IdentKind::Load | IdentKind::Store | IdentKind::Delete => Tag::Name,
        IdentKind::AttributeLoad | IdentKind::AttributeStore | IdentKind::AttributeDelete => Tag::Attribute,
        IdentKind::Function | IdentKind::Class => Tag::Definition,
        IdentKind::Parameter => Tag::Parameter,
        IdentKind::ImportedModule | IdentKind::ImportedName | IdentKind::Alias => Tag::Import,
        IdentKind::Keyword => Tag::Keyword,
        IdentKind::Caught | IdentKind::Captured | IdentKind::PatternAttribute => Tag::Capture,
        IdentKind::Global | IdentKind::Nonlocal => Tag::Declaration,
        IdentKind::TypeParameter => Tag::TypeParameter,
    }
}

#[cfg(test)]
mod tests {
    use super::super::walk::walk;
    use super::*;

    /// What the two parsers disagree on when they are given different texts.
    fn difference(ours: &str, theirs: &str) -> Option<String> {
        let parsed = parse_unchecked(ours, ParseOptions::from(Mode::Module)).try_into_module().unwrap();
        let program = walk(&parsed.syntax().body);
        let peer = peer::parse(peer::lex(theirs), theirs.len()).ok().unwrap();
        super::difference(&fingerprint(&program), &peer::fingerprint(&peer))
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
}
