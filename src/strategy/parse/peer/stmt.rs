//! Statements of the second parser's tree.

use rustpython_parser::ast::{self, Stmt};

use super::{Tag, Walk, Work};

impl<'a> Walk<'a> {
    #[expect(
        clippy::too_many_lines,
        clippy::match_same_arms,
        reason = "one arm for every node kind: splitting would hide a missing one"
    )]
    pub(super) fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(ast::StmtFunctionDef {
                range: _,
                name,
                args,
                body,
                decorator_list,
                returns,
                type_comment: _,
                type_params,
            })
            | Stmt::AsyncFunctionDef(ast::StmtAsyncFunctionDef {
                range: _,
                name,
                args,
                body,
                decorator_list,
                returns,
                type_comment: _,
                type_params,
            }) => {
                self.node("def");
                self.name(Tag::Definition, name);
                self.exprs(decorator_list);
                self.arguments(args);
                self.boxed(returns.as_deref());
                self.type_params(type_params);
                self.stmts(body);
            }
            Stmt::ClassDef(ast::StmtClassDef {
                range: _,
                name,
                bases,
                keywords,
                body,
                decorator_list,
                type_params,
            }) => {
                self.node("class");
                self.name(Tag::Definition, name);
                self.exprs(decorator_list.iter().chain(bases));
                self.keywords(keywords);
                self.type_params(type_params);
                self.stmts(body);
            }
            Stmt::Return(ast::StmtReturn { range: _, value }) => {
                self.node("return");
                self.boxed(value.as_deref());
            }
            Stmt::Delete(ast::StmtDelete { range: _, targets }) => {
                self.node("del");
                self.exprs(targets);
            }
            Stmt::Assign(ast::StmtAssign { range: _, targets, value, type_comment: _ }) => {
                self.node("=");
                self.exprs(targets);
                self.expr(value);
            }
            Stmt::TypeAlias(ast::StmtTypeAlias { range: _, name, type_params, value }) => {
                self.node("type");
                self.exprs([&**name, &**value]);
                self.type_params(type_params);
            }
            Stmt::AugAssign(ast::StmtAugAssign { range: _, target, op: _, value }) => {
                self.node("op=");
                self.exprs([&**target, &**value]);
            }
            Stmt::AnnAssign(ast::StmtAnnAssign { range: _, target, annotation, value, simple: _ }) => {
                self.node(":=");
                self.exprs([&**target, &**annotation]);
                self.boxed(value.as_deref());
            }
            Stmt::For(ast::StmtFor { range: _, target, iter, body, orelse, type_comment: _ }) => {
                self.loops(target, iter, body, orelse);
            }
            Stmt::AsyncFor(ast::StmtAsyncFor { range: _, target, iter, body, orelse, type_comment: _ }) => {
                self.loops(target, iter, body, orelse);
            }
            Stmt::While(ast::StmtWhile { range: _, test, body, orelse }) => {
                self.node("while");
                self.expr(test);
                self.stmts(body);
                self.stmts(orelse);
            }
            Stmt::If(ast::StmtIf { range: _, test, body, orelse }) => {
                self.node("if");
                self.expr(test);
                self.stmts(body);
                self.stmts(orelse);
            }
            Stmt::With(ast::StmtWith { range: _, items, body, type_comment: _ }) => self.with(items, body),
            Stmt::AsyncWith(ast::StmtAsyncWith { range: _, items, body, type_comment: _ }) => {
                self.with(items, body);
            }
            Stmt::Match(ast::StmtMatch { range: _, subject, cases }) => {
                self.node("match");
                self.expr(subject);
                for ast::MatchCase { range: _, pattern, guard, body } in cases {
                    self.todo.push(Work::Pattern(pattern));
                    self.boxed(guard.as_deref());
                    self.stmts(body);
                }
            }
            Stmt::Raise(ast::StmtRaise { range: _, exc, cause }) => {
                self.node("raise");
                self.boxed(exc.as_deref());
                self.boxed(cause.as_deref());
            }
            Stmt::Try(ast::StmtTry { range: _, body, handlers, orelse, finalbody })
            | Stmt::TryStar(ast::StmtTryStar { range: _, body, handlers, orelse, finalbody }) => {
                self.node("try");
                self.handlers(handlers);
                for suite in [body, orelse, finalbody] {
                    self.stmts(suite);
                }
            }
            Stmt::Assert(ast::StmtAssert { range: _, test, msg }) => {
                self.node("assert");
                self.expr(test);
                self.boxed(msg.as_deref());
            }
            Stmt::Import(ast::StmtImport { range: _, names }) => {
                self.node("import");
                self.imported(names);
            }
            Stmt::ImportFrom(ast::StmtImportFrom { range: _, module, names, level: _ }) => {
                self.node("from");
                if let Some(module) = module {
                    self.name(Tag::Import, module);
                }
                self.imported(names);
            }
            Stmt::Global(ast::StmtGlobal { range: _, names })
            | Stmt::Nonlocal(ast::StmtNonlocal { range: _, names }) => {
                for name in names {
                    self.name(Tag::Declaration, name);
                }
            }
            Stmt::Expr(ast::StmtExpr { range: _, value }) => self.expr(value),
            Stmt::Pass(ast::StmtPass { range: _ }) => self.node("pass"),
            Stmt::Break(ast::StmtBreak { range: _ }) => self.node("break"),
            Stmt::Continue(ast::StmtContinue { range: _ }) => self.node("continue"),
        }
    }
}
