//! Scopes and bindings: what a name means, as far as Python's static rules say.
//!
//! A name assigned anywhere in a function never falls through to a builtin; at module and class level it does until
//! the assignment has run. Rules about builtins and modules rest on exactly that difference.

use std::collections::{BTreeMap, BTreeSet};

use super::parse::TextRange;
use super::parse::ast::{Expr, Stmt};
use super::walk::{Node, Program, ROOT};

/// What opens a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScopeKind {
    Module,
    /// Functions, lambdas and type parameter lists.
    Function,
    Class,
    Comprehension,
}

/// One scope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) kind: ScopeKind,
    pub(super) parent: Option<usize>,
    /// Index of the node that opened it.
    pub(super) node: usize,
}

/// What a name is bound to, as far as the binding itself tells.
#[derive(Debug, Clone, Copy)]
pub(super) enum How<'a> {
    Assigned(&'a Expr),
    Deleted,
    Parameter,
    Function,
    Class,
    /// A module by its dotted name.
    Module(&'a str),
    /// A name taken from a module.
    Member(&'a str, &'a str),
    /// Loop targets, tuple targets, captures, caught exceptions, …
    Other,
}

/// One binding of a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binding<'a> {
    pub(super) name: &'a str,
    pub(super) range: TextRange,
    pub(super) scope: usize,
    pub(super) how: How<'a>,
    /// Index of the node that binds.
    pub(super) node: usize,
}

/// Everything about one name, gathered once so that no program makes a rule quadratic.
#[derive(Debug, Default)]
struct Bound<'a> {
    bindings: Vec<Binding<'a>>,
    scopes: BTreeSet<usize>,
    modules: BTreeSet<&'a str>,
    members: BTreeSet<(&'a str, &'a str)>,
    /// Whether anything but an import binds it.
    otherwise: bool,
    /// Byte from which on the name certainly is bound at module level.
    sure_from: Option<usize>,
    /// Whether a module-level binding is deleted somewhere, by `del` or at the end of an `except … as`.
    deleted: bool,
}

/// Bindings by name, over the whole program.
#[derive(Debug)]
pub(super) struct Names<'a> {
    by_name: BTreeMap<&'a str, Bound<'a>>,
}

impl<'a> Names<'a> {
    /// Groups the program's bindings.
    pub(super) fn new(program: &Program<'a>) -> Self {
        let mut by_name: BTreeMap<&'a str, Bound<'a>> = BTreeMap::new();
        for binding in &program.bindings {
            let bound = by_name.entry(binding.name).or_default();
            bound.bindings.push(*binding);
            bound.scopes.insert(binding.scope);
            match binding.how {
                How::Module(module) => {
                    bound.modules.insert(module);
                }
                How::Member(module, name) => {
                    bound.members.insert((module, name));
                }
                _ => bound.otherwise = true,
            }
            let module_level =
                program.scopes.get(binding.scope).is_some_and(|scope| scope.kind == ScopeKind::Module);
            if module_level && matches!(binding.how, How::Deleted) {
                bound.deleted = true;
            } else if module_level && let Some(statement) = statement(program, binding) {
                let earliest = bound.sure_from.map_or(statement.end, |from| from.min(statement.end));
                bound.sure_from = Some(earliest);
            }
        }
        Self { by_name }
    }

    /// Every binding of `name`, in any scope.
    pub(super) fn of(&self, name: &str) -> &[Binding<'a>] {
        self.by_name.get(name).map_or(&[], |bound| bound.bindings.as_slice())
    }

    /// The one thing of a module that `name` ever is.
    pub(super) fn only_member(&self, name: &str) -> Option<(&'a str, &'a str)> {
        let bound = self.by_name.get(name).filter(|bound| !bound.otherwise && bound.modules.is_empty())?;
        bound.members.first().copied().filter(|_| bound.members.len() == 1)
    }

    /// The one module that `name` ever is.
    pub(super) fn only_module(&self, name: &str) -> Option<&'a str> {
        let bound = self.by_name.get(name).filter(|bound| !bound.otherwise && bound.members.is_empty())?;
        bound.modules.first().copied().filter(|_| bound.modules.len() == 1)
    }

    /// The bindings of `name`, or none if there are more than any honest program has: for rules that look at all of
    /// them each time the name is written.
    pub(super) fn few_of(&self, name: &str) -> &[Binding<'a>] {
        const FEW: usize = 64;
        let bindings = self.of(name);
        if bindings.len() <= FEW { bindings } else { &[] }
    }

    /// Whether `name` is bound in this very scope.
    pub(super) fn binds_in(&self, name: &str, scope: usize) -> bool {
        self.by_name.get(name).is_some_and(|bound| bound.scopes.contains(&scope))
    }

    /// The modules `name` is bound to by imports. A name that is also bound otherwise breaks BLT003, so for all other
    /// rules an imported module name means that module everywhere.
    pub(super) fn modules(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.by_name.get(name).into_iter().flat_map(|bound| bound.modules.iter().copied())
    }

    /// The names of modules (module, name) that `name` is imported from.
    pub(super) fn members(&self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.by_name.get(name).into_iter().flat_map(|bound| bound.members.iter().copied())
    }

    /// Whether a load of `name` in `scope` at byte `at` can never reach the builtin of that name.
    pub(super) fn shields(&self, program: &Program<'_>, name: &str, scope: usize, at: usize) -> bool {
        let Some(bound) = self.by_name.get(name) else {
            return false;
        };
        let mut here = Some(scope);
        let mut own = true;
        while let Some(index) = here {
            let Some(current) = program.scopes.get(index) else {
                return false;
            };
            let binds = bound.scopes.contains(&index);
            match current.kind {
                ScopeKind::Function | ScopeKind::Comprehension if binds => return true,
                // A class body looks its own names up dynamically; bodies of its methods do not see them at all.
                ScopeKind::Class if binds && own => return false,
                // A plain statement of the module body has run before everything behind it.
                ScopeKind::Module => return !bound.deleted && bound.sure_from.is_some_and(|from| from <= at),
                ScopeKind::Function | ScopeKind::Comprehension | ScopeKind::Class => {}
            }
            own = false;
            here = current.parent;
        }
        false
    }
}

/// The range of the assignment that makes a binding, if it is a direct statement of the module.
fn statement(program: &Program<'_>, binding: &Binding<'_>) -> Option<std::ops::Range<usize>> {
    // From the bound name up through tuple targets to the statement.
    let mut at = binding.node;
    loop {
        let visit = program.nodes.get(at)?;
        match visit.node {
            Node::Expr(Expr::Name(_) | Expr::Tuple(_) | Expr::List(_) | Expr::Starred(_)) => {
                at = visit.parent;
            }
            Node::Stmt(Stmt::Assign(_) | Stmt::FunctionDef(_) | Stmt::ClassDef(_))
                if visit.parent == ROOT =>
            {
                return Some(visit.range());
            }
            Node::Expr(_) | Node::Stmt(_) | Node::Pattern(_) | Node::Element(_) => return None,
        }
    }
}
