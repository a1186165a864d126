//! The slice of one run: its symbols, its dates, and the bytes that its evaluation reads.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::civil::Date;

use super::Dataset;
use super::columns::Series;
use super::rows::{Cursor, Rows, View};
use crate::wire;

/// How many symbols a message names before it says "and N more".
const NAMED: usize = 12;

/// Why a run asks for something that the dataset does not have. The message names the field of the spec and what there
/// is instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SliceError {
    /// A symbol of `spec.dataset.symbols`, or the benchmark.
    #[error("{field}: no symbol {symbol:?} in dataset {dataset:?}; it has {known}")]
    Symbol {
        /// The field of the spec.
        field: &'static str,
        /// What it asks for.
        symbol: String,
        /// The dataset's name.
        dataset: String,
        /// Some of those that there are.
        known: String,
    },
    /// A date that is none.
    #[error("{field}: {value:?} is no date; write it as 2005-01-31")]
    Date {
        /// The field of the spec.
        field: &'static str,
        /// What it says.
        value: String,
    },
    /// No selected symbol has a price in the window.
    #[error(
        "spec.dataset.start, spec.dataset.end: no price of the selected symbols between {start} and {end}; dataset {dataset:?} has dates from {first} to {last}"
    )]
    Empty {
        /// First date asked for.
        start: String,
        /// Last date asked for.
        end: String,
        /// The dataset's name.
        dataset: String,
        /// Its first date.
        first: String,
        /// Its last date.
        last: String,
    },
}

/// What a run sees of a dataset.
#[derive(Debug)]
pub(crate) struct Slice<'a> {
    dataset: &'a Dataset,
    series: Vec<&'a Series>,
    /// Positions of the slice's dates in the dataset's.
    at: Vec<u32>,
    /// The dates on which a selected symbol has a close, ascending.
    pub(crate) dates: Vec<Date>,
    /// The selected symbols, ascending, each once.
    pub(crate) symbols: Vec<String>,
    /// Closes of the benchmark on those dates, NaN where missing.
    pub(crate) benchmark: Option<Vec<f64>>,
}

impl<'a> Slice<'a> {
    /// Selects what `asked` and `benchmark` name.
    ///
    /// # Errors
    /// Something that the dataset does not have.
    pub(crate) fn new(
        dataset: &'a Dataset,
        asked: &wire::Dataset,
        benchmark: Option<&str>,
    ) -> Result<Self, SliceError> {
        let symbols: BTreeSet<&str> = if asked.symbols.is_empty() {
            dataset.symbols().collect()
        } else {
            asked.symbols.iter().map(String::as_str).collect()
        };
        let find =
            |field, symbol: &str| dataset.series(symbol).ok_or_else(|| unknown(dataset, field, symbol));
        let series = symbols
            .iter()
            .map(|symbol| find("spec.dataset.symbols", symbol))
            .collect::<Result<Vec<_>, _>>()?;
        let benchmark = benchmark.map(|symbol| find("spec.benchmark", symbol)).transpose()?;
        let start = bound("spec.dataset.start", asked.start.as_deref())?;
        let end = bound("spec.dataset.end", asked.end.as_deref())?;
        let mut priced = vec![false; dataset.dates.len()];
        for one in &series {
            for (&at, &row) in one.at.iter().zip(&one.rows) {
                priced[at as usize] |= !dataset.row(row)[dataset.close].is_nan();
            }
        }
        let (at, dates): (Vec<u32>, Vec<Date>) = (0..)
            .zip(dataset.dates.iter().zip(&priced))
            .filter(|(_, (date, priced))| {
                **priced && start.is_none_or(|start| **date >= start) && end.is_none_or(|end| **date <= end)
            })
            .map(|(at, (&date, _))| (at, date))
            .unzip();
        if dates.is_empty() {
            return Err(empty(dataset, asked));
        }
        let symbols = symbols.into_iter().map(str::to_owned).collect();
        let mut slice = Self { dataset, series, at, dates, symbols, benchmark: None };
        slice.benchmark = benchmark.map(|series| slice.closes_of(series));
        Ok(slice)
    }

    /// Field names in the order of the rows.
    pub(crate) fn fields(&self) -> &[String] {
        &self.dataset.fields
    }

