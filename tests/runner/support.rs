//! One sandbox for a test: dataset, process, and its lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use stratbox::wire::{
    Checks, Dataset, DatasetFormat, Execution, Expected, Hello, Inbound, Limits, Outbound, Progress,
    Rebalance, Report, Run, SCHEMA, State, Trials, sha256_hex,
};

/// The UID that every sandbox here believes to have.
pub(crate) const POD: &str = "pod-uid";

/// Lines of a strategy that make a call which stage 2 kills for, `ptrace(PTRACE_TRACEME)`: 101 on `x86_64`, 117 on aarch64.
pub(crate) const FORBIDDEN: &str = "    import ctypes, platform\n    number = 101 if platform.machine() == 'x86_64' else 117\n    ctypes.CDLL(None).syscall(number, 0, 0, 0, 0)\n";

/// Longer than anything here takes on a busy machine.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// How many dates the dataset has, all of them weekdays from 2020-01-01 on.
pub(crate) const DATES: usize = 300;

/// A Python with pandas.
pub(crate) static PYTHON: LazyLock<PathBuf> = LazyLock::new(|| {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/runner/venv");
    let made = Command::new(script).stderr(Stdio::inherit()).output().expect("tests/runner/venv runs");
    assert!(made.status.success(), "tests/runner/venv failed");
    PathBuf::from(String::from_utf8(made.stdout).expect("a path").trim())
});

/// The datasets' folder: `us` as it should be, `torn` with another hash, `walk` with prices as they might be.
pub(crate) static DATASETS: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = scratch("datasets");
    let csv = prices();
    let sha = sha256_hex(csv.as_bytes());
    for (name, sha) in [("us", sha.as_str()), ("torn", &"0".repeat(64))] {
        let folder = root.join(name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("data.csv"), &csv).expect("data");
        let manifest = serde_json::json!({
            "schema": 1, "name": name, "file": "data.csv", "format": "csv", "sha256": sha, "rows": DATES * 3,
            "fields": ["open", "close", "volume"], "symbols": ["AAPL", "FB", "IBM"],
        });
        fs::write(folder.join("manifest.json"), manifest.to_string()).expect("a manifest");
    }
    let symbols = ["AAPL", "GOOG", "IBM", "MSFT"];
    write_dataset(&root, "walk", &symbols, &walk(&symbols, WALK_DATES));
    root
});

/// How many dates `walk` has.
pub(crate) const WALK_DATES: usize = 800;

/// Writes the folder of a dataset with open, high, low, close and volume.
pub(crate) fn write_dataset(root: &Path, name: &str, symbols: &[&str], csv: &str) {
    let folder = root.join(name);
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("data.csv"), csv).expect("data");
    let manifest = serde_json::json!({
        "schema": 1, "name": name, "file": "data.csv", "format": "csv", "sha256": sha256_hex(csv.as_bytes()),
        "rows": csv.lines().count() - 1, "fields": ["open", "high", "low", "close", "volume"], "symbols": symbols,
    });
    fs::write(folder.join("manifest.json"), manifest.to_string()).expect("a manifest");
}

/// Prices that wander by up to 2 % a date with a drift upwards, the same in every process.
pub(crate) fn walk(symbols: &[&str], dates: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    // xorshift64: uniform in [0, 1).
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f64::from(u32::try_from(state >> 32).expect("32 bits")) / f64::from(u32::MAX)
    };
    let mut closes = vec![100.0_f64; symbols.len()];
    let mut csv = "date,symbol,open,high,low,close,volume\n".to_owned();
    for date in weekdays(dates) {
        for (symbol, close) in symbols.iter().zip(&mut closes) {
            let open = *close;
            *close *= 1.0005 + 0.04 * (next() - 0.5);
            let (low, high) =
                (open.min(*close) * (1.0 - 0.01 * next()), open.max(*close) * (1.0 + 0.01 * next()));
            let volume = (1e6 * (0.5 + next())).round();
            writeln!(csv, "{date},{symbol},{open:.4},{high:.4},{low:.4},{close:.4},{volume}")
                .expect("a String takes everything");
        }
    }
    csv
}

