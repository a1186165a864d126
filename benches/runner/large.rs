//! 2,000 symbols × 5,000 dates × 5 fields: loaded, evaluated and scored by a sandbox with 2 GiB, and what of that its
//! processes really hold.

use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use sha2::{Digest as _, Sha256};
use stratbox::wire::{DatasetFormat, Outcome, hex};

use crate::Line;
use crate::support::{DATASETS, Sandbox, run_on};

const SYMBOLS: usize = 2_000;
const DATES: usize = 5_000;
const FIELDS: [&str; 5] = ["open", "high", "low", "close", "volume"];
/// Dates in one group of the Parquet file: a million rows, as its usual writers do.
const GROUP: usize = 500;
/// The sandbox's memory limit in MiB.
const LIMIT: f64 = 2048.0;

const STRATEGY: &str =
    "def strategy(data):\n    close = data['close']\n    return close > close.rolling(20).mean()\n";

/// Two runs only: each moves gigabytes.
pub(crate) fn measure(_: usize) -> Vec<Line> {
    let formats = [("csv", DatasetFormat::Csv), ("parquet", DatasetFormat::Parquet)];
    formats.into_iter().flat_map(|(name, format)| once(name, format)).collect()
}

fn once(name: &str, format: DatasetFormat) -> Vec<Line> {
    let folder = DATASETS.join(format!("large-{name}"));
    write(&folder, name);
    let mut run = run_on(&[], STRATEGY);
    run.dataset.name = format!("large-{name}");
    run.dataset.format = format;
    run.limits.active_deadline_seconds = 300;
    let begun = Instant::now();
    let mut sandbox = Sandbox::start_with(|command| {
        let source = serde_json::json!({"name": run.dataset.name, "path": "", "format": name});
        command.env("STRATBOX_PRELOAD", source.to_string());
    });
    let watch = Watch::start(sandbox.pid());
    sandbox.until_ready();
    let loaded = begun.elapsed().as_secs_f64();
    let after_loading = watch.peak();
    sandbox.send(run.clone());
    let report = sandbox.report(&run);
    let peak = watch.stop();
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.fault);
    assert_eq!((report.evidence.dates, report.evidence.symbols), (DATES as u64, SYMBOLS as u64));
    fs::remove_dir_all(&folder).expect("the folder goes");
    let seconds = |milliseconds: Option<u64>| {
        f64::from(u32::try_from(milliseconds.expect("a time")).expect("less than a month")) / 1e3
    };
    let what = format!("2,000 symbols × 5,000 dates × 5 fields, {name}");
    vec![
        Line::new(format!("{what}: start to loaded"), "s", vec![loaded]),
        Line::new(format!("{what}: evaluated"), "s", vec![seconds(report.durations.run_ms)]),
        Line::new(format!("{what}: scored"), "s", vec![seconds(report.durations.score_ms)]),
        Line::new(format!("{what}: peak RSS while loading"), "MiB", vec![after_loading]),
        Line::new(format!("{what}: peak RSS of all processes"), "MiB", vec![peak]).against(LIMIT),
    ]
}

/// Adds up what the processes of a sandbox hold, as often as it can; pages that they share count more than once.
struct Watch {
    stop: Arc<AtomicBool>,
    peak: Arc<AtomicU64>,
    thread: thread::JoinHandle<()>,
}

impl Watch {
    fn start(pid: u32) -> Self {
        let (stop, peak) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, highest) = (Arc::clone(&stop), Arc::clone(&peak));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                highest.fetch_max(resident(pid), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(5));
            }
        });
        Self { stop, peak, thread }
    }

    /// In MiB.
    fn peak(&self) -> f64 {
        f64::from(u32::try_from(self.peak.load(Ordering::Relaxed) >> 10).expect("less than an exbibyte"))
    }

    fn stop(self) -> f64 {
        self.stop.store(true, Ordering::Relaxed);
        let peak = self.peak();
        self.thread.join().expect("the watch ends");
        peak
    }
}

/// Resident memory of a process and everything below it in KiB; 0 of one that has gone.
fn resident(pid: u32) -> u64 {
    let text = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let own = text("status")
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0);
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children =
        threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    let below: Vec<u32> = children
        .flat_map(|pids| pids.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect();
    below.into_iter().map(resident).sum::<u64>() + own
}

