//! RES: constants that exhaust memory or time before any limit of the sandbox can explain why.

use super::super::finding::Report;
use super::super::parse::ast::{
    Expr, ExprCall, InterpolatedStringElement as Element, Number, Operator, Stmt, StmtAugAssign,
};
use super::super::parse::{Ranged, bytes};
use super::super::scope::How;
use super::super::walk::{Node, Role};
use super::constant::integer;
use super::{Context, endless, rules};

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
    /// A sequence is repeated more than a million times, or made with more than a hundred million elements.
    ///
    /// `[0] * 10 ** 9`, `bytes(10 ** 10)`, `np.zeros(10 ** 12)` and loops over such a `range`. Use the length of the data.
    RES003: Error, core;
    /// A format width or precision of more than three digits.
    ///
    /// `f"{x:9999999}"` makes megabytes of blanks; so may `"%*d"`, whose width is a value.
    RES004: Error, core;
    /// A loop without an end.
    ///
    /// `while True` or `for i in itertools.count()` without `break`, `return` or `raise` ends at the deadline. At module
    /// level it is an error, and so is reading an endless iterator to its end: `list(itertools.count())`.
    RES005: Warning, soft;
}

/// Largest constant exponent that needs no second look.
const MAX_EXPONENT: i128 = 30;
/// Most bits of a constant's power or shift, and of an integer literal.
const MAX_BITS: i128 = 256;
/// Largest constant exponent of a base that is not a literal.
const MAX_UNKNOWN_EXPONENT: i128 = 1_000;
/// Largest constant repetition of a sequence.
const MAX_REPEAT: i128 = 1_000_000;
/// Most elements that a call with constant arguments may make.
const MAX_ELEMENTS: i128 = 100_000_000;
/// Largest argument of functions whose result grows like a factorial.
const MAX_FACTORIAL: i128 = 100_000;
/// Largest computed width of a format field.
const MAX_WIDTH: i128 = 999;
/// Functions whose first argument is a count or a shape. Sorted.
const MAKERS: &[&str] =
    &["arange", "bytearray", "bytes", "empty", "full", "identity", "ones", "range", "zeros"];
/// Methods of text whose first argument is a width. Sorted.
const PADDERS: &[&str] = &["center", "expandtabs", "ljust", "pad", "rjust", "zfill"];
/// Keyword arguments, in any call, that are a count. Sorted.
const COUNTS: &[&str] = &["num", "periods", "reps", "size"];

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
                check_binary(context, binary.op, &binary.left, &binary.right, bytes(binary.range), report);
                match (binary.op, &*binary.left) {
                    (Operator::Mod, Expr::StringLiteral(literal)) => {
                        check_percent(literal.value.to_str(), bytes(literal.range), report);
                    }
                    (Operator::Mod, Expr::BytesLiteral(literal)) => {
                        let text: String = literal.value.bytes().map(char::from).collect();
                        check_percent(&text, bytes(literal.range), report);
                    }
                    _ => {}
                }
            }
            Expr::Call(call) => {
                if let (Expr::Name(name), [base, exponent]) = (&*call.func, &*call.arguments.args)
                    && name.id.as_str() == "pow"
                {
                    check_binary(context, Operator::Pow, base, exponent, bytes(call.range()), report);
                }
                check_format_call(call, report);
                check_size(context, call, report);
            }
            _ => {}
        }
    }
    for (_, stmt) in context.stmts() {
        if let Stmt::AugAssign(StmtAugAssign { target, op, value, range, .. }) = stmt {
            check_binary(context, *op, target, value, bytes(*range), report);
        }
    }
    for visit in &context.program.nodes {
        match (visit.node, visit.role) {
            (Node::Element(Element::Literal(literal)), Role::Specification) => {
                check_specification(&literal.value, bytes(literal.range), report);
            }
            // `f"{x:{1000000}}"`
            (Node::Element(Element::Interpolation(field)), Role::Specification)
                if integer(&field.expression).is_some_and(|width| width > MAX_WIDTH) =>
            {
                refuse_width(bytes(field.range), report);
            }
            _ => {}
        }
    }
    endless::check(context, report);
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
    context: &Context<'_>,
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
            if tower || stacked || integer(right).is_some_and(|exponent| is_huge(op, left, exponent)) {
                report.add(
                    &RES002,
                    range,
                    "a constant power or shift whose result is huge",
                    "use floats: `1e9`, `math.exp(x)`, `np.power(a, b)`",
                );
            }
        }
        Operator::Mult if repetitions(context, left, right).is_some_and(|count| count > MAX_REPEAT) => {
            report.add(
                &RES003,
                range,
                "a sequence is repeated more than a million times",
                "use `np.zeros(n)` or `np.full(n, x)` with the length of the data",
            );
        }
        _ => {}
    }
}

