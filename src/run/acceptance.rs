//! Acceptance: CEL over the metrics, reduced to what a result can be judged by.
//!
//! The text is a user's and is evaluated in the operator. So it is a small language that is let through to the parser at
//! all (no strings, lists, loops or calls but `has()`), its nesting is bounded before it is parsed, and types are checked
//! before anything runs: what is left can only meet an absent metric or a division by zero.

use crate::crd::{Acceptance, OnReject};
use crate::wire::{Metrics, clean};
use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};
use cel::parser::PrattParser;
use cel::{Context, ExecutionError, Value};
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Expressions of one run, and bytes of one.
const MOST_EXPRESSIONS: usize = 16;
const MOST_BYTES: usize = 512;
/// Parentheses within each other, and operators within each other. An unoptimised evaluator takes 32 KiB of stack for a
/// level, and a thread has 2 MiB.
const NESTING: usize = 12;
const DEPTH: usize = 20;
/// Levels and nodes that the parser may make: no text of that length within the bounds above needs more.
const PARSER_LEVELS: u16 = 24;
const PARSER_NODES: usize = 600;
/// Bytes of an expression and of a value's text in a message.
const SHOWN: usize = 300;

/// The one variable.
const VARIABLE: &str = "metrics";
/// Its members, which are doubles.
const MEMBERS: [&str; 23] = [
    "totalReturn",
    "annualReturn",
    "annualVolatility",
    "sharpeRatio",
    "sortinoRatio",
    "maxDrawdown",
    "calmarRatio",
    "winRate",
    "dailyWinRate",
    "profitFactor",
    "turnover",
    "exposure",
    "trades",
    "avgHoldingDays",
    "bestTrade",
    "worstTrade",
    "benchmarkReturn",
    "alpha",
    "beta",
    "probabilisticSharpe",
    "deflatedSharpe",
    "minTrackRecordLength",
    "days",
];

/// Expressions that can be judged.
#[derive(Debug)]
pub(super) struct Expressions {
    all: Vec<Expression>,
    on_reject: OnReject,
}

#[derive(Debug)]
struct Expression {
    text: String,
    tree: IdedExpr,
    /// The metrics that it names, in its order.
    members: Vec<String>,
}

/// An expression that cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("spec.acceptance.expressions[{index}]: {problem}")]
pub(super) struct BadExpression {
    index: usize,
    problem: String,
}

/// What became of the acceptance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judged {
    /// Every expression is true.
    Accepted,
    /// One is not; says which, with its values.
    Rejected {
        /// For Ready's message.
        message: String,
        /// What that means for the run.
        on_reject: OnReject,
    },
}

/// Reads the expressions.
///
/// # Errors
/// The first one that cannot be judged, with the remedy.
pub(super) fn read(acceptance: &Acceptance) -> Result<Expressions, BadExpression> {
    let bad = |index, problem| BadExpression { index, problem };
    if acceptance.expressions.len() > MOST_EXPRESSIONS {
        return Err(bad(MOST_EXPRESSIONS, format!("write at most {MOST_EXPRESSIONS} expressions")));
    }
    let all = acceptance
        .expressions
        .iter()
        .enumerate()
        .map(|(index, text)| read_one(text).map_err(|problem| bad(index, problem)))
        .collect::<Result<_, _>>()?;
    Ok(Expressions { all, on_reject: acceptance.on_reject })
}

impl Expressions {
    /// Judges metrics.
    pub(super) fn judge(&self, metrics: &Metrics) -> Judged {
        let values = values(metrics);
        let failed: Vec<String> = self.all.iter().filter_map(|one| one.failure(&values)).collect();
        let Some(first) = failed.first() else { return Judged::Accepted };
        let others = match failed.len() {
            1 => String::new(),
            count => format!("; {} more", count - 1),
        };
        Judged::Rejected { message: format!("not accepted: {first}{others}"), on_reject: self.on_reject }
    }
}

