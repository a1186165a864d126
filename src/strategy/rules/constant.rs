//! What can be known of a value without running the program: integers and truth of constant expressions.

use super::super::parse::ast::{BoolOp, CmpOp, Expr, Number, Operator, UnaryOp};

/// Most nodes of an expression that are looked at: beyond, a value is as good as unknown.
const MAX_NODES: usize = 64;

/// The integer that a constant expression makes, saturating at the ends of `i128`.
pub(super) fn integer(expr: &Expr) -> Option<i128> {
    // Post-order over an explicit list: an expression is pushed once to be taken apart and once to be computed.
    let (mut todo, mut values) = (vec![(expr, false)], Vec::new());
    let mut seen = 0;
    while let Some((expr, ready)) = todo.pop() {
        seen += 1;
        if seen > 2 * MAX_NODES {
            return None;
        }
        match expr {
            Expr::NumberLiteral(literal) => match &literal.value {
                Number::Int(int) => values.push(int.as_u64().map_or(i128::MAX, i128::from)),
                Number::Float(_) | Number::Complex { .. } => return None,
            },
            Expr::BinOp(binary) if ready => {
                let (right, left) = (values.pop()?, values.pop()?);
                values.push(compute(binary.op, left, right)?);
            }
            Expr::BinOp(binary) => {
                todo.extend([(expr, true), (&*binary.right, false), (&*binary.left, false)]);
            }
            Expr::UnaryOp(unary) if ready => {
                let value = values.pop()?;
                values.push(match unary.op {
                    UnaryOp::USub => value.saturating_neg(),
                    UnaryOp::UAdd => value,
                    UnaryOp::Invert => !value,
                    UnaryOp::Not => return None,
                });
            }
            Expr::UnaryOp(unary) => todo.extend([(expr, true), (&*unary.operand, false)]),
            // `int(1e9)`, `int("1000000000")`
            Expr::Call(call) => {
                let (Expr::Name(name), [argument]) = (&*call.func, &*call.arguments.args) else {
                    return None;
                };
                if name.id.as_str() != "int" || !call.arguments.keywords.is_empty() {
                    return None;
                }
                match argument {
                    Expr::NumberLiteral(literal) if matches!(literal.value, Number::Float(_)) => {
                        values.push(float(&literal.value)?);
                    }
                    Expr::StringLiteral(text) => values.push(text.value.to_str().trim().parse().ok()?),
                    argument => todo.push((argument, false)),
                }
            }
            _ => return None,
        }
    }
    values.pop()
}

#[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates, which is what is wanted")]
const fn float(number: &Number) -> Option<i128> {
    match number {
        Number::Float(value) => Some(*value as i128),
        Number::Int(_) | Number::Complex { .. } => None,
    }
}

fn compute(op: Operator, left: i128, right: i128) -> Option<i128> {
    Some(match op {
        Operator::Add => left.saturating_add(right),
        Operator::Sub => left.saturating_sub(right),
        Operator::Mult => left.saturating_mul(right),
        Operator::Pow if right >= 0 => left.saturating_pow(u32::try_from(right).unwrap_or(u32::MAX)),
        Operator::LShift if right >= 0 => {
            left.saturating_mul(2_i128.saturating_pow(u32::try_from(right).unwrap_or(u32::MAX)))
        }
        Operator::RShift if right >= 0 => left >> u32::try_from(right.min(127)).ok()?,
        Operator::FloorDiv => left.checked_div_euclid(right)?,
        Operator::Mod => left.checked_rem_euclid(right)?,
        Operator::BitOr => left | right,
        Operator::BitAnd => left & right,
        Operator::BitXor => left ^ right,
        Operator::Pow | Operator::LShift | Operator::RShift | Operator::Div | Operator::MatMult => {
            return None;
        }
    })
}

