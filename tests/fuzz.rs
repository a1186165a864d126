//! What is fuzzed, in short and on any compiler: every kept input, and inputs made from them by the fuzzer's own
//! mutations, always the same ones. `make fuzz` is the long way.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::format_collect,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a broken property panics, and the module is a crate of its own elsewhere"
)]

#[path = "../fuzz/src/inputs/mod.rs"]
mod inputs;

use std::path::Path;

use inputs::{Rng, TARGETS, Target, corpus, target};

/// Inputs that a mutated one is the beginning of.
const GENERATIONS: usize = 3;

fn kept(target: &Target) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut inputs = corpus(&root.join("fuzz/corpus").join(target.name));
    if ["source", "parse", "gate"].contains(&target.name) {
        inputs.extend(corpus(&root.join("tests/strategies/accepted")));
        inputs.extend(corpus(&root.join("tests/strategies/rejected")));
    }
    inputs
}

/// Runs the kept inputs and that many made from them.
fn run(name: &str, count: usize) {
    let target = target(name);
    let kept = kept(target);
    let judge = |input: &[u8]| {
        std::panic::catch_unwind(|| (target.run)(input))
            .unwrap_or_else(|_| panic!("{name} breaks on: {}", input.escape_ascii()))
    };
    let (good, bad): (Vec<_>, Vec<_>) = kept.iter().partition(|input| judge(input));
    assert!(
        !good.is_empty() && !bad.is_empty(),
        "{name}: {} of {} kept are accepted",
        good.len(),
        kept.len()
    );
    let mut rng = Rng::new(20_261_125);
    let (mut done, mut taken) = (0, 0);
    while done < count {
        let mut input =
            if rng.below(3) == 0 { (*rng.pick(&bad)).clone() } else { (*rng.pick(&good)).clone() };
        for _ in 0..GENERATIONS {
            target.mutate(&mut rng, &mut input);
            taken += usize::from(judge(&input));
            done += 1;
        }
    }
    println!(
        "{name}: {} kept inputs, {} accepted; {done} made of them, {taken} accepted",
        kept.len(),
        good.len()
    );
    assert!(taken > 0, "{name}: the mutations only make what is refused at once");
}

#[test]
fn the_source_checks_hold() {
    run("source", 2_000);
}

#[test]
fn the_parsers_hold() {
    run("parse", 600);
}

#[test]
fn the_gate_holds() {
    run("gate", 400);
}

#[test]
fn the_decoder_of_reports_holds() {
    run("report", 5_000);
}

#[test]
fn the_runners_decoder_holds() {
    run("inbound", 5_000);
}

#[test]
fn the_interpreters_frames_hold() {
    run("interpreter", 5_000);
}

#[test]
fn every_target_has_a_corpus_and_a_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for target in &TARGETS {
        assert!(corpus(&root.join("corpus").join(target.name)).len() >= 20, "{}", target.name);
        assert!(
            root.join("fuzz_targets").join(target.name).with_extension("rs").is_file(),
            "{}",
            target.name
        );
    }
}
