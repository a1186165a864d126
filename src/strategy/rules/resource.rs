//! RES: constants that exhaust memory or time before any limit of the sandbox can explain why.

use super::super::finding::{Report, Severity};
use super::super::parse::ast::{Expr, InterpolatedStringElement as Element, Number, Operator, Stmt};
use super::super::parse::{Ranged, bytes};
use super::super::scope::ScopeKind;
use super::super::walk::{Node, Role};
use super::{Context, rules};

rules! {
    /// An integer literal is too large.
    ///
    /// At most 256 bits. Python itself refuses decimal literals beyond 4,300 digits.
    RES001: Error, core;
    /// A constant power or shift with a large or computed exponent.
    ///
    /// `10 ** 10 ** 10` never ends. A constant exponent may be at most 30, or the result at most 256 bits (`2 ** 32`); a power
    /// of a power of constants is refused.
    RES002: Error, core;
    /// A sequence is repeated more than a million times.
    ///
    /// Use `np.zeros(n)` or `np.full(n, x)`.
    RES003: Error, core;
    /// A format width or precision of more than three digits.
    ///
    /// `f"{x:9999999}"` makes megabytes of blanks.
    RES004: Error, core;
    /// A loop without an end.
    ///
    /// `while True` without `break`, `return` or `raise` ends at the deadline. At module level it is an error.
    RES005: Warning, soft;
}

/// Largest constant exponent that needs no second look.
const MAX_EXPONENT: u64 = 30;
/// Most bits of a constant's power or shift, and of an integer literal.
const MAX_BITS: u64 = 256;
/// Largest constant exponent of a base that is not a literal.
const MAX_UNKNOWN_EXPONENT: u64 = 1_000;
/// Largest constant repetition of a sequence.
const MAX_REPEAT: u64 = 1_000_000;

/// Runs the family.
pub(super) fn check(context: &Context<'_>, report: &mut Report<'_>) {
    for (_, expr) in context.exprs() {
        match expr {
            Expr::NumberLiteral(literal) => {
                if let Number::Int(int) = &literal.value
                    && int.as_u64().is_none()
                    && bits(&int.to_string()) > 256
                {
                    report.add(
                        &RES001,
                        bytes(literal.range),
                        "the integer literal has more than 256 bits",
                        "use a float, such as 1e80",
                    );
                }
            }
            Expr::BinOp(binary) => {
                check_binary(binary.op, &binary.left, &binary.right, bytes(binary.range), report);
                if let (Operator::Mod, Expr::StringLiteral(literal)) = (binary.op, &*binary.left) {
                    check_percent(literal.value.to_str(), bytes(literal.range), report);
                }
            }
            Expr::Call(call) => {
                if let (Expr::Name(name), [base, exponent]) = (&*call.func, &*call.arguments.args)
                    && name.id.as_str() == "pow"
                {
                    check_binary(Operator::Pow, base, exponent, bytes(call.range()), report);
                }
                check_format_call(call, report);
            }
            _ => {}
        }
    }
    for visit in &context.program.nodes {
        if let (Node::Element(Element::Literal(literal)), Role::Specification) = (visit.node, visit.role) {
            check_specification(&literal.value, bytes(literal.range), report);
        }
    }
    check_loops(context, report);
}

/// An upper bound for the bits of a literal as it is written.
fn bits(text: &str) -> usize {
    let digits = |rest: &str| rest.chars().filter(char::is_ascii_alphanumeric).count();
    match text.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => digits(&text[2..]) * 4,
        Some("0o") => digits(&text[2..]) * 3,
        Some("0b") => digits(&text[2..]),
        // log2(10) < 3.33
        _ => digits(text) * 333 / 100,
    }
}

