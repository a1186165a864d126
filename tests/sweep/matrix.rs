//! The matrix: a row for each request, a column for each way to spoil it.

use crate::cell::{Cell, Reference, Request, Verdict};
use crate::proxy::Fate;
use crate::support::root;
use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

/// The ways, and their columns' heads.
pub(crate) const MODES: [(&str, Fate); 8] = [
    ("500", Fate::Refuse(500)),
    ("429", Fate::Refuse(429)),
    ("409", Fate::Refuse(409)),
    ("silence", Fate::Silence),
    ("lost", Fate::LoseReply),
    ("delay", Fate::Delay(Duration::from_secs(3))),
    ("crash<", Fate::CrashBefore),
    ("crash>", Fate::CrashAfter),
];

/// All verdicts.
pub(crate) struct Matrix {
    rows: Vec<Request>,
    head: String,
    wanted: usize,
    verdicts: HashMap<(Request, usize), Verdict>,
    started: Instant,
}

impl Matrix {
    pub(crate) fn new(reference: &Reference, wanted: usize) -> Self {
        Self {
            rows: reference.requests.clone(),
            head: reference.totals(),
            wanted,
            verdicts: HashMap::new(),
            started: Instant::now(),
        }
    }

    pub(crate) fn note(&mut self, cell: &Cell, verdict: Verdict) {
        let mode = MODES.iter().position(|(_, fate)| *fate == cell.fate).expect("a mode of ours");
        if let Verdict::Differs(what) = &verdict {
            let Request { verb, resource, turn } = &cell.request;
            println!("{verb} {resource} {turn}, {}: {}", MODES[mode].0, what.join("; "));
        }
        self.verdicts.insert((cell.request.clone(), mode), verdict);
    }

    fn count(&self, what: impl Fn(&Verdict) -> bool) -> usize {
        self.verdicts.values().filter(|verdict| what(verdict)).count()
    }

    fn same(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Same))
    }

    /// Whether every cell was tried and is as the reference.
    pub(crate) fn is_clean(&self) -> bool {
        self.wanted > 0 && self.same() == self.wanted
    }

    /// Keeps it in a file.
    pub(crate) fn save(&self, name: &str) -> std::io::Result<()> {
        let folder = root().join("target/sweep");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(format!("{name}.txt")), self.to_string())
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(to, "reference: {}", self.head)?;
        write!(to, "{:>3} {:<34}", "n", "request")?;
        for (name, _) in MODES {
            write!(to, "{name:>8}")?;
        }
        writeln!(to)?;
        for (index, row) in self.rows.iter().enumerate() {
            let request = format!("{} {} {}", row.verb, row.resource, row.turn);
            write!(to, "{:>3} {request:<34}", index + 1)?;
            for mode in 0..MODES.len() {
                let cell = match self.verdicts.get(&(row.clone(), mode)) {
                    Some(Verdict::Same) => "ok",
                    Some(Verdict::Differs(_)) => "FAIL",
                    Some(Verdict::NotReached) => "none",
                    None => "-",
                };
                write!(to, "{cell:>8}")?;
            }
            writeln!(to)?;
        }
        writeln!(
            to,
            "{} of {} cells as the reference, {} differ, {} not reached; {} s",
            self.same(),
            self.wanted,
            self.count(|verdict| matches!(verdict, Verdict::Differs(_))),
            self.count(|verdict| matches!(verdict, Verdict::NotReached)),
            self.started.elapsed().as_secs()
        )
    }
}