/// Writes the dataset.
fn write(folder: &Path, format: &str) {
    fs::create_dir_all(folder).expect("a folder");
    let file = folder.join(format!("data.{format}"));
    let symbols: Vec<String> = (0..SYMBOLS).map(|number| format!("S{number:04}")).collect();
    let mut prices = Prices::new();
    if format == "csv" {
        write_csv(&file, &symbols, &mut prices);
    } else {
        write_parquet(&file, &symbols, &mut prices);
    }
    let manifest = serde_json::json!({
        "schema": 1, "name": "large", "file": format!("data.{format}"), "format": format, "sha256": hash(&file),
        "rows": SYMBOLS * DATES, "fields": FIELDS, "symbols": symbols,
    });
    fs::write(folder.join("manifest.json"), manifest.to_string()).expect("a manifest");
}

/// Closes that wander, a row a call.
struct Prices {
    state: u64,
    closes: Vec<f64>,
}

impl Prices {
    fn new() -> Self {
        Self { state: 0x9e37_79b9_7f4a_7c15, closes: vec![100.0; SYMBOLS] }
    }

    /// Open, high, low, close and volume of a symbol on the next date.
    fn next(&mut self, symbol: usize) -> [f64; 5] {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        let draw = f64::from(u32::try_from(self.state >> 32).expect("32 bits")) / f64::from(u32::MAX);
        let open = self.closes[symbol];
        let close = open * (1.0 + 0.04 * (draw - 0.5));
        self.closes[symbol] = close;
        [open, open.max(close) * 1.01, open.min(close) * 0.99, close, (1e6 * (0.5 + draw)).round()]
    }
}

fn write_csv(file: &Path, symbols: &[String], prices: &mut Prices) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file).expect("a file"));
    writeln!(out, "date,symbol,{}", FIELDS.join(",")).expect("writing");
    let first = jiff::civil::date(2000, 1, 1);
    for date in first.series(jiff::Span::new().days(1)).take(DATES) {
        for (place, symbol) in symbols.iter().enumerate() {
            let [open, high, low, close, volume] = prices.next(place);
            writeln!(out, "{date},{symbol},{open:.4},{high:.4},{low:.4},{close:.4},{volume}")
                .expect("writing");
        }
    }
    out.flush().expect("writing");
}

fn write_parquet(file: &Path, symbols: &[String], prices: &mut Prices) {
    let fields = FIELDS.map(|field| format!("required double {field}; ")).concat();
    let schema =
        format!("message m {{ required int32 date (DATE); required binary symbol (UTF8); {fields}}}");
    let schema = Arc::new(parse_message_type(&schema).expect("a schema"));
    let out = File::create(file).expect("a file");
    let mut writer = SerializedFileWriter::new(out, schema, Arc::default()).expect("a writer");
    let names: Vec<ByteArray> = symbols.iter().map(|symbol| ByteArray::from(symbol.as_str())).collect();
    for first in (0..DATES).step_by(GROUP) {
        let mut columns = [const { Vec::new() }; 5];
        let mut days = Vec::with_capacity(GROUP * SYMBOLS);
        for date in first..first + GROUP {
            days.extend(std::iter::repeat_n(11_000 + i32::try_from(date).expect("a day"), SYMBOLS));
            for symbol in 0..SYMBOLS {
                for (column, value) in columns.iter_mut().zip(prices.next(symbol)) {
                    column.push(value);
                }
            }
        }
        let mut group = writer.next_row_group().expect("a group");
        let mut column = group.next_column().expect("writing").expect("date");
        column.typed::<Int32Type>().write_batch(&days, None, None).expect("dates");
        column.close().expect("closing");
        let mut column = group.next_column().expect("writing").expect("symbol");
        for _ in 0..GROUP {
            column.typed::<ByteArrayType>().write_batch(&names, None, None).expect("symbols");
        }
        column.close().expect("closing");
        for values in &columns {
            let mut column = group.next_column().expect("writing").expect("a field");
            column.typed::<DoubleType>().write_batch(values, None, None).expect("values");
            column.close().expect("closing");
        }
        group.close().expect("closing");
    }
    writer.close().expect("a file");
}

fn hash(file: &Path) -> String {
    let (mut file, mut digest, mut chunk) =
        (File::open(file).expect("a file"), Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut chunk).expect("reading") {
            0 => return hex(&digest.finalize()),
            count => digest.update(&chunk[..count]),
        }
    }
}
