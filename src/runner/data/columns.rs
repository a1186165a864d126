//! A whole dataset in memory: every value once, in the order of the file, and for each symbol which rows are its own. So
//! a gap costs nothing, a run touches only its symbols, and the rows of one date lie together, as evaluations read them.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;

use super::manifest::Manifest;

/// The field that is scored.
const CLOSE: &str = "close";

/// A dataset, read and checked.
#[derive(Debug)]
pub(crate) struct Dataset {
    /// Its name in the class.
    pub(crate) name: String,
    /// SHA-256 of its file as it was read, lower-case hex.
    pub(crate) sha256: String,
    /// Field names in the file's order.
    pub(super) fields: Vec<String>,
    /// Which of them is `close`.
    pub(super) close: usize,
    /// Every date of the file, ascending.
    pub(super) dates: Vec<Date>,
    /// Row-major rows × fields; NaN where the file has nothing.
    values: Vec<f64>,
    series: BTreeMap<String, Series>,
}

/// Which rows are one symbol's.
#[derive(Debug, Default)]
pub(super) struct Series {
    /// Positions in the dataset's dates, ascending.
    pub(super) at: Vec<u32>,
    /// The row of each.
    pub(super) rows: Vec<u32>,
}

impl Dataset {
    /// All symbols, ascending.
    pub(crate) fn symbols(&self) -> impl ExactSizeIterator<Item = &str> {
        self.series.keys().map(String::as_str)
    }

    /// One symbol's rows.
    pub(super) fn series(&self, symbol: &str) -> Option<&Series> {
        self.series.get(symbol)
    }

    /// The values of a row, field by field.
    pub(super) fn row(&self, row: u32) -> &[f64] {
        let width = self.fields.len();
        &self.values[row as usize * width..][..width]
    }
}

/// A dataset that is being read, row by row.
#[derive(Debug)]
pub(super) struct Columns {
    fields: Vec<String>,
    dates: Vec<Date>,
    index: HashMap<String, usize>,
    series: Vec<Series>,
    values: Vec<f64>,
    rows: u32,
}

impl Columns {
    /// An empty one with these fields and room for so many rows: a dataset of hundreds of megabytes that grew by doubling
    /// would need twice its size. The number is the manifest's, so it may be anything.
    pub(super) fn new(fields: Vec<String>, rows: u64) -> Self {
        let mut values = Vec::new();
        let cells = usize::try_from(rows).ok().and_then(|rows| rows.checked_mul(fields.len()));
        // A wrong manifest is found at the end; until then the values grow as they come.
        let _ = cells.map(|cells| values.try_reserve_exact(cells));
        Self { fields, dates: Vec::new(), index: HashMap::new(), series: Vec::new(), values, rows: 0 }
    }

    /// How many values a row has.
    pub(super) fn width(&self) -> usize {
        self.fields.len()
    }

    /// Takes one row.
    ///
    /// # Errors
    /// A date before the last one, or a second row of a date and symbol.
    pub(super) fn push(
        &mut self,
        date: Date,
        symbol: &str,
        values: impl Iterator<Item = f64>,
    ) -> Result<(), String> {
        match self.dates.last() {
            Some(&last) if date < last => {
                return Err(format!("{date} comes after {last}: rows must be ordered by date"));
            }
            Some(&last) if date == last => {}
            _ => self.dates.push(date),
        }
        let today = u32::try_from(self.dates.len() - 1).map_err(|_| "too many dates".to_owned())?;
        let at = match self.index.get(symbol) {
            Some(&at) => at,
            None if symbol.is_empty() => return Err("a row has no symbol".to_owned()),
            None => {
                self.series.push(Series::default());
                self.index.insert(symbol.to_owned(), self.series.len() - 1);
                self.series.len() - 1
            }
        };
        let series = &mut self.series[at];
        if series.at.last() == Some(&today) {
            return Err(format!("{symbol} has two rows on {date}"));
        }
        series.at.push(today);
        series.rows.push(self.rows);
        self.values.extend(values);
        self.rows = self.rows.checked_add(1).ok_or("too many rows")?;
        if self.values.len() != self.rows as usize * self.fields.len() {
            return Err(format!("the row of {symbol} on {date} has not {} values", self.fields.len()));
        }
        Ok(())
    }

    /// The dataset, if it is what its manifest says.
    pub(super) fn finished(self, name: &str, sha256: String, manifest: &Manifest) -> Result<Dataset, String> {
        if self.fields != manifest.fields {
            return Err(format!("fields are {:?}, the manifest says {:?}", self.fields, manifest.fields));
        }
        if u64::from(self.rows) != manifest.rows {
            return Err(format!("{} rows, the manifest says {}", self.rows, manifest.rows));
        }
        let close = self.fields.iter().position(|field| field == CLOSE).ok_or("has no field close")?;
        let mut all = self.series;
        let series = self.index.into_iter().map(|(symbol, at)| {
            let mut series = std::mem::take(&mut all[at]);
            series.at.shrink_to_fit();
            series.rows.shrink_to_fit();
            (symbol, series)
        });
        Ok(Dataset {
            name: name.to_owned(),
            sha256,
            fields: self.fields,
            close,
            dates: self.dates,
            values: self.values,
            series: series.collect(),
        })
    }
}
