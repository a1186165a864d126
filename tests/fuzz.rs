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

use std::collections::{BTreeMap, BTreeSet};
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
    run("source", 4_000);
}

#[test]
fn the_parsers_hold() {
    run("parse", 2_000);
}

#[test]
fn the_gate_holds() {
    run("gate", 1_000);
}

#[test]
fn the_decoder_of_reports_holds() {
    run("report", 10_000);
}

#[test]
fn the_runners_decoder_holds() {
    run("inbound", 10_000);
}

#[test]
fn the_interpreters_frames_hold() {
    run("interpreter", 10_000);
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

/// Name → version of every package in a lock file, and what it says that we depend on.
fn locked(file: &str) -> (BTreeMap<String, BTreeSet<String>>, BTreeSet<String>) {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut ours = BTreeSet::new();
    for package in text.split("[[package]]").skip(1) {
        let value = |key: &str| package.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        let (name, version) = (value("name = ").trim_matches('"'), value("version = ").trim_matches('"'));
        versions.entry(name.to_owned()).or_default().insert(version.to_owned());
        if name == "stratbox" {
            let lines = package.lines().filter_map(|line| line.strip_prefix(" \""));
            ours.extend(lines.map(|line| line.split([' ', '"']).next().unwrap_or_default().to_owned()));
        }
    }
    (versions, ours)
}

#[test]
fn the_fuzzers_lock_file_is_that_of_the_crate() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let section = |name: &str| manifest.split(name).nth(1).unwrap().split("\n[").next().unwrap();
    let always = section("\n[dependencies]\n").lines().filter(|line| !line.contains("optional = true"));
    let always = always.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    let fuzzed = section("\n[features]\n")
        .lines()
        .filter(|line| line.starts_with("gate") || line.starts_with("runner"));
    let needed: BTreeSet<&str> = fuzzed
        .flat_map(|line| line.split("\"dep:").skip(1))
        .filter_map(|rest| rest.split('"').next())
        .chain(always)
        .collect();
    let ((versions, _), (there, known)) = (locked("Cargo.lock"), locked("fuzz/Cargo.lock"));
    assert!(needed.len() > 10, "the reader of the manifest has gone blind: {needed:?}");
    let remedy =
        "run `cargo metadata --manifest-path fuzz/Cargo.toml`, and `cargo update --precise` for versions";
    let missing: Vec<_> = needed.iter().filter(|name| !known.contains(**name)).collect();
    assert!(missing.is_empty(), "fuzz/Cargo.lock lacks {missing:?}: {remedy}");
    for (name, found) in there.iter().filter(|(name, _)| versions.contains_key(*name)) {
        assert!(
            found.is_subset(&versions[name]),
            "fuzz/Cargo.lock has {name} {found:?}, not {:?}: {remedy}",
            versions[name]
        );
    }
}
