//! The targets: what is done to an input, and what has to hold whatever it is. A broken property panics.

use std::fmt::Debug;

use serde_json::Value;
use sha2::{Digest, Sha256};
use stratbox::runner::protocol::{MAX_ERROR, Replies, Reply, Written, read_written};
use stratbox::strategy::{Findings, Policy, RULES, Severity, check, steps};
use stratbox::wire::{
    Expected, Inbound, Invalid, MAX_INBOUND_LINE, MAX_OUTBOUND_LINE, MAX_REPORT, Metrics, Outbound, Outcome,
    Progress, Report, SCHEMA,
};

use super::mutate::{self, Rng, replace};
use super::{json, python};

/// The gate's limit of size.
const MAX_PROGRAM: usize = 128 * 1024;
/// The gate's longest line.
const MAX_LINE: usize = 2_000;

/// One thing that reads bytes of others.
#[derive(Debug)]
pub struct Target {
    /// Its name, which its corpus has too.
    pub name: &'static str,
    /// Judges an input: whether it was accepted. Panics if a property does not hold.
    pub run: fn(&[u8]) -> bool,
    change: fn(&mut Rng, &mut Vec<u8>),
}

impl Target {
    /// Makes another input of this one.
    pub fn mutate(&self, rng: &mut Rng, data: &mut Vec<u8>) {
        (self.change)(rng, data);
    }
}

/// All of them.
pub const TARGETS: [Target; 6] = [
    Target { name: "source", run: source, change: python::mutate },
    Target { name: "parse", run: parse, change: python::mutate },
    Target { name: "gate", run: gate, change: python::mutate },
    Target { name: "report", run: report, change: json::mutate },
    Target { name: "inbound", run: inbound, change: json::mutate },
    Target { name: "interpreter", run: interpreter, change: change_stream },
];

/// The target of that name.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).expect("a target of that name")
}

/// The checks before any parser.
fn source(data: &[u8]) -> bool {
    let text = match steps::text(data) {
        Ok(text) => text,
        Err(findings) => {
            check_findings(&findings, &["SRC"]);
            return false;
        }
    };
    assert_eq!(text, canonical(data), "the text is the input's");
    assert!(data.len() <= MAX_PROGRAM, "the size has a limit");
    assert!(text.lines().all(|line| line.chars().count() <= MAX_LINE), "lines have a limit");
    assert!(!text.chars().any(|c| c.is_control() && c != '\n' && c != '\t'), "nothing hides in it");
    assert_eq!(steps::text(text.as_bytes()).ok(), Some(text.clone()), "the text of the text is the text");
    true
}

/// Both parsers and their comparison.
fn parse(data: &[u8]) -> bool {
    let read = steps::read(data, MAX_PROGRAM);
    match &read {
        Ok(reading) => {
            assert!(reading.names.iter().all(|name| name.is_ascii()), "names beyond ASCII are refused");
            assert!(reading.names.is_sorted() && reading.attributes <= reading.names.len());
        }
        Err(findings) => check_findings(findings, &["SRC", "PAR", "LNG"]),
    }
    assert_eq!(read, steps::read(data, MAX_PROGRAM), "the same program is read alike twice");
    read.is_ok()
}

/// The whole gate.
fn gate(data: &[u8]) -> bool {
    let policy = Policy::default();
    let verdict = check(data, &policy);
    assert_eq!(verdict, check(data, &policy), "the same program is judged alike twice");
    match verdict {
        Ok(strategy) => {
            assert_eq!(strategy.code(), canonical(data), "what was judged is what will run");
            assert_eq!(strategy.sha256(), hex(strategy.code().as_bytes()), "the hash is the text's");
            assert!(strategy.warnings().iter().all(|warning| warning.severity == Severity::Warning));
            assert!(
                steps::read(data, MAX_PROGRAM).is_ok(),
                "what is accepted was read alike by both parsers"
            );
            let again = check(strategy.code().as_bytes(), &policy);
            assert_eq!(again.as_ref(), Ok(&strategy), "the canonical text is judged as the input was");
            true
        }
        Err(findings) => {
            check_findings(&findings, &[""]);
            false
        }
    }
}

/// What holds of every refusal: it says why, in the words of rules that there are, and no parser crashed.
fn check_findings(findings: &Findings, families: &[&str]) {
    assert!(findings.items().iter().any(|finding| finding.severity == Severity::Error), "something blocks");
    assert!(
        findings.total() >= findings.items().len()
            && findings.items().is_sorted_by_key(|finding| finding.span)
    );
    for finding in findings.items() {
        assert_ne!(finding.rule, "PAR003", "a parser crashed");
        assert!(RULES.iter().any(|rule| rule.id == finding.rule), "{}", finding.rule);
        assert!(
            families.iter().any(|family| finding.rule.starts_with(family)),
            "{} comes too early",
            finding.rule
        );
        assert!(
            !finding.message.is_empty() && !finding.hint.is_empty() && finding.snippet.chars().count() <= 80
        );
        let span = finding.span;
        assert!(
            span.line >= 1
                && span.column >= 1
                && (span.line, span.column) <= (span.end_line, span.end_column)
        );
    }
}

