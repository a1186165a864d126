//! Statements of the second parser's tree.

use rustpython_parser::ast::{self, Stmt};

use super::{Kind, Tag, Walk, Work};

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
                self.node(Kind::Def);
                self.name(Tag::Definition, name);
                self.exprs(decorator_list);
                self.type_params(type_params);
                self.arguments(args);
                self.boxed(returns.as_deref());
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
                self.node(Kind::Class);
                self.name(Tag::Definition, name);
                self.exprs(decorator_list);
                self.type_params(type_params);
                self.exprs(bases);
                self.keywords(keywords);
                self.stmts(body);
            }
            Stmt::Return(ast::StmtReturn { range: _, value }) => {
                self.node(Kind::Return);
                self.boxed(value.as_deref());
            }
            Stmt::Delete(ast::StmtDelete { range: _, targets }) => {
                self.node(Kind::Del);
                self.exprs(targets);
            }
            Stmt::Assign(ast::StmtAssign { range: _, targets, value, type_comment: _ }) => {
                self.node(Kind::Assign);
                self.expr(value);
                self.exprs(targets);
            }
            Stmt::TypeAlias(ast::StmtTypeAlias { range: _, name, type_params, value }) => {
                self.node(Kind::Type);
                self.expr(name);
                self.type_params(type_params);
                self.expr(value);
            }
            Stmt::AugAssign(ast::StmtAugAssign { range: _, target, op: _, value }) => {
                self.node(Kind::AugAssign);
                self.exprs([&**target, &**value]);
            }
            Stmt::AnnAssign(ast::StmtAnnAssign { range: _, target, annotation, value, simple: _ }) => {
                self.node(Kind::AnnAssign);
                self.expr(annotation);
                self.boxed(value.as_deref());
                self.expr(target);
            }
            Stmt::For(ast::StmtFor { range: _, target, iter, body, orelse, type_comment: _ }) => {
                self.loops(target, iter, body, orelse);
            }
            Stmt::AsyncFor(ast::StmtAsyncFor { range: _, target, iter, body, orelse, type_comment: _ }) => {
                self.loops(target, iter, body, orelse);
            }
            Stmt::While(ast::StmtWhile { range: _, test, body, orelse }) => {
                self.node(Kind::While);
                self.expr(test);
                self.stmts(orelse);
                self.stmts(body);
            }
            Stmt::If(ast::StmtIf { range: _, test, body, orelse }) => {
                self.node(Kind::If);
                self.expr(test);
                // An `elif` is an `if` of its own here; read as the first parser gives it.
                let mut rest = orelse.as_slice();
                while let [Stmt::If(ast::StmtIf { range: _, test, body, orelse })] = rest {
                    self.node(Kind::If);
                    self.expr(test);
                    self.stmts(body);
                    rest = orelse;
                }
                self.stmts(rest);
                self.stmts(body);
            }
            Stmt::With(ast::StmtWith { range: _, items, body, type_comment: _ }) => self.with(items, body),
            Stmt::AsyncWith(ast::StmtAsyncWith { range: _, items, body, type_comment: _ }) => {
                self.with(items, body);
            }
            Stmt::Match(ast::StmtMatch { range: _, subject, cases }) => {
                self.node(Kind::Match);
                self.expr(subject);
                for ast::MatchCase { range: _, pattern, guard, body } in cases {
                    self.todo.push(Work::Pattern(pattern));
                    self.boxed(guard.as_deref());
                    self.stmts(body);
                }
            }
            Stmt::Raise(ast::StmtRaise { range: _, exc, cause }) => {
                self.node(Kind::Raise);
                self.boxed(exc.as_deref());
                self.boxed(cause.as_deref());
            }
            Stmt::Try(ast::StmtTry { range: _, body, handlers, orelse, finalbody })
            | Stmt::TryStar(ast::StmtTryStar { range: _, body, handlers, orelse, finalbody }) => {
                self.node(Kind::Try);
                self.stmts(body);
                self.handlers(handlers);
                self.stmts(orelse);
                self.stmts(finalbody);
            }
            Stmt::Assert(ast::StmtAssert { range: _, test, msg }) => {
                self.node(Kind::Assert);
                self.expr(test);
                self.boxed(msg.as_deref());
            }
            Stmt::Import(ast::StmtImport { range: _, names }) => {
                self.node(Kind::Import);
                self.imported(names);
            }
            Stmt::ImportFrom(ast::StmtImportFrom { range: _, module, names, level: _ }) => {
                self.node(Kind::From);
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
            Stmt::Pass(ast::StmtPass { range: _ }) => self.node(Kind::Pass),
            Stmt::Break(ast::StmtBreak { range: _ }) => self.node(Kind::Break),
            Stmt::Continue(ast::StmtContinue { range: _ }) => self.node(Kind::Continue),
        }
    }
}
