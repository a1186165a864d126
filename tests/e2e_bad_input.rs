//! Strategies that do it wrong, in a real sandbox and past the gate, which would refuse some of them: each ends with a
//! reason of its own and with words that say what to change.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]

#[path = "support/direct.rs"]
mod direct;
mod support;

use direct::{Order, Range};
use stratbox::wire::Outcome;

/// Name, body of the strategy, outcome, words of the message.
const CASES: &[(&str, &str, Outcome, &[&str])] = &[
    ("none", "return None", Outcome::InvalidResult, &["returned NoneType", "return a Series"]),
    ("scalar", "return 1.0", Outcome::InvalidResult, &["returned float", "return a Series"]),
    ("strings", "return close.astype(str) + 'x'", Outcome::InvalidResult, &["holds str", "return numbers"]),
    (
        "index",
        "return close.reset_index(drop=True)",
        Outcome::InvalidResult,
        &["no dates", "keep the index of data"],
    ),
    ("symbols", "return close.to_frame('NVDA')", Outcome::InvalidResult, &["'NVDA'", "return a Series"]),
    ("infinite", "return close / 0.0", Outcome::InvalidResult, &["infinite", "division by zero"]),
    ("minus", "return -close / 0.0", Outcome::InvalidResult, &["infinite", "division by zero"]),
    ("complex", "return close * 1j", Outcome::InvalidResult, &["holds complex", "return numbers"]),
    (
        "integer",
        "return pandas.Series([10 ** 400] * len(data), index=data.index)",
        Outcome::InvalidResult,
        &["holds", "return numbers"],
    ),
    (
        "frame",
        "return pandas.DataFrame(numpy.ones((len(data), 450_000)), index=data.index)",
        Outcome::OOMKilled,
        &["2048 MiB", "spec.resources.limits.memory"],
    ),
    ("hostile", "return Hostile()", Outcome::InvalidResult, &["returned Hostile", "return a Series"]),
    (
        "cells",
        "return pandas.Series([Hostile()] * len(data), index=data.index, dtype=object)",
        Outcome::InvalidResult,
        &["holds Hostile", "return numbers"],
    ),
    ("subclass", "return Odd(close)", Outcome::StrategyError, &[]),
    ("endless", "while True: pass", Outcome::DeadlineExceeded, &["5 s", "spec.activeDeadlineSeconds"]),
    ("exit", "os._exit(7)", Outcome::StrategyError, &["exit code 7", "return the positions"]),
    ("recursion", "return again(data)", Outcome::StrategyError, &["recursion"]),
    ("system-exit", "raise SystemExit(1)", Outcome::StrategyError, &["called exit", "return the positions"]),
    ("interrupt", "raise KeyboardInterrupt", Outcome::StrategyError, &["see its line"]),
    ("base", "raise Mine('mine')", Outcome::StrategyError, &["mine"]),
    ("bomb", "hoard()", Outcome::OOMKilled, &["2048 MiB", "keep fewer copies"]),
    ("flood", "flood(); return close > 0", Outcome::Succeeded, &[]),
];

const COMMON: &str = r#"
import os
import numpy, pandas

class Hostile:
    def __array__(self, *arguments, **named):
        raise MemoryError("no")
    def __float__(self):
        raise TypeError("never a number")
    def __len__(self):
        return 1 << 60

class Odd(pandas.Series):
    @property
    def dtypes(self):
        return iter(int, 1)
    def to_frame(self, *arguments):
        return self

class Mine(BaseException):
    pass

def again(data):
    return again(data)

def hoard():
    kept = []
    while True:
        kept.append(bytearray(1 << 22))

def flood():
    for _ in range(1000):
        print("x" * 1_000_000)
    print("the end")
"#;

#[test]
fn every_mistake_has_a_reason_and_a_remedy() {
    let range = Range::new("mistakes");
    let orders = CASES.iter().map(|(name, body, ..)| {
        let mut order = Order::new(
            name,
            format!("{COMMON}\ndef strategy(data):\n    close = data['close']\n    {body}\n"),
        );
        order.deadline = if *name == "endless" { 5 } else { 120 };
        order
    });
    let shots = range.shoot(orders.collect());
    for ((name, _, outcome, words), shot) in CASES.iter().zip(&shots) {
        let report = shot.report();
        let fault = report.fault.clone().unwrap_or_default();
        println!(
            "{name:<12} {:?}: {} {} (line {:?})",
            report.outcome, fault.r#type, fault.message, fault.line
        );
        assert_eq!(report.outcome, *outcome, "{name}: {report:?}");
        for word in *words {
            assert!(fault.message.contains(word), "{name}: {word:?} is not in: {}", fault.message);
        }
        assert!(report.metrics.is_some() || !fault.message.is_empty(), "{name}");
    }
    let of = |name: &str| &shots[CASES.iter().position(|case| case.0 == name).unwrap()];
    let fault = |name: &str| of(name).report().fault.unwrap();
    let expected = [
        ("recursion", "RecursionError"),
        ("interrupt", "KeyboardInterrupt"),
        ("base", "Mine"),
        ("system-exit", "SystemExit"),
    ];
    for (name, type_) in expected {
        assert_eq!(fault(name).r#type, type_);
        assert!(fault(name).line.is_some(), "{name}");
    }
    // A gigabyte printed: its end is there, the rest is a number, and the node's log has next to nothing.
    let flood = of("flood").report();
    assert!(flood.output.ends_with("x\nthe end\n"), "{}", flood.output);
    assert_eq!(flood.evidence.output_dropped + flood.output.len() as u64, 1000 * 1_000_001 + 8);
    assert!(of("flood").log.len() < 16 * 1024, "{} bytes", of("flood").log.len());
}