/// What the gate's text of an input is: no byte order mark, and LF for CRLF.
fn canonical(data: &[u8]) -> String {
    let text = std::str::from_utf8(data).expect("what is accepted is UTF-8");
    text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n")
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the operator reads of a sandbox: a line of its stdout, or its termination message.
fn report(data: &[u8]) -> bool {
    let mut believed =
        serde_json::from_slice::<Report>(data).is_ok_and(|report| believe(&report, Some(data)));
    let Ok(frame) = Outbound::from_line(data) else {
        return believed;
    };
    assert!(data.len() <= MAX_OUTBOUND_LINE);
    let line = frame.to_line();
    let line = line.strip_suffix('\n').expect("a line ends");
    if line.len() <= MAX_OUTBOUND_LINE {
        alike(&frame, &Outbound::from_line(line.as_bytes()).expect("what was written can be read"));
    }
    match &frame {
        Outbound::State(state) => match &state.progress {
            Progress::Warming | Progress::Ready | Progress::Accepted(_) => {}
            Progress::Reported(report) => believed |= believe(report, None),
        },
        Outbound::Accepted(_) | Outbound::Stage(_) | Outbound::Artifact(_) => {}
        Outbound::Report(report) => believed |= believe(report, None),
    }
    believed
}

/// Whether a report is believed by an operator that waits for one of its own identity; and what has to hold then.
fn believe(report: &Report, written: Option<&[u8]>) -> bool {
    let expected = identity(report);
    let believed = report.check(&expected).is_ok();
    if let Some(written) = written {
        let read = Report::read(written, &expected).is_ok();
        assert_eq!(read, believed && written.len() <= MAX_REPORT, "both ways to a report agree");
    }
    let foreign = Expected { attempt: report.attempt.wrapping_add(1), ..expected };
    assert!(report.schema != SCHEMA || matches!(report.check(&foreign), Err(Invalid::Foreign("attempt"))));
    if !believed {
        return false;
    }
    assert_eq!(report.outcome == Outcome::Succeeded, report.metrics.is_some());
    assert_ne!(report.fault.is_some(), report.metrics.is_some());
    assert!(report.metrics.is_some() || (report.checks.is_none() && report.artifacts.is_empty()));
    if let Some(metrics) = &report.metrics {
        check_metrics(report, metrics);
    }
    let again = serde_json::to_vec(report).expect("a report can be written");
    assert!(again.len() <= MAX_REPORT, "a report that is believed fits");
    alike(report, &Report::read(&again, &expected).expect("what was believed is believed again"));
    true
}

fn identity(report: &Report) -> Expected<'_> {
    Expected {
        run_uid: &report.run_uid,
        pod_uid: &report.pod_uid,
        attempt: report.attempt,
        code_sha256: &report.code_sha256,
    }
}

/// Every metric is finite and within its bounds, which are written down here a second time.
fn check_metrics(report: &Report, metrics: &Metrics) {
    let cells = report.evidence.dates.saturating_mul(report.evidence.symbols);
    assert!(metrics.trades.is_none_or(|trades| trades <= cells), "no more trades than dates × symbols");
    assert!(metrics.days.is_none_or(|days| days == report.evidence.dates));
    let Ok(Value::Object(values)) = serde_json::to_value(metrics) else {
        panic!("metrics are no object");
    };
    for (name, value) in values {
        let value = value.as_f64().unwrap_or_else(|| panic!("{name} is {value}, which is no finite number"));
        let (low, high) = match name.as_str() {
            "trades" | "days" => (0.0, 2_f64.powi(64)),
            "sharpeRatio" | "sortinoRatio" | "calmarRatio" | "beta" => (-1e3, 1e3),
            "maxDrawdown" => (-1.0, 0.0),
            "winRate" | "dailyWinRate" | "exposure" | "probabilisticSharpe" | "deflatedSharpe" => (0.0, 1.0),
            "totalReturn" | "annualReturn" | "benchmarkReturn" => (-1.0, 1e15),
            "annualVolatility" | "profitFactor" | "turnover" | "avgHoldingDays" | "minTrackRecordLength" => {
                (0.0, 1e15)
            }
            "bestTrade" | "worstTrade" | "alpha" => (-1e15, 1e15),
            _ => panic!("{name} has no bounds here"),
        };
        assert!((low..=high).contains(&value), "{name} is {value}");
    }
}