    /// Closes, row-major dates × symbols, NaN where missing.
    pub(crate) fn closes(&self) -> Vec<f64> {
        let width = self.series.len();
        let mut closes = vec![f64::NAN; self.dates.len() * width];
        for (column, series) in self.series.iter().enumerate() {
            for (row, close) in self.closes_of(series).into_iter().enumerate() {
                closes[row * width + column] = close;
            }
        }
        closes
    }

    fn closes_of(&self, series: &Series) -> Vec<f64> {
        let mut cursor = Cursor::new(series, self.at[0]);
        let close = |row| self.dataset.row(row)[self.dataset.close];
        self.at.iter().map(|&at| cursor.row(at).map_or(f64::NAN, close)).collect()
    }

    /// The values of a row of the dataset, field by field.
    pub(super) fn values(&self, row: u32) -> &[f64] {
        self.dataset.row(row)
    }

    /// All of it, as it is.
    pub(crate) fn whole(&self) -> View {
        View { dates: self.dates.len(), shock: None }
    }

    /// The rows of a view of it, in pieces.
    pub(crate) fn rows(&self, view: View) -> Rows<'_> {
        Rows::new(self, view)
    }

    /// Bytes of one row: the date and every field of every symbol.
    pub(super) fn row_length(&self) -> usize {
        8 * (1 + self.dataset.fields.len() * self.series.len())
    }

    /// Bytes of all rows of a view.
    pub(crate) fn length(&self, view: View) -> u64 {
        self.row_length() as u64 * view.dates as u64
    }

    /// A cursor a symbol, each at the slice's first date.
    pub(super) fn cursors(&self) -> Vec<Cursor<'_>> {
        self.series.iter().map(|series| Cursor::new(series, self.at[0])).collect()
    }

    /// Where the date of a row stands in the dataset.
    pub(super) fn at(&self, row: usize) -> Option<u32> {
        self.at.get(row).copied()
    }

    /// Which fields a shock changes, by their place in a row. Prices and volumes, and whatever else is a quantity. A
    /// field of another name whose every value is a whole number is a code, a flag or a count (a sector, a membership):
    /// three times a code is none, and an honest strategy that looks it up would raise.
    pub(crate) fn shocked_fields(&self) -> Vec<bool> {
        let is_quantity = |place: usize| {
            let mut rows = self.series.iter().flat_map(|series| &series.rows);
            rows.any(|&row| {
                let value = self.dataset.row(row)[place];
                value.is_finite() && value.fract() != 0.0
            })
        };
        self.dataset
            .fields
            .iter()
            .enumerate()
            .map(|(place, field)| is_market(field) || is_quantity(place))
            .collect()
    }
}

/// Whether a field is a price or a volume by its name: `close`, but also `raw_close` or `adj_volume`.
fn is_market(field: &str) -> bool {
    matches!(
        field.rsplit('_').next().unwrap_or_default(),
        "open" | "high" | "low" | "close" | "volume" | "vwap" | "price"
    )
}

fn bound(field: &'static str, value: Option<&str>) -> Result<Option<Date>, SliceError> {
    value
        .map(|value| value.parse().map_err(|_| SliceError::Date { field, value: value.to_owned() }))
        .transpose()
}

fn unknown(dataset: &Dataset, field: &'static str, symbol: &str) -> SliceError {
    let all = dataset.symbols().len();
    let mut known = dataset.symbols().take(NAMED).collect::<Vec<_>>().join(", ");
    if all > NAMED {
        // Writing to a String cannot fail.
        let _ = write!(known, " and {} more", all - NAMED);
    }
    SliceError::Symbol { field, symbol: symbol.to_owned(), dataset: dataset.name.clone(), known }
}