impl Expression {
    /// Why the expression does not accept, if so.
    fn failure(&self, values: &BTreeMap<&'static str, f64>) -> Option<String> {
        let result = self.evaluate(values);
        let why = match result {
            Ok(true) => return None,
            Ok(false) => None,
            Err(problem) => Some(problem),
        };
        let named: Vec<String> = self
            .members
            .iter()
            .map(|name| match values.get(name.as_str()) {
                Some(value) => format!("metrics.{name} is {value}"),
                None => format!("metrics.{name} is absent"),
            })
            .collect();
        let named = Some(clean(&named.join(", "), SHOWN)).filter(|named| !named.is_empty());
        let details: Vec<String> = why.into_iter().chain(named).collect();
        let text = clean(&self.text, SHOWN);
        Some(if details.is_empty() { text } else { format!("{text} ({})", details.join("; ")) })
    }

    fn evaluate(&self, values: &BTreeMap<&'static str, f64>) -> Result<bool, String> {
        let values: HashMap<String, f64> =
            values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let result = guarded(|| {
            let mut context = Context::default();
            context.add_variable_from_value(VARIABLE, values);
            context.resolve(&self.tree)
        })?;
        match result {
            Ok(Value::Bool(result)) => Ok(result),
            // The values say which one is absent.
            Err(ExecutionError::NoSuchKey(_)) => Err("a metric is absent".into()),
            Err(error) => Err(clean(&error.to_string(), SHOWN)),
            Ok(_) => Err("it is neither true nor false".into()),
        }
    }
}

/// The parser and evaluator are somebody else's: what they do not expect ends one expression and not the operator.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| "it cannot be evaluated; write it in a simpler way".to_owned())
}

/// The metrics by name; an absent one is not there.
fn values(metrics: &Metrics) -> BTreeMap<&'static str, f64> {
    let all = serde_json::to_value(metrics).unwrap_or_default();
    MEMBERS.iter().filter_map(|name| Some((*name, all.get(name)?.as_f64()?))).collect()
}

fn read_one(text: &str) -> Result<Expression, String> {
    check_text(text)?;
    // Not the crate's other parser, which is a generated one: that takes 190 KiB of stack for a parenthesis and 20 ms for
    // its first text.
    let parser =
        PrattParser::new().max_recursion_depth(PARSER_LEVELS).max_expression_node_count(PARSER_NODES);
    let parsed = guarded(|| parser.error_recovery_limit(1).parse(text))?;
    let tree = parsed.map_err(|errors| {
        let first = errors.errors.first().map_or("it is malformed", |error| error.msg.as_str());
        format!("{} is no CEL expression: {}", quoted(text), clean(first, SHOWN))
    })?;
    let mut members = Vec::new();
    match type_of(&tree, 0, &mut members)? {
        Type::Bool => Ok(Expression { text: text.to_owned(), tree, members }),
        Type::Int | Type::Double => Err(format!(
            "{} is a number: compare it with one, as in metrics.sharpeRatio >= 0.3",
            quoted(text)
        )),
    }
}

fn quoted(text: &str) -> String {
    format!("{:?}", clean(text, SHOWN))
}

/// What may reach the parser.
fn check_text(text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.len() > MOST_BYTES {
        return Err(format!("write from 1 to {MOST_BYTES} characters"));
    }
    let known = |c: char| c.is_ascii_alphanumeric() || " \t\n._+-*/%<>=!&|?:()".contains(c);
    if let Some(other) = text.chars().find(|c| !known(*c)) {
        return Err(format!(
            "{:?} has no place in it: write numbers, metrics.NAME, comparisons, arithmetic, && || ! ?: and has()",
            clean(&other.to_string(), 16)
        ));
    }
    if text.contains("//") {
        return Err("write it without comments".into());
    }
    let mut open = 0_usize;
    for c in text.chars() {
        match c {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > NESTING {
            return Err(format!("nest at most {NESTING} parentheses"));
        }
    }
    // Each of these is a level of the parser of its own.
    if text.matches('?').count() > NESTING {
        return Err(format!("write at most {NESTING} conditionals"));
    }
    Ok(())
}

/// What a part of an expression is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Bool,
    Int,
    Double,
}

