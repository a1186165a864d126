//! One exhaustive walk over the tree, without recursion.
//!
//! Every `match` lists every variant and every pattern names every field: when the parser learns a new construct,
//! this file stops to compile, instead of leaving a place where nobody looks. The result is flat lists, so rules are
//! loops and none of them has to know how Python's tree is shaped.

mod definition;
mod expr;
mod pattern;
mod stmt;

use super::parse::ast::{self, Expr, ExprContext, InterpolatedStringElement as Element, Pattern, Stmt};
use super::parse::{Ranged, TextRange};
use super::scope::{Binding, How, Scope, ScopeKind};

/// Index meaning "the module itself".
pub(super) const ROOT: usize = usize::MAX;

/// A node in the flat list.
#[derive(Debug, Clone, Copy)]
pub(super) enum Node<'a> {
    Stmt(&'a Stmt),
    Expr(&'a Expr),
    Pattern(&'a Pattern),
    /// The `{…}` of an f-string, or its literal text.
    Element(&'a Element),
}

/// What a node is to its parent, where a rule asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role<'a> {
    Plain,
    /// The function of a call.
    Callee,
    /// The object whose attribute is taken.
    AttributeBase,
    /// A positional argument of a call.
    Argument,
    /// A base in a class header.
    ClassBase,
    Decorator,
    Annotation,
    /// An operand of a comparison.
    Operand,
    /// A value formatted by an f-string.
    Formatted,
    /// An expression that is a whole statement.
    Statement,
    /// The single target of an assignment, with its value.
    Assigned(&'a Expr),
    /// The target of `:=`.
    Walrus,
    /// Inside the format specification of an f-string field.
    Specification,
}

/// One visited node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit<'a> {
    pub(super) node: Node<'a>,
    /// Index of the parent in `Program::nodes`, or [`ROOT`].
    pub(super) parent: usize,
    /// Index into `Program::scopes`.
    pub(super) scope: usize,
    pub(super) role: Role<'a>,
}

/// How an identifier is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IdentKind {
    Load,
    Store,
    Delete,
    AttributeLoad,
    AttributeStore,
    AttributeDelete,
    Function,
    Class,
    Parameter,
    /// The dotted module of an import statement.
    ImportedModule,
    /// A name taken from a module.
    ImportedName,
    /// The name after `as` in an import.
    Alias,
    /// The name of a keyword argument.
    Keyword,
    /// The name after `except … as`.
    Caught,
    /// A name bound by a pattern.
    Captured,
    /// An attribute that a class pattern reads.
    PatternAttribute,
    Global,
    Nonlocal,
    TypeParameter,
}

/// One written identifier.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ident<'a> {
    /// Normalised as `CPython` does it.
    pub(super) text: &'a str,
    pub(super) range: TextRange,
    pub(super) kind: IdentKind,
    pub(super) scope: usize,
    /// Index of the node it belongs to.
    pub(super) node: usize,
}

/// The program, flat.
#[derive(Debug)]
pub(super) struct Program<'a> {
    pub(super) body: &'a [Stmt],
    pub(super) nodes: Vec<Visit<'a>>,
    pub(super) idents: Vec<Ident<'a>>,
    pub(super) scopes: Vec<Scope>,
    pub(super) bindings: Vec<Binding<'a>>,
}

#[derive(Clone, Copy)]
struct Work<'a> {
    node: Node<'a>,
    parent: usize,
    scope: usize,
    role: Role<'a>,
}

struct Walk<'a> {
    program: Program<'a>,
    todo: Vec<Work<'a>>,
    /// Index of the node being expanded, and the scope of its children.
    here: usize,
    scope: usize,
}

/// Walks a module.
pub(super) fn walk(body: &[Stmt]) -> Program<'_> {
    let program = Program {
        body,
        nodes: Vec::new(),
        idents: Vec::new(),
        scopes: vec![Scope { kind: ScopeKind::Module, parent: None, node: ROOT }],
        bindings: Vec::new(),
    };
    let mut walk = Walk { program, todo: Vec::new(), here: ROOT, scope: 0 };
    walk.suite(body);
    while let Some(Work { node, parent, scope, role }) = walk.todo.pop() {
        walk.here = walk.program.nodes.len();
        walk.scope = scope;
        walk.program.nodes.push(Visit { node, parent, scope, role });
        match node {
            Node::Stmt(stmt) => walk.stmt(stmt),
            Node::Expr(expr) => walk.expr(expr, role),
            Node::Pattern(pattern) => walk.pattern(pattern),
            Node::Element(element) => walk.element(element),
        }
    }
    walk.program
}

