//! The bytes that an evaluation reads: a view of a slice, made while it is written.

use jiff::civil::Date;

use super::columns::Series;
use super::slice::Slice;

/// What of a slice an evaluation sees: a prefix of its rows, perhaps changed after a cut. A cut is always a prefix of
/// rows, so that nothing of the future can be left in what is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct View {
    /// How many dates there are.
    pub(crate) dates: usize,
    /// What was done to the last of them.
    pub(crate) shock: Option<Shock>,
}

/// A market that never was: prices and volumes from one date on are a multiple of what they were.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shock {
    /// First row that is changed.
    pub(crate) from: usize,
    /// What values are multiplied by.
    pub(crate) factor: f64,
}

/// The bytes of a view, made while they are written: a row is the date as days since 1970 (i64), then field by field
/// the value of every symbol (f64), all little-endian; NaN where there is none.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    slice: &'a Slice<'a>,
    view: View,
    /// Which fields the shock changes; empty without one.
    shocked: Vec<bool>,
    next: usize,
    cursors: Vec<Cursor<'a>>,
    row: Vec<f64>,
}

impl<'a> Rows<'a> {
    /// At the first row.
    pub(super) fn new(slice: &'a Slice<'a>, view: View) -> Self {
        let shocked = if view.shock.is_some() { slice.shocked_fields() } else { Vec::new() };
        let row = Vec::with_capacity(slice.row_length());
        Self { slice, view, shocked, next: 0, cursors: slice.cursors(), row }
    }

    /// Appends whole rows to `buffer` until it has at least `enough` bytes or nothing is left. False when nothing was.
    pub(crate) fn fill(&mut self, buffer: &mut Vec<u8>, enough: usize) -> bool {
        let begun = self.next;
        let fields = self.slice.fields().len();
        let symbols = self.cursors.len();
        while self.next < self.view.dates && buffer.len() < enough {
            let Some((at, &date)) = self.slice.at(self.next).zip(self.slice.dates.get(self.next)) else {
                break;
            };
            self.row.clear();
            self.row.resize(fields * symbols, f64::NAN);
            for (column, cursor) in self.cursors.iter_mut().enumerate() {
                if let Some(row) = cursor.row(at) {
                    for (field, &value) in self.slice.values(row).iter().enumerate() {
                        self.row[field * symbols + column] = value;
                    }
                }
            }
            self.shock(symbols);
            buffer.extend(days(date).to_le_bytes());
            self.row.iter().for_each(|value| buffer.extend(value.to_le_bytes()));
            self.next += 1;
        }
        self.next > begun
    }

    /// Changes the row that was just made, if it lies after the cut.
    fn shock(&mut self, symbols: usize) {
        let Some(shock) = self.view.shock.filter(|shock| self.next >= shock.from) else {
            return;
        };
        for (values, _) in
            self.row.chunks_exact_mut(symbols).zip(&self.shocked).filter(|(_, is_shocked)| **is_shocked)
        {
            for value in values {
                let changed = *value * shock.factor;
                // What is too large to grow stays: data are finite.
                if changed.is_finite() {
                    *value = changed;
                }
            }
        }
    }
}

/// Walks a series along ascending dates.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    series: &'a Series,
    next: usize,
}

impl<'a> Cursor<'a> {
    /// At the first row that is not before the date at `first`.
    pub(super) fn new(series: &'a Series, first: u32) -> Self {
        Self { series, next: series.at.partition_point(|&at| at < first) }
    }

    /// The row of the date at `at`, which must not be before the last one asked for.
    pub(super) fn row(&mut self, at: u32) -> Option<u32> {
        while self.series.at.get(self.next).is_some_and(|&mine| mine < at) {
            self.next += 1;
        }
        let here = self.series.at.get(self.next) == Some(&at);
        here.then(|| self.series.rows[self.next])
    }
}

/// Days since 1970-01-01.
fn days(date: Date) -> i64 {
    // jiff counts from year 1 backwards and forwards; the difference of two dates in days cannot leave an i32.
    let epoch = Date::constant(1970, 1, 1);
    i64::from(date.since(epoch).map_or(0, |span| span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::super::Dataset;
    use super::*;
    use crate::wire::Run;

    /// The values of a view, a row a date, each with its date first.
    fn written(slice: &Slice<'_>, view: View) -> Vec<Vec<f64>> {
        let mut bytes = Vec::new();
        slice.rows(view).fill(&mut bytes, usize::MAX);
        assert_eq!(bytes.len() as u64, slice.length(view));
        let cells =
            bytes.chunks_exact(8).map(|cell| f64::from_le_bytes(cell.try_into().expect("eight bytes")));
        cells.collect::<Vec<_>>().chunks_exact(5).map(<[f64]>::to_vec).collect()
    }

    #[test]
    fn a_cut_is_a_prefix_and_a_shock_leaves_it_as_it_was() {
        let dataset = Dataset::example(6);
        let slice = Slice::new(&dataset, &Run::example().dataset, None).expect("a slice");
        let whole = written(&slice, slice.whole());
        assert_eq!(whole.len(), 6);
        assert_eq!(written(&slice, View { dates: 4, shock: None }), whole[..4]);
        let shocked = written(&slice, View { dates: 6, shock: Some(Shock { from: 4, factor: 3.0 }) });
        assert_eq!(shocked[..4], whole[..4]);
        for (before, after) in whole[4..].iter().zip(&shocked[4..]) {
            // Date and sector stay; open, close and a ratio are quantities.
            let expected = [before[0], before[1] * 3.0, before[2] * 3.0, before[3], before[4] * 3.0];
            assert_eq!(after[1..], expected[1..]);
            assert_eq!(after[0].to_bits(), before[0].to_bits());
        }
    }
}
