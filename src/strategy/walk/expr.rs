//! Expressions and the insides of f-strings.

use super::super::parse::ast::{self, Expr, ExprContext, InterpolatedStringElement as Element};
use super::super::scope::ScopeKind;
use super::{IdentKind, Node, Role, Walk};

impl<'a> Walk<'a> {
    #[expect(
        clippy::too_many_lines,
        clippy::match_same_arms,
        reason = "one arm for every node kind: splitting would hide a missing one"
    )]
    pub(super) fn expr(&mut self, expr: &'a Expr, role: Role<'a>) {
        match expr {
            Expr::BoolOp(ast::ExprBoolOp { node_index: _, range: _, op: _, values }) => self.exprs(values),
            Expr::Named(ast::ExprNamed { node_index: _, range: _, target, value }) => {
                self.add_as(target, Role::Walrus);
                self.add(value);
            }
            Expr::BinOp(ast::ExprBinOp { node_index: _, range: _, left, op: _, right }) => {
                self.add(left);
                self.add(right);
            }
            Expr::UnaryOp(ast::ExprUnaryOp { node_index: _, range: _, op: _, operand }) => self.add(operand),
            Expr::Lambda(ast::ExprLambda { node_index: _, range: _, parameters, body }) => {
                let inner = self.open(ScopeKind::Function);
                if let Some(parameters) = parameters {
                    self.parameters(parameters, inner);
                }
                self.add_in(body, inner);
            }
            Expr::If(ast::ExprIf { node_index: _, range: _, test, body, orelse }) => {
                self.add(test);
                self.add(body);
                self.add(orelse);
            }
            Expr::Dict(ast::ExprDict { node_index: _, range: _, items }) => {
                for ast::DictItem { key, value } in items {
                    self.option(key.as_ref());
                    self.add(value);
                }
            }
            Expr::Set(ast::ExprSet { node_index: _, range: _, elts })
            | Expr::List(ast::ExprList { node_index: _, range: _, elts, ctx: _ })
            | Expr::Tuple(ast::ExprTuple { node_index: _, range: _, elts, ctx: _, parenthesized: _ }) => {
                self.exprs(elts);
            }
            Expr::ListComp(ast::ExprListComp { node_index: _, range: _, elt, generators })
            | Expr::SetComp(ast::ExprSetComp { node_index: _, range: _, elt, generators })
            | Expr::Generator(ast::ExprGenerator {
                node_index: _,
                range: _,
                elt,
                generators,
                parenthesized: _,
            }) => {
                let inner = self.comprehension(generators);
                self.add_in(elt, inner);
            }
            Expr::DictComp(ast::ExprDictComp { node_index: _, range: _, key, value, generators }) => {
                let inner = self.comprehension(generators);
                if let Some(key) = key {
                    self.add_in(key, inner);
                }
                self.add_in(value, inner);
            }
            Expr::Await(ast::ExprAwait { node_index: _, range: _, value })
            | Expr::YieldFrom(ast::ExprYieldFrom { node_index: _, range: _, value }) => self.add(value),
            Expr::Yield(ast::ExprYield { node_index: _, range: _, value }) => self.option(value.as_deref()),
            Expr::Compare(ast::ExprCompare { node_index: _, range: _, left, ops: _, comparators }) => {
                self.add_as(left, Role::Operand);
                for comparator in comparators {
                    self.add_as(comparator, Role::Operand);
                }
            }
            Expr::Call(ast::ExprCall { node_index: _, range_start: _, func, arguments }) => {
                self.add_as(func, Role::Callee);
                self.arguments(arguments, Role::Argument);
            }
            Expr::FString(ast::ExprFString { node_index: _, range: _, value }) => {
                for part in value {
                    match part {
                        ast::FStringPart::Literal(_) => {}
                        ast::FStringPart::FString(ast::FString {
                            node_index: _,
                            range: _,
                            elements,
                            flags: _,
                        }) => {
                            self.elements(elements, Role::Plain);
                        }
                    }
                }
            }
            Expr::TString(ast::ExprTString { node_index: _, range: _, value }) => {
                for ast::TString { node_index: _, range: _, elements, flags: _ } in value {
                    self.elements(elements, Role::Plain);
                }
            }
            Expr::Attribute(ast::ExprAttribute { node_index: _, range: _, value, attr, ctx }) => {
                self.ident(attr.as_str(), attr.range, attribute_kind(*ctx));
                self.add_as(value, Role::AttributeBase);
            }
            Expr::Subscript(ast::ExprSubscript { node_index: _, range: _, value, slice, ctx: _ }) => {
                self.add(value);
                self.add(slice);
            }
            Expr::Starred(ast::ExprStarred { node_index: _, range: _, value, ctx: _ }) => self.add(value),
            Expr::Name(ast::ExprName { node_index: _, range, id, ctx }) => {
                self.name(id.as_str(), *range, *ctx, role);
            }
            Expr::Slice(ast::ExprSlice { node_index: _, range: _, lower, upper, step }) => {
                for part in [lower, upper, step] {
                    self.option(part.as_deref());
                }
            }
            Expr::StringLiteral(ast::ExprStringLiteral { node_index: _, range: _, value: _ })
            | Expr::BytesLiteral(ast::ExprBytesLiteral { node_index: _, range: _, value: _ })
            | Expr::NumberLiteral(ast::ExprNumberLiteral { node_index: _, range: _, value: _ })
            | Expr::BooleanLiteral(ast::ExprBooleanLiteral { node_index: _, range: _, value: _ })
            | Expr::NoneLiteral(ast::ExprNoneLiteral { node_index: _, range: _ })
            | Expr::EllipsisLiteral(ast::ExprEllipsisLiteral { node_index: _, range: _ })
            | Expr::IpyEscapeCommand(ast::ExprIpyEscapeCommand {
                node_index: _,
                range: _,
                kind: _,
                value: _,
            }) => {}
        }
    }

    pub(super) fn elements(&mut self, elements: &'a [Element], role: Role<'a>) {
        for element in elements {
            self.push(Node::Element(element), self.scope, role);
        }
    }

    pub(super) fn element(&mut self, element: &'a Element) {
        match element {
            Element::Literal(ast::InterpolatedStringLiteralElement { node_index: _, range: _, value: _ }) => {
            }
            Element::Interpolation(ast::InterpolatedElement {
                node_index: _,
                range: _,
                expression,
                debug_text: _,
                conversion: _,
                format_spec,
            }) => {
                self.add_as(expression, Role::Formatted);
                if let Some(specification) = format_spec {
                    let ast::InterpolatedStringFormatSpec { node_index: _, range: _, elements } =
                        &**specification;
                    self.elements(elements, Role::Specification);
                }
            }
        }
    }
}

const fn attribute_kind(ctx: ExprContext) -> IdentKind {
    match ctx {
        ExprContext::Store => IdentKind::AttributeStore,
        ExprContext::Del => IdentKind::AttributeDelete,
        ExprContext::Load | ExprContext::Invalid => IdentKind::AttributeLoad,
    }
}
