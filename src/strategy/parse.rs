//! Text to tree. The only place that names the parser crates.
//!
//! Two independent parsers read every program. The ruff family gives the tree that the rules walk, since it
//! normalises identifiers as `CPython` does and knows the newest syntax; rustpython-parser is the second opinion: a
//! program that only one of them accepts, or that they read differently, is refused.
//!
//! Both can overflow a small stack with hostile nesting, and a stack overflow ends the whole process. So depth is
//! bounded on the tokens first ([`depth`]), and all of it runs on threads with a large stack (see `super::check`).

mod depth;
mod peer;

pub(super) use peer::Tokens;
pub(super) use ruff_python_ast as ast;
pub(super) use ruff_text_size::{Ranged, TextRange};

use std::thread::{Builder, Scope, ScopedJoinHandle};

use ruff_python_ast::PythonVersion;
use ruff_python_parser::{Mode, ParseOptions, UnsupportedSyntaxErrorKind, parse_unchecked};

use super::finding::Report;
use super::rules::{language, parsing, source as source_rules};
use super::source::Source;
use super::walk::{IdentKind, Node, Program};
use ast::{Expr, InterpolatedStringElement as Element, Stmt};

/// The Python of the sandbox image. Syntax newer than this is refused (LNG003).
const SANDBOX_PYTHON: PythonVersion = PythonVersion::PY313;
/// The last Python without PEP 701; the second parser reads f-strings as it did.
const BEFORE_PEP_701: PythonVersion = PythonVersion::PY311;

/// Byte range of a node.
pub(super) fn bytes(range: TextRange) -> std::ops::Range<usize> {
    range.start().to_usize()..range.end().to_usize()
}

/// Takes the text apart and bounds the depth of what a parser could make of it. `None` if that was reported.
pub(super) fn tokens(source: &Source, report: &mut Report<'_>) -> Option<Tokens> {
    let tokens = peer::lex(source.text());
    if let Some(problem) = depth::check(&tokens) {
        report.add(
            &source_rules::SRC006,
            problem.range,
            problem.message,
            "split the expression into named steps",
        );
        return None;
    }
    Some(tokens)
}

/// The second parser at work.
pub(super) struct Peer<'scope>(ScopedJoinHandle<'scope, Result<peer::PeerTree, peer::Problem>>);

impl<'scope> Peer<'scope> {
    /// Starts the second parser on a thread of its own, which must have a large stack. `None` if there is no thread
    /// to be had.
    pub(super) fn start<'a: 'scope>(
        scope: &'scope Scope<'scope, '_>,
        thread: Builder,
        tokens: Tokens,
        text: &'a str,
    ) -> Option<Self> {
        thread.spawn_scoped(scope, move || peer::parse(tokens, text)).ok().map(Self)
    }

    /// Waits for the tree. A panic of the parser goes on here.
    fn finish(self) -> Result<peer::PeerTree, peer::Problem> {
        self.0.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
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
            "the program must parse as Python 3.13",
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
pub(super) fn compare(
    program: &Program<'_>,
    peer: Option<Peer<'_>>,
    source: &Source,
    report: &mut Report<'_>,
) {
    let ours = fingerprint(program);
    let second = match peer {
        Some(peer) => peer.finish(),
        // This thread's stack is as large as that of the one that could not be had.
        None => peer::parse(peer::lex(source.text()), source.text()),
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
            report.add(
                &source_rules::SRC008,
                bytes(ident.range),
                format!(
                    "the identifier `{raw}` has characters beyond ASCII; Python would read it as `{}`",
                    ident.text
                ),
                "use ASCII letters, digits and underscores in names",
            );
        }
    }
    if report.blocks() {
        return;
    }
    if let Some(name) = peer::difference(&ours, &peer::fingerprint(&second)) {
        report.add(
            &parsing::PAR004,
            0..0,
            format!("the gate's two parsers read the program differently (first difference: `{name}`)"),
            "write the program in a simpler form; this is unusual and worth a bug report",
        );
    }
}

/// What the rules saw of the program, in the form in which both parsers are compared: a sorted multiset.
fn fingerprint<'a>(program: &'a Program<'_>) -> Vec<(peer::Tag, &'a str)> {
    let mut all: Vec<(peer::Tag, &str)> = Vec::with_capacity(program.idents.len() + program.nodes.len());
    for ident in &program.idents {
        all.push((tag(ident.kind), ident.text));
        match ident.kind {
            IdentKind::Store => all.push((peer::Tag::Node, "store")),
            IdentKind::Delete => all.push((peer::Tag::Node, "delete")),
            _ => {}
        }
    }
    for visit in &program.nodes {
        match visit.node {
            Node::Stmt(stmt) => {
                all.extend(stmt_kind(stmt).map(|kind| (peer::Tag::Node, kind)));
                if let Stmt::If(ast::StmtIf { elif_else_clauses, .. }) = stmt {
                    // An `elif` is an `if` of its own to the second parser.
                    let elifs = elif_else_clauses.iter().filter(|clause| clause.test.is_some());
                    all.extend(elifs.map(|_| (peer::Tag::Node, "if")));
                }
            }
            Node::Expr(Expr::StringLiteral(literal)) => all.push((peer::Tag::Text, literal.value.to_str())),
            Node::Expr(expr) => all.extend(expr_kind(expr).map(|kind| (peer::Tag::Node, kind))),
            Node::Element(Element::Interpolation(_)) => all.push((peer::Tag::Node, "field")),
            Node::Element(Element::Literal(_)) | Node::Pattern(_) => {}
        }
    }
    all.sort_unstable_by(peer::order);
    all
}

