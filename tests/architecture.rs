//! Who may import whom: reads the `use crate::…` lines and paths of every module and compares them with the design.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Module → modules of ours that it may name. What is not listed here may not exist.
const ARROWS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("score", &[]),
    ("strategy", &[]),
    // The metrics, the dataset's format and the isolation facts stand in the status as they travel.
    ("crd", &["wire"]),
    ("config", &["crd", "wire"]),
    ("sandbox", &["crd", "config"]),
    // Texts of the cluster's are bounded and escaped as everywhere.
    ("pool", &["sandbox", "crd", "config", "wire"]),
    ("run", &["sandbox", "wire", "strategy", "crd", "config"]),
    // A policy file means what a class's policy means.
    ("validate", &["run", "strategy", "crd"]),
    ("runner", &["wire", "score"]),
    ("node", &["sandbox"]),
    ("metrics", &["crd"]),
    ("http", &["metrics"]),
    ("telemetry", &[]),
    ("operator", &["run", "pool", "sandbox", "wire", "strategy", "crd", "config", "metrics", "http"]),
    ("cli", &["operator", "strategy", "crd", "node", "config", "sandbox", "telemetry", "validate"]),
];

/// Modules that decide and never do.
const PURE: &[&str] = &["wire", "score", "strategy", "crd", "sandbox", "pool", "run", "config", "validate"];

/// What a pure module may not name, and why.
const IMPURE: &[(&str, &str)] = &[
    ("kube::Client", "only the operator talks to the API server"),
    ("kube::Api", "only the operator talks to the API server"),
    ("kube::api::Api", "only the operator talks to the API server"),
    ("tokio", "a decision does not wait"),
    ("tracing", "a decision is returned, not logged"),
    ("std::env", "values come as arguments"),
    ("std::fs", "values come as arguments"),
    ("Timestamp::now", "the clock is an argument"),
    ("Instant::now", "the clock is an argument"),
    ("SystemTime", "the clock is an argument"),
];

fn source_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The module that a file of `src` belongs to; None for the crate's roots.
fn module_of(file: &Path) -> Option<String> {
    let inside = file.strip_prefix(source()).unwrap();
    let first = inside.components().next()?.as_os_str().to_str()?.trim_end_matches(".rs").to_owned();
    (!["lib", "main", "bin"].contains(&first.as_str())).then_some(first)
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The code of a file without comments and without its unit tests, which may use what they like.
fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn is_test(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "tests")
        || ["tests.rs", "properties.rs"].contains(&file.file_name().unwrap().to_str().unwrap())
}

/// Names of our modules behind each `crate::`, groups included.
fn imports(code: &str, known: &BTreeSet<&str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let names: Vec<&str> = match rest.strip_prefix('{') {
            Some(group) => {
                group.split(';').next().unwrap_or_default().split([',', '{', '}', '\n', ' ']).collect()
            }
            None => vec![rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()],
        };
        found.extend(
            names
                .into_iter()
                .map(|name| name.split("::").next().unwrap_or_default())
                .filter(|name| known.contains(name))
                .map(ToOwned::to_owned),
        );
    }
    found
}

#[test]
fn every_arrow_between_modules_is_in_the_design() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    let known: BTreeSet<&str> = allowed.keys().copied().collect();
    let mut seen = 0;
    for file in source_files(&source()).iter().filter(|file| !is_test(file)) {
        let Some(module) = module_of(file) else { continue };
        let arrows = allowed.get(module.as_str()).unwrap_or_else(|| panic!("{module} is not in the design"));
        for import in imports(&code_of(file), &known) {
            seen += 1;
            assert!(
                import == module || arrows.contains(import.as_str()),
                "{}: {module} may not name {import}",
                file.display()
            );
        }
    }
    assert!(seen > 20, "the reader of `use` lines has gone blind: {seen}");
}

#[test]
fn the_arrows_form_no_cycle() {
    let mut left: BTreeMap<&str, BTreeSet<&str>> =
        ARROWS.iter().map(|(from, to)| (*from, to.iter().copied().collect())).collect();
    while !left.is_empty() {
        let leaves: Vec<&str> = left
            .iter()
            .filter(|(_, to)| to.iter().all(|to| !left.contains_key(to)))
            .map(|(from, _)| *from)
            .collect();
        assert!(!leaves.is_empty(), "a cycle among {:?}", left.keys());
        for leaf in leaves {
            left.remove(leaf);
        }
    }
}

#[test]
fn pure_modules_do_no_io() {
    for file in source_files(&source()).iter().filter(|file| !is_test(file)) {
        let pure = module_of(file).is_some_and(|module| PURE.contains(&module.as_str()));
        let code = code_of(file);
        for (word, why) in IMPURE.iter().filter(|_| pure) {
            assert!(!names(&code, word), "{}: {word}: {why}", file.display());
        }
    }
}

/// Whether the code has that path as a whole, and not as a part of a longer name.
fn names(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        !code[..at].chars().next_back().is_some_and(part)
            && !code[at + word.len()..].chars().next().is_some_and(part)
    })
}

#[test]
fn only_the_lockdown_is_unsafe() {
    for file in source_files(&source()) {
        if names(&code_of(&file), "unsafe") {
            assert!(file.ends_with("runner/lockdown.rs"), "{}", file.display());
        }
    }
}

/// A program may take the gate a while: whoever asks it from a task has it run on a thread of its own.
#[test]
fn the_gate_stays_off_the_threads_that_reconcile() {
    let mut asked = 0;
    for file in source_files(&source()).iter().filter(|file| !is_test(file)) {
        if module_of(file).as_deref() != Some("operator") {
            continue;
        }
        let code = code_of(file);
        let blocks: [(&str, &[&str]); 2] = [
            // In `judge` itself, which is called as the next line says.
            ("strategy::check(", &["spawn_blocking(", "fn judge("]),
            ("review::judge(", &["aside("]),
        ];
        for (call, aside) in blocks {
            for (at, _) in code.match_indices(call) {
                asked += 1;
                let before = &code[code.floor_char_boundary(at.saturating_sub(500))..at];
                assert!(aside.iter().any(|word| before.contains(word)), "{}: {call}", file.display());
            }
        }
    }
    assert!(asked >= 3, "the reader of calls has gone blind: {asked}");
}

#[test]
fn the_runner_needs_no_kubernetes_client() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let runner = manifest.lines().find(|line| line.starts_with("runner = ")).unwrap();
    for word in ["kube", "tokio", "operator"] {
        assert!(!runner.contains(word), "{runner}");
    }
}