/// What the runner reads of the operator.
fn inbound(data: &[u8]) -> bool {
    let Ok(frame) = Inbound::from_line(data) else {
        return false;
    };
    assert!(data.len() <= MAX_INBOUND_LINE);
    if let Inbound::Run(run) = &frame {
        assert_eq!(run.sha256, hex(run.code.as_bytes()), "a run is the code that was hashed");
        let execution = &run.execution;
        let numbers = [execution.fee_ratio, execution.tax_ratio, run.trials.sharpe_variance];
        assert!(numbers.iter().all(|number| number.is_finite() && *number >= 0.0));
        assert!(
            [execution.initial_cash, execution.max_leverage]
                .iter()
                .all(|number| number.is_finite() && *number > 0.0)
        );
        assert!(run.attempt >= 1 && execution.lag >= 1 && run.trials.count >= 1);
        assert!((1..=16).contains(&run.checks.cuts) && run.require.len() <= 3 && run.artifacts.len() <= 2);
    }
    let line = frame.to_line();
    let line = line.trim_matches('\n');
    if line.len() <= MAX_INBOUND_LINE {
        alike(&frame, &Inbound::from_line(line.as_bytes()).expect("what was written can be read"));
    }
    true
}

/// What the runner reads of the interpreter: its replies, however the pipe cuts them, and in them what an evaluation
/// wrote. The first four bytes say how many dates and symbols there are, how the stream is cut, and the limit.
fn interpreter(data: &[u8]) -> bool {
    let Some((&[dates, symbols, piece, limit], stream)) = data.split_first_chunk::<4>() else {
        return false;
    };
    let (dates, symbols) = (usize::from(dates % 8), usize::from(symbols % 8));
    let (whole, broken) = replies(stream, stream.len().max(1), u64::from(limit));
    let cut = replies(stream, usize::from(piece).max(1), u64::from(limit));
    assert_eq!((&whole, broken), (&cut.0, cut.1), "how a pipe cuts a stream changes nothing");
    let mut written: Vec<u8> = Vec::new();
    for (evaluation, reply) in &whole {
        let (kind, body) = match reply {
            Reply::Ready => (1, Vec::new()),
            Reply::Started { pid } => (2, pid.to_le_bytes().to_vec()),
            Reply::Locked => (3, Vec::new()),
            Reply::Result(body) => (4, body.clone()),
            Reply::Ended { status } => (5, status.to_le_bytes().to_vec()),
            Reply::Forked { pid } => (6, pid.to_le_bytes().to_vec()),
        };
        assert!(body.len() as u64 <= u64::from(limit).max(4), "no reply is over its limit");
        written.push(kind);
        written.extend(evaluation.to_le_bytes());
        written.extend(u32::try_from(body.len()).expect("a short body").to_le_bytes());
        written.extend(body);
    }
    assert!(stream.starts_with(&written), "replies are what was sent");
    let results = whole.iter().filter_map(|(_, reply)| match reply {
        Reply::Result(body) => Some(positions(body, dates, symbols)),
        Reply::Ready | Reply::Forked { .. } | Reply::Started { .. } | Reply::Locked | Reply::Ended { .. } => {
            None
        }
    });
    results.fold(positions(stream, dates, symbols), |sound, next| sound | next)
}

fn replies(stream: &[u8], piece: usize, limit: u64) -> (Vec<(u32, Reply)>, bool) {
    let mut replies = Replies::default();
    replies.limit = limit;
    let mut found = Vec::new();
    for bytes in stream.chunks(piece) {
        replies.push(bytes);
        loop {
            match replies.take() {
                Ok(Some(reply)) => found.push(reply),
                Ok(None) => break,
                Err(_) => return (found, true),
            }
        }
    }
    (found, false)
}

/// Reads what an evaluation wrote; whether it is positions or an error.
fn positions(bytes: &[u8], dates: usize, symbols: usize) -> bool {
    match read_written(bytes, dates, symbols) {
        Written::Positions(cells) => {
            assert_eq!(cells.len(), dates * symbols, "there is a target for each date and symbol");
            let sound =
                |row: &[f64]| row.iter().all(|cell| cell.is_finite()) || row.iter().all(|cell| cell.is_nan());
            assert!(cells.chunks(symbols.max(1)).all(sound), "targets are numbers, or none is");
            let back: Vec<u8> = cells.iter().flat_map(|cell| cell.to_le_bytes()).collect();
            assert_eq!(back, bytes[5..], "targets are what was written");
            let short = read_written(&bytes[..bytes.len() - 1], dates, symbols);
            assert_eq!(short, Written::Incomplete, "less than all is nothing");
            true
        }
        Written::Error(error) => {
            let length = error.r#type.len() + error.message.len() + error.traceback.len();
            assert!(length as u64 <= MAX_ERROR && bytes.len() as u64 <= MAX_ERROR + 5, "an error is short");
            true
        }
        Written::Incomplete => {
            assert!(bytes.len() < 5 || claimed(bytes) > bytes.len() - 5);
            false
        }
        Written::Refused(why) => {
            assert!(!why.is_empty() && claimed(bytes) <= bytes.len() - 5);
            false
        }
    }
}