/// How often `left * right` repeats a sequence, if it is one: `[0] * 9`, `2 * "ab" * 3`, `[[0] * 9] * 9`, a name of a list.
fn repetitions(context: &Context<'_>, left: &Expr, right: &Expr) -> Option<i128> {
    let mut factors = Vec::new();
    let mut todo = vec![left, right];
    let mut sequence = false;
    // A product deeper than this is refused by SRC006 or too long to matter.
    for _ in 0..64 {
        let Some(expr) = todo.pop() else { break };
        match expr {
            Expr::BinOp(inner) if inner.op == Operator::Mult => match integer(expr) {
                Some(value) => factors.push(value),
                None => todo.extend([&*inner.left, &*inner.right]),
            },
            Expr::List(list) => {
                sequence = true;
                todo.extend(list.elts.iter().find(|element| element.is_bin_op_expr()));
            }
            Expr::Tuple(tuple) => {
                sequence = true;
                todo.extend(tuple.elts.iter().find(|element| element.is_bin_op_expr()));
            }
            Expr::StringLiteral(_) | Expr::BytesLiteral(_) | Expr::FString(_) => sequence = true,
            Expr::Name(name) => sequence |= is_sequence(context, name.id.as_str()),
            expr => factors.extend(integer(expr)),
        }
    }
    sequence.then(|| factors.into_iter().fold(1, i128::saturating_mul))
}

/// Whether a name is bound to a sequence written out.
fn is_sequence(context: &Context<'_>, name: &str) -> bool {
    context.remember_sequence(name, || {
        context.names.of(name).iter().any(|binding| {
            matches!(
                binding.how,
                How::Assigned(
                    Expr::List(_) | Expr::Tuple(_) | Expr::StringLiteral(_) | Expr::BytesLiteral(_)
                )
            )
        })
    })
}

/// Calls that make as many elements as a constant says.
fn check_size(context: &Context<'_>, call: &ExprCall, report: &mut Report<'_>) {
    let name = match &*call.func {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => return,
    };
    let own = matches!(&*call.func, Expr::Name(_))
        && !context.names.of(name).is_empty()
        && context.names.members(name).next().is_none();
    if own {
        return;
    }
    let args = &*call.arguments.args;
    let keywords =
        || call.arguments.keywords.iter().filter_map(|k| Some((k.arg.as_ref()?.as_str(), &k.value)));
    let (count, limit) = if MAKERS.binary_search(&name).is_ok() {
        // `range(a, b)` and `np.arange(a, b)`; the second argument of the others is a value or a type.
        let places = if matches!(name, "range" | "arange") { 2 } else { 1 };
        let shape = keywords().find(|(keyword, _)| *keyword == "shape").map(|(_, value)| value);
        (args.iter().take(places).chain(shape).filter_map(elements).max(), MAX_ELEMENTS)
    } else if PADDERS.binary_search(&name).is_ok() && !matches!(&*call.func, Expr::Name(_)) {
        (args.first().and_then(integer), MAX_REPEAT)
    } else if matches!(name, "eye" | "tri") {
        (args.first().and_then(integer).map(|n| n.saturating_mul(n)), MAX_ELEMENTS)
    } else if matches!(name, "tile" | "repeat") {
        (args.get(1).and_then(elements), MAX_ELEMENTS)
    } else if matches!(name, "linspace" | "logspace" | "geomspace" | "date_range" | "bdate_range" | "normal")
    {
        (args.get(2).and_then(elements), MAX_ELEMENTS)
    } else if matches!(name, "factorial" | "perm" | "comb") {
        if args.first().and_then(integer).is_some_and(|n| n > MAX_FACTORIAL) {
            report.add(
                &RES002,
                bytes(call.range()),
                format!("`{name}` of a number whose result is huge"),
                "use `math.lgamma(n + 1)` for the logarithm of a factorial",
            );
        }
        return;
    } else {
        (None, MAX_ELEMENTS)
    };
    let counted = keywords()
        .filter(|(keyword, _)| COUNTS.binary_search(keyword).is_ok())
        .filter_map(|(_, value)| elements(value))
        .max();
    if count.is_some_and(|count| count > limit) || counted.is_some_and(|count| count > MAX_ELEMENTS) {
        report.add(
            &RES003,
            bytes(call.range()),
            format!("`{name}` makes more elements than any strategy has data for"),
            "use the length of the data: `len(data)`, `data.index`",
        );
    }
}