impl<'a> Walk<'a> {
    fn push(&mut self, node: Node<'a>, scope: usize, role: Role<'a>) {
        self.todo.push(Work { node, parent: self.here, scope, role });
    }

    fn add(&mut self, expr: &'a Expr) {
        self.push(Node::Expr(expr), self.scope, Role::Plain);
    }

    fn add_as(&mut self, expr: &'a Expr, role: Role<'a>) {
        self.push(Node::Expr(expr), self.scope, role);
    }

    fn add_in(&mut self, expr: &'a Expr, scope: usize) {
        self.push(Node::Expr(expr), scope, Role::Plain);
    }

    fn option(&mut self, expr: Option<&'a Expr>) {
        if let Some(expr) = expr {
            self.add(expr);
        }
    }

    fn exprs(&mut self, exprs: &'a [Expr]) {
        for expr in exprs {
            self.add(expr);
        }
    }

    fn suite(&mut self, body: &'a [Stmt]) {
        self.suite_in(body, self.scope);
    }

    fn suite_in(&mut self, body: &'a [Stmt], scope: usize) {
        for stmt in body.iter().rev() {
            self.push(Node::Stmt(stmt), scope, Role::Plain);
        }
    }

    fn ident(&mut self, text: &'a str, range: TextRange, kind: IdentKind) {
        self.program.idents.push(Ident { text, range, kind, scope: self.scope, node: self.here });
    }

    fn bind(&mut self, name: &'a str, range: TextRange, scope: usize, how: How<'a>) {
        self.program.bindings.push(Binding { name, range, scope, how, node: self.here });
    }

    fn open(&mut self, kind: ScopeKind) -> usize {
        self.program.scopes.push(Scope { kind, parent: Some(self.scope), node: self.here });
        self.program.scopes.len() - 1
    }

    fn name(&mut self, text: &'a str, range: TextRange, ctx: ExprContext, role: Role<'a>) {
        let kind = match ctx {
            // `Invalid` is made up after an error; a program with errors never gets here. Checked as a load.
            ExprContext::Load | ExprContext::Invalid => IdentKind::Load,
            ExprContext::Store => IdentKind::Store,
            ExprContext::Del => IdentKind::Delete,
        };
        self.ident(text, range, kind);
        if kind == IdentKind::Load {
            return;
        }
        let how = match (kind, role) {
            (IdentKind::Delete, _) => How::Deleted,
            (_, Role::Assigned(value)) => How::Assigned(value),
            _ => How::Other,
        };
        let scope = if matches!(role, Role::Walrus) { self.hoisted() } else { self.scope };
        self.bind(text, range, scope, how);
    }

    /// `:=` inside a comprehension binds in the scope around it.
    fn hoisted(&self) -> usize {
        let mut at = self.scope;
        while let Some(Scope { kind: ScopeKind::Comprehension, parent: Some(parent), node: _ }) =
            self.program.scopes.get(at)
        {
            at = *parent;
        }
        at
    }

    /// Opens the scope of a comprehension; its first iterable is evaluated outside.
    fn comprehension(&mut self, generators: &'a [ast::Comprehension]) -> usize {
        let inner = self.open(ScopeKind::Comprehension);
        for (number, generator) in generators.iter().enumerate() {
            let ast::Comprehension { node_index: _, range: _, target, iter, ifs, is_async: _ } = generator;
            self.add_in(target, inner);
            self.add_in(iter, if number == 0 { self.scope } else { inner });
            for condition in ifs {
                self.add_in(condition, inner);
            }
        }
        inner
    }
}

impl Visit<'_> {
    /// Byte range of the node.
    pub(super) fn range(&self) -> std::ops::Range<usize> {
        super::parse::bytes(match self.node {
            Node::Stmt(stmt) => stmt.range(),
            Node::Expr(expr) => expr.range(),
            Node::Pattern(pattern) => pattern.range(),
            Node::Element(element) => element.range(),
        })
    }
}