const fn stmt_kind(stmt: &Stmt) -> Option<&'static str> {
    Some(match stmt {
        Stmt::FunctionDef(_) => "def",
        Stmt::ClassDef(_) => "class",
        Stmt::Return(_) => "return",
        Stmt::Delete(_) => "del",
        Stmt::TypeAlias(_) => "type",
        Stmt::Assign(_) => "=",
        Stmt::AugAssign(_) => "op=",
        Stmt::AnnAssign(_) => ":=",
        Stmt::For(_) => "for",
        Stmt::While(_) => "while",
        Stmt::If(_) => "if",
        Stmt::With(_) => "with",
        Stmt::Match(_) => "match",
        Stmt::Raise(_) => "raise",
        Stmt::Try(_) => "try",
        Stmt::Assert(_) => "assert",
        Stmt::Import(_) => "import",
        Stmt::ImportFrom(_) => "from",
        Stmt::Pass(_) => "pass",
        Stmt::Break(_) => "break",
        Stmt::Continue(_) => "continue",
        Stmt::Global(_) | Stmt::Nonlocal(_) | Stmt::Expr(_) | Stmt::IpyEscapeCommand(_) => return None,
    })
}

const fn expr_kind(expr: &Expr) -> Option<&'static str> {
    Some(match expr {
        Expr::BoolOp(_) => "and/or",
        Expr::Named(_) => "walrus",
        Expr::BinOp(_) => "binary",
        Expr::UnaryOp(_) => "unary",
        Expr::Lambda(_) => "lambda",
        Expr::If(_) => "ifelse",
        Expr::Dict(_) => "dict",
        Expr::Set(_) => "set",
        Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => "comprehension",
        Expr::Await(_) => "await",
        Expr::Yield(_) | Expr::YieldFrom(_) => "yield",
        Expr::Compare(_) => "compare",
        Expr::Call(_) => "call",
        Expr::BytesLiteral(_) => "bytes",
        Expr::NumberLiteral(_) => "number",
        Expr::BooleanLiteral(_) | Expr::NoneLiteral(_) | Expr::EllipsisLiteral(_) => "constant",
        Expr::Subscript(_) => "subscript",
        Expr::Starred(_) => "starred",
        Expr::List(_) => "list",
        Expr::Slice(_) => "slice",
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

const fn tag(kind: IdentKind) -> peer::Tag {
    match kind {
        IdentKind::Load | IdentKind::Store | IdentKind::Delete => peer::Tag::Name,
        IdentKind::AttributeLoad | IdentKind::AttributeStore | IdentKind::AttributeDelete => {
            peer::Tag::Attribute
        }
        IdentKind::Function | IdentKind::Class => peer::Tag::Definition,
        IdentKind::Parameter => peer::Tag::Parameter,
        IdentKind::ImportedModule | IdentKind::ImportedName | IdentKind::Alias => peer::Tag::Import,
        IdentKind::Keyword => peer::Tag::Keyword,
        IdentKind::Caught | IdentKind::Captured | IdentKind::PatternAttribute => peer::Tag::Capture,
        IdentKind::Global | IdentKind::Nonlocal => peer::Tag::Declaration,
        IdentKind::TypeParameter => peer::Tag::TypeParameter,
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
        let peer = peer::parse(peer::lex(theirs), theirs).ok().unwrap();
        peer::difference(&fingerprint(&program), &peer::fingerprint(&peer))
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
