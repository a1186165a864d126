//! The gate's parsers against each other and against `CPython`'s own, over real sources: the standard library, pandas
//! and numpy, files of any size. Each is read alike by all three, or refused by a rule.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use stratbox::strategy::{Severity, steps};
use stratbox::wire::sha256_hex;

/// What `differential/names.py` says of a file.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Cpython {
    Refused { refused: String },
    Read { names: usize, sha256: String, calls: usize, imports: usize, attributes: usize },
}

/// What the gate says of it.
#[derive(Debug)]
enum Gate {
    /// Refused by the first rule that blocks.
    Refused(&'static str),
    Read(Cpython),
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A Python with pandas and numpy, as the oracle uses it.
fn python() -> String {
    let venv = Command::new(root().join("tests/oracle/venv")).stderr(Stdio::inherit()).output().unwrap();
    assert!(venv.status.success(), "the oracle's environment could not be built");
    String::from_utf8(venv.stdout).unwrap().trim().to_owned()
}

/// All Python files of its standard library, of pandas and of numpy.
fn sources(python: &str) -> Vec<PathBuf> {
    let script = "import pandas, numpy, sysconfig, os\n\
                  print(sysconfig.get_path('stdlib'), *map(os.path.dirname, (pandas.__file__, numpy.__file__)), sep='\\n')";
    let said = Command::new(python).args(["-c", script]).stderr(Stdio::inherit()).output().unwrap();
    let folders = String::from_utf8(said.stdout).unwrap();
    assert_eq!(folders.lines().count(), 3, "{folders}");
    let mut files = Vec::new();
    for folder in folders.lines() {
        let before = files.len();
        collect(Path::new(folder), &mut files);
        assert!(files.len() > before + 200, "{folder} has {} Python files", files.len() - before);
    }
    files.sort();
    files.dedup();
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // Packages of others stand below the standard library.
        let foreign = path.ends_with("site-packages") || path.ends_with("dist-packages");
        if path.is_dir() && !path.is_symlink() && !foreign {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "py") && path.is_file() {
            files.push(path);
        }
    }
}

fn gate(file: &Path) -> Gate {
    match steps::read(&std::fs::read(file).unwrap(), usize::MAX) {
        Ok(steps::Reading { names, calls, imports, attributes }) => {
            let sha256 = sha256_hex(names.join("\n").as_bytes());
            Gate::Read(Cpython::Read { names: names.len(), sha256, calls, imports, attributes })
        }
        Err(findings) => {
            let first = findings.items().iter().find(|finding| finding.severity == Severity::Error);
            Gate::Refused(first.unwrap_or_else(|| panic!("{}: refused without a rule", file.display())).rule)
        }
    }
}

#[test]
fn both_parsers_and_cpython_read_real_sources_alike() {
    let python = python();
    let files = sources(&python);
    let mut child = Command::new(&python)
        .arg("-B")
        .arg(root().join("tests/differential/names.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let paths: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    child.stdin.take().unwrap().write_all(paths.join("\0").as_bytes()).unwrap();
    // It reads all paths before it writes, and works beside the gate.
    let answers = std::thread::spawn(move || child.wait_with_output().unwrap());
    let gates: Vec<Gate> = files.iter().map(|file| gate(file)).collect();
    let answers = String::from_utf8(answers.join().unwrap().stdout).unwrap();
    let answers: Vec<Cpython> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert_eq!(answers.len(), files.len(), "names.py has ended early");

    let (mut agreed, mut both_refused, mut names) = (0, 0, 0);
    let mut refused: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    let mut silent = Vec::new();
    for ((file, gate), cpython) in files.iter().zip(&gates).zip(&answers) {
        match gate {
            Gate::Read(read) if read == cpython => {
                agreed += 1;
                if let Cpython::Read { names: count, .. } = read {
                    names += count;
                }
            }
            Gate::Read(read) => silent.push(format!("{}: {read:?} ≠ {cpython:?}", file.display())),
            Gate::Refused(rule) => {
                assert!(
                    ["SRC", "PAR", "LNG"].iter().any(|family| rule.starts_with(family)),
                    "{}: {rule}",
                    file.display()
                );
                both_refused += usize::from(matches!(cpython, Cpython::Refused { .. }));
                refused.entry(rule).or_default().push(file);
            }
        }
    }
    println!("{} files, {agreed} read alike by both parsers and CPython ({names} names)", files.len());
    for (rule, files) in &refused {
        println!("{} refused by {rule}, such as {}", files.len(), files[0].display());
    }
    println!(
        "{both_refused} of those refused are no Python to CPython either; {} silent differences",
        silent.len()
    );
    assert!(silent.is_empty(), "{} read differently:\n{}", silent.len(), silent.join("\n"));
    assert!(!refused.contains_key("PAR003"), "a parser crashed on {:?}", refused["PAR003"]);
    assert!(agreed * 20 > files.len() * 19, "nineteen of twenty are read");
}
