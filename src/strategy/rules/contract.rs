//! CON: the contract between a strategy and the sandbox.

use super::super::entry;
use super::super::finding::Report;
use super::super::parse::ast::{Expr, Parameters, Stmt, StmtFunctionDef};
use super::super::parse::{Ranged, bytes};
use super::super::scope::How;
use super::super::walk::{IdentKind, Node, ROOT};
use super::{Context, decorator, rules};

rules! {
    /// There is not exactly one entry.
    ///
    /// A strategy is a module-level `def strategy(data)` or `def strategy(data, params)`, bound once and decorated, if at
    /// all, by what returns a function; or, without it, a script that assigns `position` at module level, with `data` and
    /// `params` given.
    CON001: Error, core;
    /// The strategy is asynchronous or a generator.
    ///
    /// It is called once and returns the positions of all dates.
    CON002: Error, core;
    /// Some path through the strategy returns nothing.
    ///
    /// There the strategy returns `None`, and the run ends as `InvalidResult`.
    CON003: Warning, soft;
    /// `data` is asked for a finlab key.
    ///
    /// `data` is a `DataFrame` of prices, not finlab's data source: `data["close"]` replaces `data.get("price:收盤價")`.
    CON004: Error, core;
}

const CONTRACT: &str = "write `def strategy(data):` or `def strategy(data, params):` at module level and return target weights (dates × \
     symbols), or assign `position` at module level";

/// Runs the family.
pub(super) fn check(context: &Context<'_>, report: &mut Report<'_>) {
    check_entry(context, report);
    check_finlab(context, report);
}

fn check_entry(context: &Context<'_>, report: &mut Report<'_>) {
    let module: Vec<_> =
        context.names.of("strategy").iter().filter(|binding| is_module(context, binding.scope)).collect();
    match (entry::function(context.program), context.entry) {
        (Some(def), _) => {
            for binding in module.iter().filter(|binding| binding.range != def.name.range) {
                report.add(
                    &CON001,
                    bytes(binding.range),
                    "`strategy` is bound more than once at module level, so it is unclear what would run",
                    "define `strategy` once and give the other value another name",
                );
            }
            for decorator in &def.decorator_list {
                if !decorator::keeps(context.program, &context.names, decorator) {
                    report.add(
                        &CON001,
                        bytes(decorator.range),
                        "the decorator may replace `strategy` by something else than a function",
                        "delete it, or let it return a function that is defined in it: `def wrapper(data): …`, `return wrapper`",
                    );
                }
            }
            check_parameters(&def.parameters, report);
            check_kind(context, def, report);
        }
        (None, Some(_)) => {}
        (None, None) => {
            let (range, message) = match module.first() {
                Some(binding) => (
                    bytes(binding.range),
                    match binding.how {
                        How::Class => "`strategy` is a class: the entry must be a function".to_owned(),
                        How::Function => {
                            "`strategy` is defined inside a block: it must stand at module level".to_owned()
                        }
                        _ => "`strategy` is a value: the entry must be a `def`".to_owned(),
                    },
                ),
                None => (
                    0..0,
                    "the program has no entry: neither `def strategy(data)` nor `position = …`".to_owned(),
                ),
            };
            report.add(&CON001, range, message, CONTRACT);
        }
    }
}

fn is_module(context: &Context<'_>, scope: usize) -> bool {
    context.program.scopes.get(scope).is_some_and(|scope| scope.node == ROOT)
}

fn check_parameters(parameters: &Parameters, report: &mut Report<'_>) {
    let names: Vec<&str> = parameters
        .posonlyargs
        .iter()
        .chain(&parameters.args)
        .map(|parameter| parameter.parameter.name.as_str())
        .collect();
    let extra =
        parameters.vararg.is_some() || parameters.kwarg.is_some() || !parameters.kwonlyargs.is_empty();
    if extra || !matches!(names.as_slice(), ["data"] | ["data", "params"]) {
        report.add(
            &CON001,
            bytes(parameters.range()),
            format!("`strategy` is called with `data`, or with `data` and `params`, but takes ({})", names.join(", ")),
            "write `def strategy(data):` or `def strategy(data, params):`; read settings as `params.get(\"window\", \"20\")`",
        );
    }
}

