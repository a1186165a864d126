//! What the first parser read, as far as it is compared with what the second did.

use std::ops::Range;

use super::super::walk::{IdentKind, Node, Program};
use super::ast::{self, Expr, InterpolatedStringElement as Element, Stmt};
use super::bytes;
use super::fingerprint::{Fingerprint, Kind, Tag};

/// What is compared of a program.
pub(super) struct First {
    pub(super) fingerprint: Fingerprint,
    /// Identifiers beyond ASCII: where, and what Python would read.
    pub(super) foreign: Vec<(Range<usize>, String)>,
}

impl First {
    /// Of the program of that text.
    pub(super) fn of(program: &Program<'_>, text: &str) -> Self {
        Self { fingerprint: fingerprint(program), foreign: foreign(program, text) }
    }
}

/// The program's identifiers beyond ASCII.
fn foreign(program: &Program<'_>, text: &str) -> Vec<(Range<usize>, String)> {
    let beyond = |range: &Range<usize>| !text.get(range.clone()).unwrap_or_default().is_ascii();
    let named = program.idents.iter().map(|ident| (bytes(ident.range), ident.text));
    named.filter(|(range, _)| beyond(range)).map(|(range, read)| (range, read.to_owned())).collect()
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
