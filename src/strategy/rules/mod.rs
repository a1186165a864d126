//! The catalogue of rules, one family a file. A rule's doc comment is its user documentation.

pub(super) mod annotation;
pub(super) mod builtins;
mod classes;
mod constant;
pub(super) mod contract;
mod decorator;
mod dispatch;
pub(super) mod dunder;
mod endless;
pub(super) mod format;
pub(super) mod imports;
pub(super) mod language;
pub(super) mod mutation;
pub(super) mod pandas;
pub(super) mod parsing;
pub(super) mod resource;
pub(super) mod source;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use super::entry::{self, Entry};
use super::finding::{Report, RuleId, Severity};
use super::parse::ast::{Expr, Stmt};
use super::policy::Policy;
use super::scope::{Binding, How, Names, ScopeKind};
use super::walk::{Ident, IdentKind, Node, Program, Visit};

/// One rule of the gate.
#[derive(Debug)]
pub struct Rule {
    /// Stable id, such as `IMP001`.
    pub id: RuleId,
    /// What a finding of it counts for, unless the construct decides.
    pub severity: Severity,
    /// Core rules cannot be softened by a policy.
    pub core: bool,
    /// The user documentation: what is refused, why, what to write instead. Its first line is the title.
    pub doc: &'static str,
}

/// Declares rules; the doc comment becomes both rustdoc and [`Rule::doc`].
macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $id:ident: $severity:ident, $core:ident;)+) => {
        $($(#[doc = $doc])+
        pub(in super::super) static $id: $crate::strategy::rules::Rule = $crate::strategy::rules::Rule {
            id: stringify!($id),
            severity: $crate::strategy::finding::Severity::$severity,
            core: rules!(@ $core),
            doc: concat!($($doc, "\n"),+),
        };)+
    };
    (@ core) => { true };
    (@ soft) => { false };
}
use rules;

/// Every rule, ordered as documented.
#[rustfmt::skip]
pub static RULES: &[&Rule] = &[
    &source::SRC001, &source::SRC002, &source::SRC003, &source::SRC004, &source::SRC005, &source::SRC006,
    &source::SRC007, &source::SRC008,
    &parsing::PAR001, &parsing::PAR002, &parsing::PAR003, &parsing::PAR004,
    &contract::CON001, &contract::CON002, &contract::CON003, &contract::CON004,
    &imports::IMP001, &imports::IMP002, &imports::IMP003, &imports::IMP004, &imports::IMP005,
    &builtins::BLT001, &builtins::BLT002, &builtins::BLT003,
    &dunder::DUN001, &dunder::DUN002, &dunder::DUN003, &dunder::DUN004, &dunder::DUN005, &dunder::DUN006,
    &format::FMT001, &format::FMT002,
    &pandas::PDS001, &pandas::PDS002, &pandas::PDS003, &pandas::PDS004,
    &mutation::MUT001,
    &language::LNG001, &language::LNG002, &language::LNG003,
    &resource::RES001, &resource::RES002, &resource::RES003, &resource::RES004, &resource::RES005,
    &annotation::ANN001,
];

/// Everything a rule may look at.
pub(super) struct Context<'a> {
    pub(super) program: &'a Program<'a>,
    pub(super) names: Names<'a>,
    pub(super) policy: &'a Policy,
    pub(super) entry: Option<Entry>,
    selves: Vec<&'static str>,
    attributes: BTreeSet<&'a str>,
    methods: BTreeSet<&'a str>,
    /// What [`Self::find_strangers`] has found.
    strangers: OnceCell<BTreeSet<String>>,
    remembered: RefCell<BTreeMap<String, bool>>,
    sequences: RefCell<BTreeMap<String, bool>>,
}

impl<'a> Context<'a> {
    /// Gathers what rules look up.
    pub(super) fn new(program: &'a Program<'a>, policy: &'a Policy) -> Self {
        let names = Names::new(program);
        let entry = entry::find(program, &names);
        let (mut attributes, mut methods) = (BTreeSet::new(), BTreeSet::new());
        for binding in &program.bindings {
            if program.scopes.get(binding.scope).is_some_and(|scope| scope.kind == ScopeKind::Class) {
                attributes.insert(binding.name);
                if matches!(binding.how, How::Function) {
                    methods.insert(binding.name);
                }
            }
        }
        for binding in &program.bindings {
            let in_class =
                program.scopes.get(binding.scope).is_some_and(|scope| scope.kind == ScopeKind::Class);
            if in_class
                && !(matches!(binding.how, How::Function) && decorator::is_plain(program, &names, binding))
            {
                methods.remove(binding.name);
            }
        }
        let selves: Vec<&str> = ["self", "cls"]
            .into_iter()
            .filter(|name| names.of(name).iter().all(|binding| is_receiver(program, binding)))
            .collect();
        for ident in program.idents.iter().filter(|ident| ident.kind == IdentKind::AttributeStore) {
            methods.remove(ident.text);
            if is_on(program, ident, &selves) {
                attributes.insert(ident.text);
            }
        }
        Self {
            program,
            selves,
            strangers: OnceCell::new(),
            names,
            policy,
            entry,
            attributes,
            methods,
            remembered: RefCell::default(),
            sequences: RefCell::default(),
        }
    }

    /// Whether the program itself makes an attribute of this name: in a class body or as `self.name = …`.
    pub(super) fn defines_attribute(&self, name: &str) -> bool {
        self.attributes.contains(name)
    }

    /// Whether `name` is `self` or `cls` and stands for the object of a method wherever the program uses it.
    pub(super) fn is_self(&self, name: &str) -> bool {
        self.selves.contains(&name)
    }

