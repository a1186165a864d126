//! Patterns of `match`.

use super::super::parse::ast::{self, Identifier, Pattern};
use super::super::scope::How;
use super::{IdentKind, Node, Role, Walk};

impl<'a> Walk<'a> {
    pub(super) fn pattern(&mut self, pattern: &'a Pattern) {
        match pattern {
            Pattern::MatchValue(ast::PatternMatchValue { node_index: _, range: _, value }) => self.add(value),
            Pattern::MatchSingleton(ast::PatternMatchSingleton { node_index: _, range: _, value: _ }) => {}
            Pattern::MatchSequence(ast::PatternMatchSequence { node_index: _, range: _, patterns })
            | Pattern::MatchOr(ast::PatternMatchOr { node_index: _, range: _, patterns }) => {
                self.patterns(patterns);
            }
            Pattern::MatchMapping(ast::PatternMatchMapping {
                node_index: _,
                range: _,
                keys,
                patterns,
                rest,
            }) => {
                self.exprs(keys);
                self.patterns(patterns);
                self.capture(rest.as_ref());
            }
            Pattern::MatchClass(ast::PatternMatchClass { node_index: _, range: _, cls, arguments }) => {
                self.add(cls);
                let ast::PatternArguments { node_index: _, range: _, patterns, keywords } = arguments;
                self.patterns(patterns);
                for ast::PatternKeyword { node_index: _, range: _, attr, pattern } in keywords {
                    self.ident(attr.as_str(), attr.range, IdentKind::PatternAttribute);
                    self.push(Node::Pattern(pattern), self.scope, Role::Plain);
                }
            }
            Pattern::MatchStar(ast::PatternMatchStar { node_index: _, range: _, name }) => {
                self.capture(name.as_ref());
            }
            Pattern::MatchAs(ast::PatternMatchAs { node_index: _, range: _, pattern, name }) => {
                if let Some(pattern) = pattern {
                    self.push(Node::Pattern(pattern), self.scope, Role::Plain);
                }
                self.capture(name.as_ref());
            }
        }
    }

    pub(super) fn patterns(&mut self, patterns: &'a [Pattern]) {
        for pattern in patterns {
            self.push(Node::Pattern(pattern), self.scope, Role::Plain);
        }
    }

    pub(super) fn capture(&mut self, name: Option<&'a Identifier>) {
        if let Some(name) = name {
            self.named(name, IdentKind::Captured, How::Other);
        }
    }
}