/// AAPL rises by 1 a date from 100, IBM falls by 0.1 from 200, FB has no close on the first 100 dates.
fn prices() -> String {
    let mut rows = vec!["date,symbol,open,close,volume".to_owned()];
    for (date, step) in dates().iter().zip(steps()) {
        rows.push(format!("{date},AAPL,{},{},1000", 99.5 + step, 100.0 + step));
        let fb = if step < 100.0 { String::new() } else { format!("{}", 50.0 + step) };
        rows.push(format!("{date},FB,,{fb},"));
        rows.push(format!("{date},IBM,{},{},500", 200.5 - 0.1 * step, 200.0 - 0.1 * step));
    }
    rows.join("\n") + "\n"
}

/// 0, 1, 2, … one for each date.
pub(crate) fn steps() -> impl Iterator<Item = f64> {
    (0_u16..).map(f64::from).take(DATES)
}

/// What AAPL earns from the first date to the last.
pub(crate) fn aapl_earned() -> f64 {
    steps().last().unwrap_or_default() / 100.0
}

/// The dataset's dates, ISO.
pub(crate) fn dates() -> Vec<String> {
    weekdays(DATES)
}

fn weekdays(count: usize) -> Vec<String> {
    let first: jiff::civil::Date = "2020-01-01".parse().expect("a date");
    first
        .series(jiff::Span::new().days(1))
        .filter(|date| date.weekday().to_monday_zero_offset() < 5)
        .take(count)
        .map(|date| date.to_string())
        .collect()
}

/// A new folder that nobody else uses.
pub(crate) fn scratch(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).expect("a scratch folder");
    folder
}

/// A run of `code` on AAPL.
pub(crate) fn run(code: &str) -> Run {
    Run {
        schema: SCHEMA,
        run_uid: "run-uid".into(),
        pod_uid: POD.into(),
        attempt: 1,
        sha256: sha256_hex(code.as_bytes()),
        code: code.into(),
        params: BTreeMap::from([("window".into(), "5".into())]),
        dataset: Dataset {
            name: "us".into(),
            path: String::new(),
            format: DatasetFormat::Csv,
            symbols: vec!["AAPL".into()],
            start: None,
            end: None,
        },
        benchmark: None,
        execution: Execution {
            lag: 1,
            rebalance: Rebalance::D,
            fee_ratio: 0.0,
            tax_ratio: 0.0,
            initial_cash: 1e6,
            max_leverage: 1.0,
        },
        limits: Limits { active_deadline_seconds: 60, memory_bytes: 2 << 30 },
        trials: Trials { count: 1, sharpe_variance: 0.0 },
        checks: Checks::OFF,
        require: Vec::new(),
        artifacts: Vec::new(),
    }
}

/// The same on several symbols.
pub(crate) fn run_on(symbols: &[&str], code: &str) -> Run {
    let mut run = run(code);
    run.dataset.symbols = symbols.iter().map(|&symbol| symbol.to_owned()).collect();
    run
}

/// What was left when a sandbox ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
    /// The termination log.
    pub(crate) log: Vec<u8>,
    /// From the report line, if any, to the end of the process.
    pub(crate) after_report: Option<Duration>,
}

/// A runner's process.
#[derive(Debug)]
pub(crate) struct Sandbox {
    pub(crate) process: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<(Instant, String)>,
    /// Lines that were passed over while waiting for another one.
    pub(crate) seen: Vec<String>,
    log: PathBuf,
    reported: Option<Instant>,
}

