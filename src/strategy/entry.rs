//! What of a program the interpreter calls.

use super::parse::ast::{Stmt, StmtFunctionDef};
use super::scope::{How, Names};
use super::walk::{Program, ROOT};

/// How the strategy is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// `strategy(data)` or, with `params`, `strategy(data, params)`.
    Function {
        /// Whether the function takes `params`.
        params: bool,
    },
    /// The module is run with `data` and `params` given; it assigns `position`.
    Script,
}

/// The module-level `def strategy`, if there is one.
pub(super) fn function<'a>(program: &Program<'a>) -> Option<&'a StmtFunctionDef> {
    program.body.iter().find_map(|stmt| match stmt {
        Stmt::FunctionDef(def) if def.name.as_str() == "strategy" => Some(def),
        _ => None,
    })
}

/// Finds the entry; whether it is sound is for the rules CON001 and CON002 to say.
pub(super) fn find(program: &Program<'_>, names: &Names<'_>) -> Option<Entry> {
    if let Some(def) = function(program) {
        let count = def.parameters.posonlyargs.len() + def.parameters.args.len();
        return Some(Entry::Function { params: count > 1 });
    }
    let assigned = names.of("position").iter().any(|binding| {
        let is_value = !matches!(
            binding.how,
            How::Deleted | How::Function | How::Class | How::Module(_) | How::Member(..)
        );
        is_value && program.scopes.get(binding.scope).is_some_and(|scope| scope.node == ROOT)
    });
    assigned.then_some(Entry::Script)
}