/// Whether a condition is the same each time, as far as it is made of constants.
pub(super) fn truth(expr: &Expr) -> Option<bool> {
    let (mut expr, mut holds) = (expr, true);
    for _ in 0..MAX_NODES {
        let value = match expr {
            Expr::UnaryOp(unary) if unary.op == UnaryOp::Not => {
                (expr, holds) = (&unary.operand, !holds);
                continue;
            }
            Expr::Named(named) => {
                expr = &named.value;
                continue;
            }
            Expr::BooleanLiteral(literal) => literal.value,
            Expr::NoneLiteral(_) => false,
            Expr::EllipsisLiteral(_) | Expr::Lambda(_) | Expr::Generator(_) => true,
            Expr::StringLiteral(literal) => !literal.value.is_empty(),
            Expr::BytesLiteral(literal) => literal.value.bytes().next().is_some(),
            Expr::NumberLiteral(literal) => match &literal.value {
                Number::Float(value) => *value != 0.0,
                Number::Int(_) | Number::Complex { .. } => integer(expr)? != 0,
            },
            Expr::Tuple(tuple) if !tuple.elts.iter().any(Expr::is_starred_expr) => !tuple.elts.is_empty(),
            Expr::List(list) if !list.elts.iter().any(Expr::is_starred_expr) => !list.elts.is_empty(),
            Expr::Set(set) if !set.elts.iter().any(Expr::is_starred_expr) => true,
            Expr::Dict(dict) if dict.items.iter().all(|item| item.key.is_some()) => !dict.items.is_empty(),
            Expr::Compare(compare) => match (&*compare.ops, &*compare.comparators) {
                ([op], [right]) => {
                    let (left, right) = (integer(&compare.left)?, integer(right)?);
                    match op {
                        CmpOp::Eq | CmpOp::Is => left == right,
                        CmpOp::NotEq | CmpOp::IsNot => left != right,
                        CmpOp::Lt => left < right,
                        CmpOp::LtE => left <= right,
                        CmpOp::Gt => left > right,
                        CmpOp::GtE => left >= right,
                        CmpOp::In | CmpOp::NotIn => return None,
                    }
                }
                _ => return None,
            },
            // `while True or x`: one literal decides.
            Expr::BoolOp(operation) => {
                let decides = operation.op == BoolOp::Or;
                let literal = |value: &Expr| matches!(value, Expr::BooleanLiteral(l) if l.value == decides);
                if !operation.values.iter().any(literal) {
                    return None;
                }
                decides
            }
            expr => integer(expr)? != 0,
        };
        return Some(value == holds);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Report;
    use super::super::super::parse::ast::Stmt;
    use super::super::super::parse::parse;
    use super::super::super::policy::Policy;
    use super::super::super::source::Source;
    use super::*;

    fn first<T>(code: &str, ask: impl Fn(&Expr) -> T) -> T {
        let (source, policy) = (Source::decode(code.as_bytes(), usize::MAX), Policy::default());
        let module = parse(&source, &mut Report::new(&source, &policy)).unwrap();
        match module.body.first() {
            Some(Stmt::Expr(stmt)) => ask(&stmt.value),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn integers_are_folded_and_saturate() {
        for (code, value) in [
            ("10 ** 9", Some(1_000_000_000)),
            ("10 ** -(-3)", Some(1000)),
            ("1 << 20", Some(1 << 20)),
            ("int(1e6) * 2", Some(2_000_000)),
            ("int('12')", Some(12)),
            ("9 ** 9 ** 9", Some(i128::MAX)),
            ("10 ** x", None),
            ("1.5 * 2", None),
            ("1 // 0", None),
        ] {
            assert_eq!(first(code, integer), value, "{code}");
        }
    }

    #[test]
    fn conditions_that_never_change_are_known() {
        for code in
            ["True", "not False", "1 == 1", "'x'", "(1,)", "(x := True)", "not not 1", "True or x", "2.5"]
        {
            assert_eq!(first(code, truth), Some(true), "{code}");
        }
        for code in ["0", "''", "None", "not 1", "1 > 2", "False and x"] {
            assert_eq!(first(code, truth), Some(false), "{code}");
        }
        for code in ["x", "x == 1", "f()", "x or y", "(*x,)", "1 < x < 2"] {
            assert_eq!(first(code, truth), None, "{code}");
        }
    }
}