impl Sandbox {
    /// Starts one with its dataset preloaded.
    pub(crate) fn start() -> Self {
        Self::start_with(|command| {
            command.env("STRATBOX_PRELOAD", r#"{"name":"us","path":"","format":"csv"}"#);
        })
    }

    pub(crate) fn start_with(change: impl FnOnce(&mut Command)) -> Self {
        let log = scratch("log").join("termination-log");
        File::create(&log).expect("a termination log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_stratbox-runner"));
        command
            .arg("--datasets")
            .arg(&*DATASETS)
            .arg("--python")
            .arg(&*PYTHON)
            .arg("--loop")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("images/sandbox/loop.py"))
            .arg("--termination-log")
            .arg(&log)
            .env("POD_UID", POD)
            .env("STRATBOX_TEST_SECRET", "do not tell")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        change(&mut command);
        let mut process = command.spawn().expect("the runner starts");
        let stdin = process.stdin.take();
        let (sender, lines) = channel();
        if let Some(stdout) = process.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send((Instant::now(), line)).is_err() {
                        break;
                    }
                }
            });
        }
        Self { process, stdin, lines, seen: Vec::new(), log, reported: None }
    }

    /// Starts one and waits until it is warm.
    pub(crate) fn ready() -> Self {
        let mut sandbox = Self::start();
        sandbox.until_ready();
        sandbox
    }

    pub(crate) fn until_ready(&mut self) {
        self.until(|frame| {
            matches!(frame, Outbound::State(State { progress: Progress::Ready, .. })).then_some(())
        });
    }

    /// Bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        // A runner that has ended takes no more; what the test waits for will say so.
        let _ = self.stdin.as_mut().expect("stdin is piped").write_all(bytes);
    }

    pub(crate) fn send(&mut self, run: Run) {
        self.write(Inbound::Run(Box::new(run)).to_line().as_bytes());
    }

    /// Says hello and returns the state that answers it.
    pub(crate) fn hello(&mut self, nonce: &str) -> Progress {
        self.write(Inbound::Hello(Hello { nonce: nonce.into() }).to_line().as_bytes());
        self.state(nonce)
    }

    /// The next state with this nonce.
    pub(crate) fn state(&mut self, nonce: &str) -> Progress {
        self.until(|frame| match frame {
            Outbound::State(state) if state.nonce == nonce => Some(state.progress),
            _ => None,
        })
    }

    /// The next frame for which `wanted` has something.
    pub(crate) fn until<T>(&mut self, mut wanted: impl FnMut(Outbound) -> Option<T>) -> T {
        loop {
            let (at, line) = match self.lines.recv_timeout(LONG) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => panic!("nothing after {LONG:?}; seen {:?}", self.seen),
                Err(RecvTimeoutError::Disconnected) => {
                    let mut stderr = String::new();
                    if let Some(mut pipe) = self.process.stderr.take() {
                        let _ = pipe.read_to_string(&mut stderr);
                    }
                    panic!("the runner ended: {stderr}; seen {:?}", self.seen)
                }
            };
            let frame = Outbound::from_line(line.as_bytes()).expect("a frame");
            if matches!(frame, Outbound::Report(_)) {
                self.reported = Some(at);
            }
            if let Some(found) = wanted(frame) {
                return found;
            }
            self.seen.push(line);
        }
    }

    /// The report line, checked as the operator checks it.
    pub(crate) fn report(&mut self, run: &Run) -> Report {
        let report = self.until(|frame| match frame {
            Outbound::Report(report) => Some(*report),
            _ => None,
        });
        report.check(&expected(run)).expect("a believable report");
        report
    }

    /// Waits until the process is gone.
    pub(crate) fn ended(mut self) -> Ended {
        let until = Instant::now() + LONG;
        let status = loop {
            if let Some(status) = self.process.try_wait().expect("a status") {
                break status;
            }
            assert!(Instant::now() < until, "the runner does not end");
            thread::sleep(Duration::from_millis(5));
        };
        let after_report = self.reported.map(|at| at.elapsed());
        let mut stderr = String::new();
        if let Some(mut pipe) = self.process.stderr.take() {
            let _ = pipe.read_to_string(&mut stderr);
        }
        let log = fs::read(&self.log).expect("a termination log");
        Ended { code: status.code(), stderr, log, after_report }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // Only what was started here; the interpreter goes when its pipes close.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn expected(run: &Run) -> Expected<'_> {
    Expected { run_uid: &run.run_uid, pod_uid: POD, attempt: run.attempt, code_sha256: &run.sha256 }
}

/// Hands `run` to a warm sandbox, and checks what must hold of every end: the termination log is the report, the exit
/// code is 0, within a second.
pub(crate) fn outcome(run: &Run) -> Report {
    let mut sandbox = Sandbox::ready();
    sandbox.send(run.clone());
    let report = sandbox.report(run);
    let ended = sandbox.ended();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stderr, "");
    assert!(ended.after_report.is_some_and(|after| after < Duration::from_secs(1)), "{ended:?}");
    assert_eq!(Report::read(&ended.log, &expected(run)).expect("a termination message"), report);
    report
}