    /// Whether `name` is bound by class statements of this program and by nothing else.
    pub(super) fn is_own_class(&self, name: &str) -> bool {
        let bindings = self.names.few_of(name);
        !bindings.is_empty() && bindings.iter().all(|binding| matches!(binding.how, How::Class))
    }

    /// Whether `name` is a method of this program's classes and never an assigned attribute.
    pub(super) fn defines_method(&self, name: &str) -> bool {
        self.methods.contains(name)
    }

    /// Whether every method of this name gives back the object that it was called on, if it gives anything.
    pub(super) fn returns_self(&self, name: &str) -> bool {
        self.defines_method(name) && !self.strangers.get_or_init(|| self.find_strangers()).contains(name)
    }

    /// Functions that return anything but `self`. Few programs ask, and none twice.
    fn find_strangers(&self) -> BTreeSet<String> {
        let returns_other = |visit: &&Visit<'a>| match visit.node {
            Node::Stmt(Stmt::Return(stmt)) => !stmt
                .value
                .as_deref()
                .is_some_and(|value| matches!(value, Expr::Name(name) if self.is_self(name.id.as_str()))),
            Node::Expr(Expr::Yield(_) | Expr::YieldFrom(_)) => true,
            Node::Stmt(_) | Node::Expr(_) | Node::Pattern(_) | Node::Element(_) => false,
        };
        let function = |visit: &Visit<'a>| match self.node(self.program.scopes.get(visit.scope)?.node)?.node {
            Node::Stmt(Stmt::FunctionDef(def)) => Some(def.name.to_string()),
            Node::Stmt(_) | Node::Expr(_) | Node::Pattern(_) | Node::Element(_) => None,
        };
        self.program.nodes.iter().filter(returns_other).filter_map(function).collect()
    }

    /// Remembers an answer about a name: some are asked as often as the name is written.
    pub(super) fn remember(&self, name: &str, answer: impl FnOnce() -> bool) -> bool {
        if let Some(known) = self.remembered.borrow().get(name) {
            return *known;
        }
        let answer = answer();
        self.remembered.borrow_mut().insert(name.to_owned(), answer);
        answer
    }

    /// As [`Self::remember`], of whether a name is bound to a sequence written out.
    pub(super) fn remember_sequence(&self, name: &str, answer: impl FnOnce() -> bool) -> bool {
        if let Some(known) = self.sequences.borrow().get(name) {
            return *known;
        }
        let answer = answer();
        self.sequences.borrow_mut().insert(name.to_owned(), answer);
        answer
    }

    /// The parent of a visited node; `None` at module level.
    pub(super) fn parent(&self, visit: &Visit<'a>) -> Option<&Visit<'a>> {
        self.program.nodes.get(visit.parent)
    }

    /// The node at an index.
    pub(super) fn node(&self, index: usize) -> Option<&Visit<'a>> {
        self.program.nodes.get(index)
    }

    /// All expressions with their visits.
    pub(super) fn exprs(&self) -> impl Iterator<Item = (&Visit<'a>, &'a Expr)> {
        self.program.nodes.iter().filter_map(|visit| match visit.node {
            Node::Expr(expr) => Some((visit, expr)),
            Node::Stmt(_) | Node::Pattern(_) | Node::Element(_) => None,
        })
    }

    /// All statements with their visits.
    pub(super) fn stmts(&self) -> impl Iterator<Item = (&Visit<'a>, &'a Stmt)> {
        self.program.nodes.iter().filter_map(|visit| match visit.node {
            Node::Stmt(stmt) => Some((visit, stmt)),
            Node::Expr(_) | Node::Pattern(_) | Node::Element(_) => None,
        })
    }
}

/// Whether a binding is the first parameter of a method that is called on an object or its class.
fn is_receiver(program: &Program<'_>, binding: &Binding<'_>) -> bool {
    let Some(scope) = program.scopes.get(binding.scope) else { return false };
    let in_class = scope
        .parent
        .and_then(|parent| program.scopes.get(parent))
        .is_some_and(|parent| parent.kind == ScopeKind::Class);
    let first = matches!(program.nodes.get(scope.node).map(|visit| visit.node),
        Some(Node::Stmt(Stmt::FunctionDef(def)))
            if decorator::takes(def) == Some(binding.name)
                && !def.decorator_list.iter().any(|d| matches!(&d.expression, Expr::Name(n) if n.id.as_str() == "staticmethod")));
    matches!(binding.how, How::Parameter) && in_class && first
}

/// Whether an attribute is one of an object with one of these names.
fn is_on(program: &Program<'_>, ident: &Ident<'_>, objects: &[&str]) -> bool {
    let node = program.nodes.get(ident.node).map(|visit| visit.node);
    matches!(node, Some(Node::Expr(Expr::Attribute(attribute)))
        if matches!(&*attribute.value, Expr::Name(name) if objects.contains(&name.id.as_str())))
}

/// Looks a family of rules over; the order is that of the catalogue.
type Check = fn(&Context<'_>, &mut Report<'_>);

const CHECKS: &[Check] = &[
    contract::check,
    imports::check,
    builtins::check,
    dunder::check,
    format::check,
    pandas::check,
    mutation::check,
    language::check,
    resource::check,
    annotation::check,
];

/// Runs every check.
pub(super) fn run(context: &Context<'_>, report: &mut Report<'_>) {
    for check in CHECKS {
        check(context, report);
    }
}

/// Whether a name starts and ends with two underscores.
pub(super) fn is_dunder(name: &str) -> bool {
    name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}

#[cfg(test)]
mod tests {
    use super::RULES;

    #[test]
    fn ids_are_unique_and_every_rule_is_documented() {
        let mut ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), RULES.len());
        for rule in RULES {
            assert!(rule.doc.len() > 60, "{}", rule.id);
        }
    }
}