/// The length that a frame of an evaluation says it has.
fn claimed(bytes: &[u8]) -> usize {
    bytes[1..].first_chunk().map_or(0, |length| u32::from_le_bytes(*length) as usize)
}

/// Frames, lengths and floats at their limits.
fn change_stream(rng: &mut Rng, data: &mut Vec<u8>) {
    const FLOATS: &[f64] = &[
        0.0,
        -0.0,
        1.0,
        -1.0,
        0.5,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        f64::MIN,
    ];
    const LENGTHS: &[u32] =
        &[0, 1, 3, 4, 5, 8, 16, 64, 255, 256, 8192, 8193, 0x7fff_ffff, 0x8000_0000, u32::MAX];
    for _ in 0..=rng.below(3) {
        let at = rng.below(data.len() + 1);
        match rng.below(6) {
            0 => {
                let cells: Vec<u8> =
                    (0..=rng.below(4)).flat_map(|_| rng.pick(FLOATS).to_le_bytes()).collect();
                let end = (at + cells.len()).min(data.len());
                replace(data, at, if rng.below(2) == 0 { end } else { at }, &cells);
            }
            1 => {
                let end = (at + 4).min(data.len());
                replace(data, at, end, &rng.pick(LENGTHS).to_le_bytes());
            }
            2 => {
                // Positions that fit, alone or as a reply.
                let (dates, symbols) = (1 + rng.below(7), 1 + rng.below(7));
                let rows = (0..dates)
                    .flat_map(|_| std::iter::repeat_n(*rng.pick(FLOATS), symbols).collect::<Vec<_>>());
                let cells: Vec<u8> = rows.flat_map(f64::to_le_bytes).collect();
                let mut frame = vec![1];
                frame.extend(u32::try_from(cells.len()).unwrap_or_default().to_le_bytes());
                frame.extend(cells);
                if rng.below(2) == 0 {
                    frame = self::frame(4, 1, &frame);
                }
                data.resize(data.len().max(4), 0);
                (data[0], data[1]) =
                    (u8::try_from(dates).unwrap_or_default(), u8::try_from(symbols).unwrap_or_default());
                data[3] = u8::MAX;
                replace(data, 4, 4, &frame);
                if rng.below(2) == 0 {
                    data.truncate(4 + frame.len());
                }
            }
            3 => {
                let kind = u8::try_from(rng.below(7)).unwrap_or_default();
                let body = vec![kind; *rng.pick(&[0, 0, 4, 4, 1, 12])];
                let frame = self::frame(kind, u32::try_from(rng.below(3)).unwrap_or_default(), &body);
                replace(data, at, at, &frame);
            }
            4 => {
                if let Some(from) = data.windows(2).position(|pair| pair == b"{\"") {
                    // An error's JSON; its length is made right again.
                    let mut text = data.split_off(from);
                    json::mutate(rng, &mut text);
                    if let Some(length) = from.checked_sub(4).and_then(|at| data.get_mut(at..)) {
                        length.copy_from_slice(&u32::try_from(text.len()).unwrap_or_default().to_le_bytes());
                    }
                    data.extend(text);
                }
            }
            _ => mutate::bytes(rng, data),
        }
    }
}

fn frame(kind: u8, evaluation: u32, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind];
    frame.extend(evaluation.to_le_bytes());
    frame.extend(u32::try_from(body.len()).unwrap_or_default().to_le_bytes());
    frame.extend(body);
    frame
}

/// Equal but for the last digits of floats, which reading decimals does not keep.
fn alike<T: serde::Serialize + PartialEq + Debug>(one: &T, other: &T) {
    let values = (serde_json::to_value(one), serde_json::to_value(other));
    let (Ok(a), Ok(b)) = values else { panic!("{one:?} or {other:?} cannot be written") };
    assert!(one == other || same(&a, &b), "{one:?} ≠ {other:?}");
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((key, a), (other, b))| key == other && same(a, b))
        }
        (Value::Number(a), Value::Number(b)) => match (a.as_f64(), b.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= a.abs() * 1e-14,
            (None, _) | (_, None) => false,
        },
        (a, b) => a == b,
    }
}