fn check_kind(context: &Context<'_>, def: &StmtFunctionDef, report: &mut Report<'_>) {
    if def.is_async {
        report.add(
            &CON002,
            bytes(def.name.range),
            "the strategy is asynchronous",
            "write `def`, not `async def`",
        );
    }
    let own = context.program.scopes.iter().position(|scope| {
        matches!(context.node(scope.node).map(|visit| visit.node),
            Some(Node::Stmt(Stmt::FunctionDef(opened))) if std::ptr::eq(opened, def))
    });
    let yields = context.exprs().find(|(visit, expr)| {
        matches!(expr, Expr::Yield(_) | Expr::YieldFrom(_)) && own == Some(visit.scope)
    });
    if let Some((visit, _)) = yields {
        report.add(
            &CON002,
            visit.range(),
            "`yield` makes the strategy a generator",
            "collect the positions and `return` them as a Series or DataFrame",
        );
    } else if may_end_without_return(&def.body) {
        report.add(
            &CON003,
            bytes(def.name.range),
            "some path through `strategy` ends without `return`",
            "end every path with `return positions`",
        );
    }
}

/// Whether control can reach the end of a body. Bodies are looked at by a list: all of them must end.
fn may_end_without_return(body: &[Stmt]) -> bool {
    let mut todo = vec![body];
    while let Some(body) = todo.pop() {
        match body.last() {
            Some(Stmt::Return(_) | Stmt::Raise(_)) => {}
            Some(Stmt::If(stmt))
                if stmt.elif_else_clauses.last().is_some_and(|clause| clause.test.is_none()) =>
            {
                todo.push(&stmt.body);
                todo.extend(stmt.elif_else_clauses.iter().map(|clause| &clause.body[..]));
            }
            Some(Stmt::With(stmt)) => todo.push(&stmt.body),
            Some(Stmt::Try(stmt)) => {
                if matches!(stmt.finalbody.last(), Some(Stmt::Return(_) | Stmt::Raise(_))) {
                    continue;
                }
                todo.push(if stmt.orelse.is_empty() { &stmt.body } else { &stmt.orelse });
                for handler in &stmt.handlers {
                    let super::super::parse::ast::ExceptHandler::ExceptHandler(handler) = handler;
                    todo.push(&handler.body);
                }
            }
            Some(Stmt::Match(stmt)) => {
                if !stmt
                    .cases
                    .last()
                    .is_some_and(|case| case.guard.is_none() && case.pattern.is_irrefutable())
                {
                    return true;
                }
                todo.extend(stmt.cases.iter().map(|case| &case.body[..]));
            }
            Some(Stmt::While(stmt)) if matches!(&*stmt.test, Expr::BooleanLiteral(literal) if literal.value) =>
                {}
            _ => return true,
        }
    }
    false
}

/// `data.get("price:…")`: the idiom of finlab scripts.
fn check_finlab(context: &Context<'_>, report: &mut Report<'_>) {
    for ident in context
        .program
        .idents
        .iter()
        .filter(|ident| ident.kind == IdentKind::AttributeLoad && ident.text == "get")
    {
        let Some(visit) = context.node(ident.node) else {
            continue;
        };
        let Some(Node::Expr(Expr::Call(call))) = context.parent(visit).map(|parent| parent.node) else {
            continue;
        };
        let on_data = matches!(&*call.func, Expr::Attribute(attribute)
            if matches!(&*attribute.value, Expr::Name(name) if name.id.as_str() == "data"));
        if !on_data {
            continue;
        }
        let Some(Expr::StringLiteral(key)) = call.arguments.args.first() else {
            continue;
        };
        let key = key.value.to_str();
        if let Some((table, field)) = key.split_once(':') {
            report.add(
                &CON004,
                bytes(call.range()),
                format!(
                    "`data.get(\"{key}\")` is finlab's data source; here `data` is a DataFrame of prices"
                ),
                rewrite(table, field),
            );
        }
    }
}

fn rewrite(table: &str, field: &str) -> String {
    let ours = match field {
        "收盤價" | "close" => "close",
        "開盤價" | "open" => "open",
        "最高價" | "high" => "high",
        "最低價" | "low" => "low",
        "成交股數" | "成交筆數" | "成交金額" | "volume" => "volume",
        _ => {
            return format!(
                "there is no table `{table}` in the dataset: use data[\"open\"], data[\"high\"], data[\"low\"], data[\"close\"], data[\"volume\"]"
            );
        }
    };
    format!("write data[\"{ours}\"]: a Series for one symbol, a DataFrame dates × symbols for several")
}
