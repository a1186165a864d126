//! The second parser, rustpython-parser, and what is compared with the first.
//!
//! Its tree is walked by an explicit list too, since deep trees are exactly what an attacker sends; its own visitor
//! skips whole subtrees (match bodies, keyword values, comprehension parts).

mod expr;
mod stmt;

use std::ops::Range;

use rustpython_parser::ast::{self, Arguments, Expr, Keyword, Pattern, Stmt, TypeParam};
use rustpython_parser::lexer::{self, LexResult};
use rustpython_parser::{Mode, parse_tokens};

use super::fingerprint::{Fingerprint, Kind, Tag};

/// Why the second parser refuses.
pub(super) struct Problem {
    pub(super) range: Range<usize>,
    pub(super) message: String,
}

/// A tree of the second parser.
#[derive(Debug)]
pub(super) struct PeerTree(ast::Mod);

/// Takes the text apart, up to the first lexical error. Iterative: no text makes it deep.
pub(super) fn lex(text: &str) -> impl Iterator<Item = LexResult> {
    let mut failed = false;
    lexer::lex(text, Mode::Module).take_while(move |token| {
        let wanted = !failed;
        failed |= token.is_err();
        wanted
    })
}

/// Parses the tokens of a text of `length` bytes.
pub(super) fn parse(tokens: impl Iterator<Item = LexResult>, length: usize) -> Result<PeerTree, Problem> {
    parse_tokens(tokens, Mode::Module, "strategy").map(PeerTree).map_err(|error| {
        let at = error.offset.to_usize().min(length);
        Problem { range: at..at, message: error.error.to_string() }
    })
}

enum Work<'a> {
    Stmt(&'a Stmt),
    Expr(&'a Expr),
    Pattern(&'a Pattern),
}

struct Walk<'a> {
    found: Fingerprint,
    todo: Vec<Work<'a>>,
}

/// Reads a tree, in the order of `super::super::walk`.
pub(super) fn fingerprint(tree: &PeerTree) -> Fingerprint {
    let mut walk = Walk { found: Fingerprint::new(), todo: Vec::new() };
    match &tree.0 {
        ast::Mod::Module(module) => walk.stmts(&module.body),
        ast::Mod::Interactive(module) => walk.stmts(&module.body),
        ast::Mod::Expression(expression) => walk.expr(&expression.body),
        ast::Mod::FunctionType(function) => walk.exprs(&function.argtypes),
    }
    while let Some(work) = walk.todo.pop() {
        match work {
            Work::Stmt(stmt) => walk.visit_stmt(stmt),
            Work::Expr(expr) => walk.visit_expr(expr),
            Work::Pattern(pattern) => walk.visit_pattern(pattern),
        }
    }
    walk.found
}

impl<'a> Walk<'a> {
    fn name(&mut self, tag: Tag, name: &str) {
        self.found.name(tag, name);
    }

    fn node(&mut self, kind: Kind) {
        self.found.kind(kind);
    }

    fn expr(&mut self, expr: &'a Expr) {
        self.todo.push(Work::Expr(expr));
    }

    fn exprs(&mut self, exprs: impl IntoIterator<Item = &'a Expr>) {
        self.todo.extend(exprs.into_iter().map(Work::Expr));
    }

    fn boxed(&mut self, expr: Option<&'a Expr>) {
        self.todo.extend(expr.map(Work::Expr));
    }

    fn stmts(&mut self, stmts: &'a [Stmt]) {
        self.todo.extend(stmts.iter().rev().map(Work::Stmt));
    }

    fn patterns(&mut self, patterns: &'a [Pattern]) {
        self.todo.extend(patterns.iter().map(Work::Pattern));
    }

    fn keywords(&mut self, keywords: &'a [Keyword]) {
        for Keyword { range: _, arg, value } in keywords {
            if let Some(arg) = arg {
                self.name(Tag::Keyword, arg);
            }
            self.expr(value);
        }
    }

    fn arguments(&mut self, arguments: &'a Arguments) {
        let Arguments { range: _, posonlyargs, args, vararg, kwonlyargs, kwarg } = arguments;
        for ast::ArgWithDefault { range: _, def, default } in posonlyargs.iter().chain(args).chain(kwonlyargs)
        {
            self.parameter(def);
            self.boxed(default.as_deref());
        }
        for arg in vararg.iter().chain(kwarg) {
            self.parameter(arg);
        }
    }

    fn parameter(&mut self, arg: &'a ast::Arg) {
        let ast::Arg { range: _, arg, annotation, type_comment: _ } = arg;
        self.name(Tag::Parameter, arg);
        self.boxed(annotation.as_deref());
    }

    fn type_params(&mut self, params: &'a [TypeParam]) {
        for param in params {
            match param {
                TypeParam::TypeVar(ast::TypeParamTypeVar { range: _, name, bound }) => {
                    self.name(Tag::TypeParameter, name);
                    self.boxed(bound.as_deref());
                }
                TypeParam::ParamSpec(ast::TypeParamParamSpec { range: _, name })
                | TypeParam::TypeVarTuple(ast::TypeParamTypeVarTuple { range: _, name }) => {
                    self.name(Tag::TypeParameter, name);
                }
            }
        }
    }

    fn imported(&mut self, names: &'a [ast::Alias]) {
        for ast::Alias { range: _, name, asname } in names {
            self.name(Tag::Import, name);
            if let Some(asname) = asname {
                self.name(Tag::Import, asname);
            }
        }
    }

    fn handlers(&mut self, handlers: &'a [ast::ExceptHandler]) {
        for handler in handlers {
            let ast::ExceptHandler::ExceptHandler(handler) = handler;
            let ast::ExceptHandlerExceptHandler { range: _, type_, name, body } = handler;
            self.boxed(type_.as_deref());
            if let Some(name) = name {
                self.name(Tag::Capture, name);
            }
            self.stmts(body);
        }
    }

    fn with(&mut self, items: &'a [ast::WithItem], body: &'a [Stmt]) {
        self.node(Kind::With);
        for ast::WithItem { range: _, context_expr, optional_vars } in items {
            self.expr(context_expr);
            self.boxed(optional_vars.as_deref());
        }
        self.stmts(body);
    }

    fn loops(&mut self, target: &'a Expr, iter: &'a Expr, body: &'a [Stmt], orelse: &'a [Stmt]) {
        self.node(Kind::For);
        self.exprs([target, iter]);
        self.stmts(orelse);
        self.stmts(body);
    }
}
