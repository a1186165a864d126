//! Expressions and patterns of the second parser's tree.

use rustpython_parser::ast::{self, Constant, Expr, ExprContext, Pattern};

use super::{Kind, Tag, Walk, Work};

impl<'a> Walk<'a> {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for every node kind: splitting would hide a missing one"
    )]
    pub(super) fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::BoolOp(ast::ExprBoolOp { range: _, op: _, values }) => {
                self.node(Kind::BoolOp);
                self.exprs(values);
            }
            Expr::NamedExpr(ast::ExprNamedExpr { range: _, target, value }) => {
                self.node(Kind::Walrus);
                self.exprs([&**target, &**value]);
            }
            Expr::BinOp(ast::ExprBinOp { range: _, left, op: _, right }) => {
                self.node(Kind::Binary);
                self.exprs([&**left, &**right]);
            }
            Expr::UnaryOp(ast::ExprUnaryOp { range: _, op: _, operand }) => {
                self.node(Kind::Unary);
                self.expr(operand);
            }
            Expr::Lambda(ast::ExprLambda { range: _, args, body }) => {
                self.node(Kind::Lambda);
                self.arguments(args);
                self.expr(body);
            }
            Expr::IfExp(ast::ExprIfExp { range: _, test, body, orelse }) => {
                self.node(Kind::IfElse);
                self.exprs([&**test, &**body, &**orelse]);
            }
            Expr::Dict(ast::ExprDict { range: _, keys, values }) => {
                self.node(Kind::Dict);
                let mut values = values.iter();
                for key in keys {
                    self.boxed(key.as_ref());
                    self.boxed(values.next());
                }
                self.exprs(values);
            }
            Expr::Set(ast::ExprSet { range: _, elts }) => {
                self.node(Kind::Set);
                self.exprs(elts);
            }
            Expr::ListComp(ast::ExprListComp { range: _, elt, generators })
            | Expr::SetComp(ast::ExprSetComp { range: _, elt, generators })
            | Expr::GeneratorExp(ast::ExprGeneratorExp { range: _, elt, generators }) => {
                self.generators(generators);
                self.expr(elt);
            }
            Expr::DictComp(ast::ExprDictComp { range: _, key, value, generators }) => {
                self.generators(generators);
                self.exprs([&**key, &**value]);
            }
            Expr::Await(ast::ExprAwait { range: _, value }) => {
                self.node(Kind::Await);
                self.expr(value);
            }
            Expr::Yield(ast::ExprYield { range: _, value }) => {
                self.node(Kind::Yield);
                self.boxed(value.as_deref());
            }
            Expr::YieldFrom(ast::ExprYieldFrom { range: _, value }) => {
                self.node(Kind::Yield);
                self.expr(value);
            }
            Expr::Compare(ast::ExprCompare { range: _, left, ops: _, comparators }) => {
                self.node(Kind::Compare);
                self.expr(left);
                self.exprs(comparators);
            }
            Expr::Call(ast::ExprCall { range: _, func, args, keywords }) => {
                self.node(Kind::Call);
                self.expr(func);
                self.exprs(args);
                self.keywords(keywords);
            }
            Expr::FormattedValue(ast::ExprFormattedValue { range: _, value, conversion: _, format_spec }) => {
                self.node(Kind::Field);
                self.expr(value);
                self.boxed(format_spec.as_deref());
            }
            // The literal pieces between the fields are cut differently by the two parsers.
            Expr::JoinedStr(ast::ExprJoinedStr { range: _, values }) => {
                self.exprs(values.iter().filter(|value| !matches!(value, Expr::Constant(_))));
            }
            Expr::Constant(ast::ExprConstant { range: _, value, kind: _ }) => match value {
                Constant::Str(text) => self.found.text(text),
                Constant::Bytes(_) => self.node(Kind::Bytes),
                Constant::Int(_) | Constant::Float(_) | Constant::Complex { .. } => self.node(Kind::Number),
                Constant::Bool(_) | Constant::None | Constant::Ellipsis | Constant::Tuple(_) => {
                    self.node(Kind::Constant);
                }
            },
            Expr::Attribute(ast::ExprAttribute { range: _, value, attr, ctx: _ }) => {
                self.name(Tag::Attribute, attr);
                self.expr(value);
            }
            Expr::Subscript(ast::ExprSubscript { range: _, value, slice, ctx: _ }) => {
                self.node(Kind::Subscript);
                self.exprs([&**value, &**slice]);
            }
            Expr::Starred(ast::ExprStarred { range: _, value, ctx: _ }) => {
                self.node(Kind::Starred);
                self.expr(value);
            }
            Expr::Name(ast::ExprName { range: _, id, ctx }) => {
                self.name(Tag::Name, id);
                match ctx {
                    ExprContext::Load => {}
                    ExprContext::Store => self.node(Kind::Store),
                    ExprContext::Del => self.node(Kind::Delete),
                }
            }
            Expr::List(ast::ExprList { range: _, elts, ctx: _ }) => {
                self.node(Kind::List);
                self.exprs(elts);
            }
            Expr::Tuple(ast::ExprTuple { range: _, elts, ctx: _ }) => {
                self.exprs(elts);
            }
            Expr::Slice(ast::ExprSlice { range: _, lower, upper, step }) => {
                self.node(Kind::Slice);
                for part in [lower, upper, step] {
                    self.boxed(part.as_deref());
                }
            }
        }
    }

    pub(super) fn generators(&mut self, generators: &'a [ast::Comprehension]) {
        self.node(Kind::Comprehension);
        for ast::Comprehension { range: _, target, iter, ifs, is_async: _ } in generators {
            self.exprs([target, iter]);
            self.exprs(ifs);
        }
    }

    pub(super) fn visit_pattern(&mut self, pattern: &'a Pattern) {
        match pattern {
            Pattern::MatchValue(ast::PatternMatchValue { range: _, value }) => self.expr(value),
            Pattern::MatchSingleton(ast::PatternMatchSingleton { range: _, value: _ }) => {}
            Pattern::MatchSequence(ast::PatternMatchSequence { range: _, patterns })
            | Pattern::MatchOr(ast::PatternMatchOr { range: _, patterns }) => self.patterns(patterns),
            Pattern::MatchMapping(ast::PatternMatchMapping { range: _, keys, patterns, rest }) => {
                self.exprs(keys);
                self.patterns(patterns);
                self.capture(rest.as_ref());
            }
            Pattern::MatchClass(ast::PatternMatchClass {
                range: _,
                cls,
                patterns,
                kwd_attrs,
                kwd_patterns,
            }) => {
                self.expr(cls);
                self.patterns(patterns);
                self.patterns(kwd_patterns);
                for attr in kwd_attrs {
                    self.name(Tag::Capture, attr);
                }
            }
            Pattern::MatchStar(ast::PatternMatchStar { range: _, name }) => self.capture(name.as_ref()),
            Pattern::MatchAs(ast::PatternMatchAs { range: _, pattern, name }) => {
                self.todo.extend(pattern.as_deref().map(Work::Pattern));
                self.capture(name.as_ref());
            }
        }
    }

    pub(super) fn capture(&mut self, name: Option<&'a ast::Identifier>) {
        if let Some(name) = name {
            self.name(Tag::Capture, name);
        }
    }
}