fn check_binary(
    op: Operator,
    left: &Expr,
    right: &Expr,
    range: std::ops::Range<usize>,
    report: &mut Report<'_>,
) {
    match op {
        Operator::Pow | Operator::LShift => {
            let tower = is_power_of_constants(right);
            let stacked = is_power_of_constants(left);
            if tower || stacked || constant(right).is_some_and(|exponent| is_huge(op, left, exponent)) {
                report.add(
                    &RES002,
                    range,
                    "a constant power or shift whose result is huge",
                    "use floats: `1e9`, `math.exp(x)`, `np.power(a, b)`",
                );
            }
        }
        Operator::Mult => {
            let repeated = [(left, right), (right, left)].into_iter().find(|(sequence, _)| {
                matches!(
                    sequence,
                    Expr::List(_)
                        | Expr::Tuple(_)
                        | Expr::StringLiteral(_)
                        | Expr::BytesLiteral(_)
                        | Expr::FString(_)
                )
            });
            if let Some((_, count)) = repeated
                && (constant(count).is_some_and(|count| count > MAX_REPEAT) || is_power(count))
            {
                report.add(
                    &RES003,
                    range,
                    "a sequence is repeated more than a million times",
                    "use `np.zeros(n)` or `np.full(n, x)` with the length of the data",
                );
            }
        }
        _ => {}
    }
}

fn is_power(expr: &Expr) -> bool {
    matches!(expr, Expr::BinOp(inner) if matches!(inner.op, Operator::Pow | Operator::LShift | Operator::Mult))
        && product(expr) > MAX_REPEAT
}

/// The value of a constant product or power of literals, saturating; 0 if it is not constant. Left chains only.
fn product(expr: &Expr) -> u64 {
    let mut factors = Vec::new();
    let mut at = expr;
    while let Expr::BinOp(inner) = at {
        match inner.op {
            Operator::Mult => factors.push((Operator::Mult, constant(&inner.right))),
            Operator::Pow => factors.push((Operator::Pow, constant(&inner.right))),
            Operator::LShift => factors.push((Operator::LShift, constant(&inner.right))),
            _ => return 0,
        }
        at = &inner.left;
    }
    let Some(mut value) = constant(at) else { return 0 };
    for (op, factor) in factors.into_iter().rev() {
        let Some(factor) = factor else { return 0 };
        value = match op {
            Operator::Mult => value.saturating_mul(factor),
            Operator::Pow => value.saturating_pow(u32::try_from(factor).unwrap_or(u32::MAX)),
            _ => value.saturating_mul(
                1_u64.checked_shl(u32::try_from(factor).unwrap_or(u32::MAX)).unwrap_or(u64::MAX),
            ),
        };
    }
    value
}

/// A non-negative integer literal; one beyond 64 bits is as large as can be.
fn constant(expr: &Expr) -> Option<u64> {
    match expr {
        Expr::NumberLiteral(literal) => match &literal.value {
            Number::Int(int) => Some(int.as_u64().unwrap_or(u64::MAX)),
            Number::Float(_) | Number::Complex { .. } => None,
        },
        _ => None,
    }
}

/// `2 ** 3` and the like, made of literals only: as an operand of another power it makes a tower.
fn is_power_of_constants(expr: &Expr) -> bool {
    matches!(expr, Expr::BinOp(inner) if matches!(inner.op, Operator::Pow | Operator::LShift))
        && is_constant(expr)
}

/// Whether `base ** exponent` or `base << exponent` has more bits than a strategy can use. Exponents up to 30 never
/// have; floats overflow at once and are harmless; of other bases nothing is known, so a round number is the limit.
fn is_huge(op: Operator, base: &Expr, exponent: u64) -> bool {
    let mut base = base;
    while let Expr::UnaryOp(inner) = base {
        base = &inner.operand;
    }
    if exponent <= MAX_EXPONENT
        || matches!(base, Expr::NumberLiteral(literal) if !matches!(literal.value, Number::Int(_)))
    {
        return false;
    }
    match constant(base) {
        Some(value) => {
            let bits = u64::from(u64::BITS - value.leading_zeros());
            let result = if op == Operator::LShift {
                bits.saturating_add(exponent)
            } else {
                bits.saturating_mul(exponent)
            };
            value > 0 && !(op == Operator::Pow && value == 1) && result > MAX_BITS
        }
        None => exponent > MAX_UNKNOWN_EXPONENT,
    }
}

fn is_constant(expr: &Expr) -> bool {
    let mut todo = vec![expr];
    while let Some(expr) = todo.pop() {
        match expr {
            Expr::BinOp(inner) => todo.extend([&*inner.left, &*inner.right]),
            Expr::UnaryOp(inner) => todo.push(&inner.operand),
            Expr::NumberLiteral(_) => {}
            _ => return false,
        }
    }
    true
}