/// A constant count, or the product of a constant shape.
fn elements(expr: &Expr) -> Option<i128> {
    match expr {
        Expr::Tuple(tuple) => product(&tuple.elts),
        Expr::List(list) => product(&list.elts),
        expr => integer(expr),
    }
}

fn product(sizes: &[Expr]) -> Option<i128> {
    sizes.iter().try_fold(1, |product: i128, size| Some(product.saturating_mul(integer(size)?)))
}

/// `2 ** 3` and the like, made of literals only: as an operand of another power it makes a tower.
fn is_power_of_constants(expr: &Expr) -> bool {
    matches!(expr, Expr::BinOp(inner) if matches!(inner.op, Operator::Pow | Operator::LShift))
        && is_constant(expr)
}

/// Whether `base ** exponent` or `base << exponent` has more bits than a strategy can use. Exponents up to 30 never
/// have; floats overflow at once and are harmless; of other bases nothing is known, so a round number is the limit.
fn is_huge(op: Operator, base: &Expr, exponent: i128) -> bool {
    let mut base = base;
    while let Expr::UnaryOp(inner) = base {
        base = &inner.operand;
    }
    if exponent <= MAX_EXPONENT
        || matches!(base, Expr::NumberLiteral(literal) if !matches!(literal.value, Number::Int(_)))
    {
        return false;
    }
    match integer(base).map(i128::unsigned_abs) {
        Some(value) => {
            let bits = i128::from(u128::BITS - value.leading_zeros());
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
fn check_format_call(call: &ExprCall, report: &mut Report<'_>) {
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

/// `"%9999d" % x`, `"%(key)9999d" % x`: the digits behind each percent sign and its key. A width that is a value
/// (`%*d`) is never seen.
fn check_percent(text: &str, range: std::ops::Range<usize>, report: &mut Report<'_>) {
    for conversion in text.split('%').skip(1) {
        let conversion = match conversion.strip_prefix('(').and_then(|keyed| keyed.split_once(')')) {
            Some((_, rest)) => rest,
            None => conversion,
        };
        let width = |c: char| c.is_ascii_digit() || "-+ #.*".contains(c);
        let end = conversion.find(|c| !width(c)).unwrap_or(conversion.len());
        let specification = conversion.get(..end).unwrap_or_default();
        let converts =
            conversion.get(end..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
        if specification.contains('*') && converts {
            report.add(
                &RES004,
                range.clone(),
                "the format width is a value that the gate cannot see",
                "write the width out, `%10s`, or use an f-string: f\"{name:<{width}}\"",
            );
        } else {
            check_specification(specification, range.clone(), report);
        }
    }
}

/// Digits in a specification are width and precision, unless it is a date's (`%Y`).
fn check_specification(text: &str, range: std::ops::Range<usize>, report: &mut Report<'_>) {
    let longest =
        text.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.trim_start_matches('0').len()).max();
    if longest.is_some_and(|length| length > 3) && !text.contains('%') {
        refuse_width(range, report);
    }
}

fn refuse_width(range: std::ops::Range<usize>, report: &mut Report<'_>) {
    report.add(
        &RES004,
        range,
        "the format width or precision has more than three digits",
        "use a width of at most 999",
    );
}