/// The type of a tree; notes the metrics that it names.
fn type_of(tree: &IdedExpr, depth: usize, members: &mut Vec<String>) -> Result<Type, String> {
    if depth > DEPTH {
        return Err(format!(
            "nest at most {DEPTH} operators; write several expressions instead, as all must be true"
        ));
    }
    match &tree.expr {
        Expr::Literal(LiteralValue::Boolean(_)) => Ok(Type::Bool),
        Expr::Literal(LiteralValue::Int(_)) => Ok(Type::Int),
        Expr::Literal(LiteralValue::Double(_)) => Ok(Type::Double),
        Expr::Literal(
            LiteralValue::UInt(_) | LiteralValue::Bytes(_) | LiteralValue::Null | LiteralValue::String(_),
        ) => Err("write numbers as 1 or 1.5".into()),
        Expr::Select(select) => {
            if !matches!(&select.operand.expr, Expr::Ident(name) if name == VARIABLE) {
                return Err("there is nothing but metrics to select from: write metrics.NAME".into());
            }
            let name = clean(&select.field, 64);
            if !MEMBERS.contains(&select.field.as_str()) {
                return Err(format!("there is no metric {name:?}; there are: {}", MEMBERS.join(", ")));
            }
            if !members.contains(&name) {
                members.push(name);
            }
            Ok(if select.test { Type::Bool } else { Type::Double })
        }
        Expr::Ident(name) => Err(format!("there is no variable {:?}: write metrics.NAME", clean(name, 64))),
        Expr::Call(call) => {
            let mut types = Vec::with_capacity(call.args.len());
            for part in call.target.as_deref().into_iter().chain(&call.args) {
                types.push(type_of(part, depth + 1, members)?);
            }
            call_type(&call.func_name, &types)
        }
        Expr::Unspecified | Expr::Comprehension(_) | Expr::List(_) | Expr::Map(_) | Expr::Struct(_) => {
            Err("write numbers, metrics.NAME, comparisons, arithmetic, && || ! ?: and has()".into())
        }
    }
}

fn call_type(name: &str, types: &[Type]) -> Result<Type, String> {
    use Type::{Bool, Double, Int};
    let number = |kind: Type| kind != Bool;
    let mixed = || {
        let sign = name.replace('_', "");
        Err(format!(
            "operator {sign} takes two numbers of one kind; metrics are decimals, so write 2.0 instead of 2"
        ))
    };
    match (name, types) {
        (operators::LOGICAL_AND | operators::LOGICAL_OR, [Bool, Bool]) | (operators::LOGICAL_NOT, [Bool]) => {
            Ok(Bool)
        }
        (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, _) => {
            Err("&&, || and ! take what is true or false, such as a comparison".into())
        }
        (operators::EQUALS | operators::NOT_EQUALS, [Bool, Bool]) => Ok(Bool),
        (
            operators::EQUALS
            | operators::NOT_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS,
            types,
        ) => match types {
            [left, right] if number(*left) && number(*right) => Ok(Bool),
            _ => Err("compare a number with a number".into()),
        },
        (
            operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE,
            [Double, Double],
        )
        | (operators::NEGATE, [Double]) => Ok(Double),
        (
            operators::ADD
            | operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO,
            [Int, Int],
        )
        | (operators::NEGATE, [Int]) => Ok(Int),
        (operators::MODULO, _) => Err("% takes whole numbers, and metrics are decimals".into()),
        (operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE, _) => mixed(),
        (operators::CONDITIONAL, [Bool, left, right]) if left == right => Ok(*left),
        (operators::CONDITIONAL, _) => Err("? : takes a comparison and two values of one kind".into()),
        _ => Err(format!("there is no function {:?}; there is has()", clean(name, 64))),
    }
}

#[cfg(test)]
mod tests;
