//! Statements.

use super::super::parse::ast::{self, Stmt};
use super::super::scope::{How, ScopeKind};
use super::{IdentKind, Node, Role, Walk};

impl<'a> Walk<'a> {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for every node kind: splitting would hide a missing one"
    )]
    pub(super) fn stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => self.function(def),
            Stmt::ClassDef(def) => self.class(def),
            Stmt::Return(ast::StmtReturn { node_index: _, range: _, value }) => self.option(value.as_deref()),
            Stmt::Delete(ast::StmtDelete { node_index: _, range: _, targets }) => self.exprs(targets),
            Stmt::TypeAlias(ast::StmtTypeAlias { node_index: _, range: _, name, type_params, value }) => {
                self.add(name);
                let inner = self.open(ScopeKind::Function);
                self.type_params(type_params.as_deref(), inner);
                self.add_in(value, inner);
            }
            Stmt::Assign(ast::StmtAssign { node_index: _, range: _, targets, value }) => {
                self.add(value);
                for target in targets {
                    self.add_as(target, Role::Assigned(value));
                }
            }
            Stmt::AugAssign(ast::StmtAugAssign { node_index: _, range: _, target, op: _, value }) => {
                self.add(target);
                self.add(value);
            }
            Stmt::AnnAssign(ast::StmtAnnAssign {
                node_index: _,
                range: _,
                target,
                annotation,
                value,
                simple: _,
            }) => {
                self.add_as(annotation, Role::Annotation);
                self.option(value.as_deref());
                self.add_as(target, value.as_deref().map_or(Role::Plain, Role::Assigned));
            }
            Stmt::For(ast::StmtFor { node_index: _, range: _, is_async: _, target, iter, body, orelse }) => {
                self.add(target);
                self.add(iter);
                self.suite(orelse);
                self.suite(body);
            }
            Stmt::While(ast::StmtWhile { node_index: _, range: _, test, body, orelse }) => {
                self.add(test);
                self.suite(orelse);
                self.suite(body);
            }
            Stmt::If(ast::StmtIf { node_index: _, range: _, test, body, elif_else_clauses }) => {
                self.add(test);
                for ast::ElifElseClause { node_index: _, range: _, test, body } in elif_else_clauses {
                    self.option(test.as_ref());
                    self.suite(body);
                }
                self.suite(body);
            }
            Stmt::With(ast::StmtWith { node_index: _, range: _, is_async: _, items, body }) => {
                for ast::WithItem { node_index: _, range: _, context_expr, optional_vars } in items {
                    self.add(context_expr);
                    self.option(optional_vars.as_deref());
                }
                self.suite(body);
            }
            Stmt::Match(ast::StmtMatch { node_index: _, range: _, subject, cases }) => {
                self.add(subject);
                for ast::MatchCase { node_index: _, range: _, pattern, guard, body } in cases {
                    self.push(Node::Pattern(pattern), self.scope, Role::Plain);
                    self.option(guard.as_deref());
                    self.suite(body);
                }
            }
            Stmt::Raise(ast::StmtRaise { node_index: _, range: _, exc, cause }) => {
                self.option(exc.as_deref());
                self.option(cause.as_deref());
            }
            Stmt::Try(ast::StmtTry {
                node_index: _,
                range: _,
                body,
                handlers,
                orelse,
                finalbody,
                is_star: _,
            }) => {
                self.suite(body);
                for handler in handlers {
                    let ast::ExceptHandler::ExceptHandler(handler) = handler;
                    let ast::ExceptHandlerExceptHandler { node_index: _, range: _, type_, name, body } =
                        handler;
                    self.option(type_.as_deref());
                    if let Some(name) = name {
                        // Python deletes the name again at the end of the handler.
                        self.named(name, IdentKind::Caught, How::Deleted);
                    }
                    self.suite(body);
                }
                self.suite(orelse);
                self.suite(finalbody);
            }
            Stmt::Assert(ast::StmtAssert { node_index: _, range: _, test, msg }) => {
                self.add(test);
                self.option(msg.as_deref());
            }
            Stmt::Import(ast::StmtImport { node_index: _, range: _, names, is_lazy: _ }) => {
                self.import(names);
            }
            Stmt::ImportFrom(ast::StmtImportFrom {
                node_index: _,
                range: _,
                module,
                names,
                level: _,
                is_lazy: _,
            }) => {
                self.import_from(module.as_ref(), names);
            }
            Stmt::Global(ast::StmtGlobal { node_index: _, range: _, names }) => {
                for name in names {
                    self.ident(name.as_str(), name.range, IdentKind::Global);
                }
            }
            Stmt::Nonlocal(ast::StmtNonlocal { node_index: _, range: _, names }) => {
                for name in names {
                    self.ident(name.as_str(), name.range, IdentKind::Nonlocal);
                }
            }
            Stmt::Expr(ast::StmtExpr { node_index: _, range: _, value }) => {
                self.add_as(value, Role::Statement);
            }
            Stmt::Pass(ast::StmtPass { node_index: _, range: _ })
            | Stmt::Break(ast::StmtBreak { node_index: _, range: _ })
            | Stmt::Continue(ast::StmtContinue { node_index: _, range: _ })
            | Stmt::IpyEscapeCommand(ast::StmtIpyEscapeCommand {
                node_index: _,
                range: _,
                kind: _,
                value: _,
            }) => {}
        }
    }
}