/// `format(x, "…")` and `"{:…}".format(x)`.
fn check_format_call(call: &super::super::parse::ast::ExprCall, report: &mut Report<'_>) {
    let text = match (&*call.func, &*call.arguments.args) {
        (Expr::Name(name), [_, Expr::StringLiteral(literal)]) if name.id.as_str() == "format" => literal,
        (Expr::Attribute(attribute), _) if attribute.attr.as_str() == "format" => match &*attribute.value {
            Expr::StringLiteral(literal) => literal,
            _ => return,
        },
        _ => return,
    };
    let whole = text.value.to_str();
    if matches!(&*call.func, Expr::Name(_)) {
        check_specification(whole, bytes(text.range), report);
        return;
    }
    for field in whole.split('{').skip(1) {
        if let Some((_, specification)) = field.split('}').next().unwrap_or_default().split_once(':') {
            check_specification(specification, bytes(text.range), report);
        }
    }
}

/// `"%9999d" % x`: the digits behind each percent sign.
fn check_percent(text: &str, range: std::ops::Range<usize>, report: &mut Report<'_>) {
    for conversion in text.split('%').skip(1) {
        let width = |c: char| c.is_ascii_digit() || "-+ #.".contains(c);
        let end = conversion.find(|c| !width(c)).unwrap_or(conversion.len());
        check_specification(conversion.get(..end).unwrap_or_default(), range.clone(), report);
    }
}

/// Digits in a specification are width and precision, unless it is a date's (`%Y`).
fn check_specification(text: &str, range: std::ops::Range<usize>, report: &mut Report<'_>) {
    let longest =
        text.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.trim_start_matches('0').len()).max();
    if longest.is_some_and(|length| length > 3) && !text.contains('%') {
        report.add(
            &RES004,
            range,
            "the format width or precision has more than three digits",
            "use a width of at most 999",
        );
    }
}

fn check_loops(context: &Context<'_>, report: &mut Report<'_>) {
    for (visit, stmt) in context.stmts() {
        let Stmt::While(stmt) = stmt else { continue };
        let endless = match &*stmt.test {
            Expr::BooleanLiteral(literal) => literal.value,
            test => constant(test).is_some_and(|value| value != 0),
        };
        if endless && !leaves(&stmt.body) {
            let module =
                context.program.scopes.get(visit.scope).is_some_and(|scope| scope.kind == ScopeKind::Module);
            report.add_as(
                &RES005,
                if module { Severity::Error } else { Severity::Warning },
                bytes(stmt.test.range()),
                "the loop has no `break`, `return` or `raise`",
                "loop over the dates: `for date in data.index:`",
            );
        }
    }
}

/// Whether a loop's body can leave the loop: `break` of its own, `return` or `raise` anywhere in it.
fn leaves(body: &[Stmt]) -> bool {
    let mut todo = vec![(body, true)];
    while let Some((body, own)) = todo.pop() {
        for stmt in body {
            match stmt {
                Stmt::Return(_) | Stmt::Raise(_) => return true,
                Stmt::Break(_) if own => return true,
                Stmt::For(inner) => todo.extend([(&inner.body[..], false), (&inner.orelse[..], own)]),
                Stmt::While(inner) => todo.extend([(&inner.body[..], false), (&inner.orelse[..], own)]),
                Stmt::If(inner) => {
                    todo.push((&inner.body, own));
                    todo.extend(inner.elif_else_clauses.iter().map(|clause| (&clause.body[..], own)));
                }
                Stmt::With(inner) => todo.push((&inner.body, own)),
                Stmt::Try(inner) => {
                    todo.extend([
                        (&inner.body[..], own),
                        (&inner.orelse[..], own),
                        (&inner.finalbody[..], own),
                    ]);
                    for handler in &inner.handlers {
                        let super::super::parse::ast::ExceptHandler::ExceptHandler(handler) = handler;
                        todo.push((&handler.body, own));
                    }
                }
                Stmt::Match(inner) => todo.extend(inner.cases.iter().map(|case| (&case.body[..], own))),
                _ => {}
            }
        }
    }
    false
}