fn empty(dataset: &Dataset, asked: &wire::Dataset) -> SliceError {
    let date = |date: Option<&Date>| date.map(ToString::to_string).unwrap_or_default();
    let asked_for = |value: &Option<String>, other: &str| value.clone().unwrap_or_else(|| other.to_owned());
    SliceError::Empty {
        start: asked_for(&asked.start, "the beginning"),
        end: asked_for(&asked.end, "the end"),
        dataset: dataset.name.clone(),
        first: date(dataset.dates.first()),
        last: date(dataset.dates.last()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::csv;
    use super::super::manifest::Manifest;
    use super::*;

    /// A has all three dates, B no close on the first and no row on the second, C only a fourth.
    const CSV: &str = "date,symbol,open,close\n2024-01-02,A,1,10\n2024-01-02,B,2,\n2024-01-03,A,3,30\n\
                       2024-01-04,A,4,40\n2024-01-04,B,5,50\n2024-01-05,C,6,60\n";

    fn dataset() -> Dataset {
        let manifest: Manifest = serde_json::from_value(serde_json::json!({
            "schema": 1, "file": "x", "format": "csv", "sha256": "", "rows": 6, "fields": ["open", "close"],
        }))
        .expect("a manifest");
        csv::read(CSV.as_bytes(), 6)
            .and_then(|columns| columns.finished("d", String::new(), &manifest))
            .expect("a dataset")
    }

    fn asked(symbols: &[&str], start: Option<&str>, end: Option<&str>) -> wire::Dataset {
        wire::Dataset {
            name: "d".into(),
            path: String::new(),
            format: wire::DatasetFormat::Csv,
            symbols: symbols.iter().map(|&symbol| symbol.to_owned()).collect(),
            start: start.map(str::to_owned),
            end: end.map(str::to_owned),
        }
    }

    fn days_of(slice: &Slice<'_>) -> Vec<i8> {
        slice.dates.iter().map(|date| date.day()).collect()
    }

    #[test]
    fn dates_are_those_on_which_a_selected_symbol_has_a_close() {
        let dataset = dataset();
        let slice = |asked: wire::Dataset| Slice::new(&dataset, &asked, None).expect("a slice");
        assert_eq!(days_of(&slice(asked(&["A"], None, None))), [2, 3, 4]);
        assert_eq!(days_of(&slice(asked(&["B", "B"], None, None))), [4]);
        assert_eq!(days_of(&slice(asked(&[], None, None))), [2, 3, 4, 5]);
        assert_eq!(days_of(&slice(asked(&["A"], Some("2024-01-03"), Some("2024-01-03")))), [3]);
    }

    #[test]
    fn rows_and_closes_have_a_place_for_every_symbol() {
        let dataset = dataset();
        let slice =
            Slice::new(&dataset, &asked(&["B", "A"], Some("2024-01-03"), None), Some("C")).expect("a slice");
        assert_eq!(slice.symbols, ["A", "B"]);
        let closes = slice.closes();
        assert_eq!(closes[..1], [30.0]);
        assert!(closes[1].is_nan());
        assert_eq!(closes[2..], [40.0, 50.0]);
        assert!(slice.benchmark.as_ref().expect("a benchmark").iter().all(|close| close.is_nan()));
        // One row at a time gives the same bytes as all at once.
        let (mut whole, mut pieces) = (Vec::new(), Vec::new());
        assert!(slice.rows(slice.whole()).fill(&mut whole, usize::MAX));
        let mut rows = slice.rows(slice.whole());
        let mut piece = Vec::new();
        while rows.fill(&mut piece, 1) {
            pieces.append(&mut piece);
        }
        assert_eq!(whole, pieces);
        assert_eq!(whole.len() as u64, slice.length(slice.whole()));
        let cell = |at: usize| f64::from_le_bytes(whole[at * 8..][..8].try_into().expect("eight bytes"));
        assert_eq!(i64::from_le_bytes(whole[..8].try_into().expect("eight bytes")), 19_725);
        assert_eq!((cell(1), cell(3)), (3.0, 30.0));
        assert_eq!((5..10).skip(1).map(cell).collect::<Vec<_>>(), [4.0, 5.0, 40.0, 50.0]);
    }

    #[test]
    fn what_is_not_there_is_named_together_with_what_is() {
        let dataset = dataset();
        let refused =
            |asked, benchmark| Slice::new(&dataset, &asked, benchmark).expect_err("refused").to_string();
        assert_eq!(
            refused(asked(&["A", "X"], None, None), None),
            "spec.dataset.symbols: no symbol \"X\" in dataset \"d\"; it has A, B, C"
        );
        assert!(refused(asked(&["A"], None, None), Some("X")).starts_with("spec.benchmark: no symbol"));
        let empty = refused(asked(&["A"], Some("2024-01-05"), None), None);
        assert!(
            empty.contains("between 2024-01-05 and the end") && empty.contains("2024-01-02 to 2024-01-05"),
            "{empty}"
        );
    }
}
