//! How fast the gate is, beside `ast.parse` of `CPython` and `compile_restricted` of `RestrictedPython` on the same
//! files in one run: a strategy of 10 kB as models write them, one of 10 kB without a comment, and every accepted strategy of
//! the tests.
//!
//! Times are those of one caller in this process. The gate works on three threads, so what a core does is counted by the
//! processor time of the whole process. No harness: a verdict takes a millisecond, so a clock and a sorted list tell
//! all, and a harness would change the features of the product's crates.
//!
//! Prints tables; the same goes to `target/bench/gate.json`. Times depend on the machine, so whether the target is met
//! is printed and makes no error.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and one that fails says where"
)]

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};
use stratbox::strategy::{Policy, check};

/// The operator's, see `src/main.rs`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Bytes of the single strategies.
const SIZE: usize = 10_000;
/// The longest that half of the verdicts on the realistic one may take, ms.
const TARGET: f64 = 1.0;
/// Everybody is measured in turns, so that a busy moment of the machine meets all of them.
const TURNS: usize = 5;
/// `utime` and `stime` of `/proc` count in these on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Programs that are measured together.
struct Set {
    name: &'static str,
    files: Vec<PathBuf>,
    /// How often the gate judges each in a turn, and the others.
    rounds: (usize, usize),
}

/// What one of them needed for the programs of a set.
#[derive(Default, Deserialize)]
struct Timed {
    /// Of every verdict, ns.
    wall: Vec<f64>,
    /// Of all threads together, ns.
    cpu: f64,
    refused: usize,
}

#[derive(Deserialize)]
struct Peers {
    versions: String,
    parse: Timed,
    restricted: Timed,
}

fn main() {
    // `cargo test --all-targets` starts this program too, to see that it starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("nothing measured: this is for `make bench`");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/bench");
    fs::create_dir_all(&folder).unwrap();
    let dense = folder.join("dense.py");
    fs::write(&dense, dense_program()).unwrap();
    let mut accepted: Vec<PathBuf> = fs::read_dir(root.join("tests/strategies/accepted"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    accepted.sort();
    let sets = [
        Set {
            name: "10 kB, comments and docstrings",
            files: vec![root.join("benches/gate/realistic.py")],
            rounds: (300, 10),
        },
        Set { name: "10 kB, code only", files: vec![dense], rounds: (200, 5) },
        Set { name: "accepted strategies of the tests", files: accepted, rounds: (20, 2) },
    ];
    let python = python(root);
    let mut report = json!({"targetMilliseconds": TARGET, "cores": std::thread::available_parallelism().unwrap(), "sets": []});
    for set in &sets {
        let (shown, versions) = measure(set, &python, root);
        report["versions"] = json!(versions);
        report["sets"].as_array_mut().unwrap().push(shown);
    }
    let p50 = report["sets"][0]["gate"]["p50Milliseconds"].as_f64().unwrap();
    let verdict = if p50 <= TARGET { "met" } else { "NOT met" };
    println!("target: {} at p50 within {TARGET} ms: {verdict} ({p50:.3} ms)", sets[0].name);
    println!("compared with: {}", report["versions"].as_str().unwrap());
    let path = folder.join("gate.json");
    fs::write(&path, format!("{report:#}\n")).unwrap();
    println!("the same for programs: {}", path.display());
}

/// Measures everybody on the set and prints the table.
fn measure(set: &Set, python: &str, root: &Path) -> (Value, String) {
    let programs: Vec<Vec<u8>> = set.files.iter().map(|file| fs::read(file).unwrap()).collect();
    let (mut gate, mut parse, mut restricted) = (Timed::default(), Timed::default(), Timed::default());
    let mut versions = String::new();
    for _ in 0..TURNS {
        gate.add(judge(&programs, set.rounds.0));
        let peers = Command::new(python)
            .arg("-B")
            .arg(root.join("benches/gate/peers.py"))
            .arg(set.rounds.1.to_string())
            .args(&set.files)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(peers.status.success(), "benches/gate/peers.py failed");
        let peers: Peers = serde_json::from_slice(&peers.stdout).unwrap();
        parse.add(peers.parse);
        restricted.add(peers.restricted);
        versions = peers.versions;
    }
    let bytes: usize = programs.iter().map(Vec::len).sum();
    let mean = number(bytes) / number(programs.len());
    println!("{}: {} × {mean:.0} bytes", set.name, programs.len());
    println!(
        "  {:<32}{:>10}{:>10}{:>14}{:>10}{:>9}",
        "", "p50 ms", "p99 ms", "per core: /s", "MB/s", "refused"
    );
    let mut shown = json!({"name": set.name, "programs": programs.len(), "bytes": bytes});
    for (key, name, timed) in [
        ("gate", "gate", &gate),
        ("astParse", "ast.parse", &parse),
        ("compileRestricted", "compile_restricted", &restricted),
    ] {
        let (p50, p99, rate) = (timed.percentile(50), timed.percentile(99), timed.rate());
        println!(
            "  {name:<32}{p50:>10.3}{p99:>10.3}{rate:>14.0}{:>10.2}{:>9}",
            rate * mean / 1e6,
            timed.refused
        );
        shown[key] = json!({
            "verdicts": timed.wall.len(), "p50Milliseconds": p50, "p99Milliseconds": p99,
            "strategiesPerCoreSecond": rate, "megabytesPerCoreSecond": rate * mean / 1e6, "refused": timed.refused,
        });
    }
    for (key, name, other) in [
        ("toAstParse", "gate / ast.parse", &parse),
        ("toCompileRestricted", "gate / compile_restricted", &restricted),
    ] {
        let times = [50, 99].map(|percent| gate.percentile(percent) / other.percentile(percent));
        let rate = gate.rate() / other.rate();
        println!("  {name:<32}{:>10.3}{:>10.3}{rate:>14.2}{rate:>10.2}", times[0], times[1]);
        shown[key] = json!({"p50": times[0], "p99": times[1], "perCoreSecond": rate});
    }
    println!();
    (shown, versions)
}

/// Judges each program `rounds` times, after one round that is not counted.
fn judge(programs: &[Vec<u8>], rounds: usize) -> Timed {
    let policy = Policy::default();
    let refused = programs.iter().filter(|program| check(program, &policy).is_err()).count();
    let mut wall = Vec::with_capacity(programs.len() * rounds);
    let cpu = processor_time();
    for program in std::iter::repeat_n(programs, rounds).flatten() {
        let start = Instant::now();
        let verdict = check(black_box(program), &policy);
        wall.push(start.elapsed().as_secs_f64() * 1e9);
        let _ = black_box(verdict);
    }
    Timed { wall, cpu: processor_time() - cpu, refused }
}

impl Timed {
    fn add(&mut self, turn: Self) {
        self.wall.extend(turn.wall);
        self.wall.sort_by(f64::total_cmp);
        self.cpu += turn.cpu;
        self.refused = turn.refused;
    }

    /// The time that `percent` of the verdicts do not exceed, ms.
    fn percentile(&self, percent: usize) -> f64 {
        self.wall[(self.wall.len() * percent).div_ceil(100).max(1) - 1] / 1e6
    }

    /// Verdicts in a second of one core.
    fn rate(&self) -> f64 {
        number(self.wall.len()) / self.cpu * 1e9
    }
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

/// Processor time of all threads of this process, those that ended included, ns.
fn processor_time() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the process, in parentheses, may hold blanks.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND * 1e9
}

/// The Python that has `RestrictedPython`; made if it is not there.
fn python(root: &Path) -> String {
    let made = Command::new(root.join("tests/oracle/venv")).stderr(Stdio::inherit()).output().unwrap();
    assert!(made.status.success(), "the oracle's environment could not be built");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// Many small functions without a comment: more names and brackets than a strategy of that size has.
fn dense_program() -> String {
    let mut text = String::new();
    let mut number = 0;
    while text.len() < SIZE {
        write!(
            text,
            "def helper_{number}(frame, window=20):
    \"\"\"Average of {number}.\"\"\"
    mean = frame[\"close\"].rolling(window).mean()
    spread = (frame[\"high\"] - frame[\"low\"]).abs().ewm(span={number} + 2).mean()
    return [x for x in (mean / spread).clip(-1, 1).fillna(0.0) if x > {number}]


"
        )
        .unwrap();
        number += 1;
    }
    text + "def strategy(data, params):\n    return data[\"close\"] * 0\n"
}
