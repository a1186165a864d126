//! The prices that positions are scored on.

use jiff::civil::Date;

use super::ScoreError;

/// Dates × symbols of closing prices, checked once so that nothing after it has to.
#[derive(Debug, Clone, Copy)]
pub struct Market<'a> {
    dates: &'a [Date],
    symbols: &'a [String],
    close: &'a [f64],
}

impl<'a> Market<'a> {
    /// Checks and takes prices that are already restricted to the selected symbols and to [start, end].
    ///
    /// `close` is row-major dates × symbols in the currency of the dataset, NaN where there is no price.
    ///
    /// # Errors
    /// No date or symbol; dates that do not ascend; a date on which no symbol has a price (it is not one of
    /// the dates that count, and would stretch every annualised figure); another length than dates × symbols;
    /// a close that is not a positive number.
    pub fn new(dates: &'a [Date], symbols: &'a [String], close: &'a [f64]) -> Result<Self, ScoreError> {
        if dates.is_empty() {
            return Err(ScoreError::NoDates);
        }
        if symbols.is_empty() {
            return Err(ScoreError::NoSymbols);
        }
        if let Some(pair) = dates.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(ScoreError::DateOrder { date: pair[1] });
        }
        check_length("closes", close, dates.len().saturating_mul(symbols.len()))?;
        for (&date, row) in dates.iter().zip(close.chunks_exact(symbols.len())) {
            let mut priced = false;
            for (&price, symbol) in row.iter().zip(symbols) {
                priced |= check_price(price, date, symbol)?;
            }
            if !priced {
                return Err(ScoreError::DateWithoutPrice { date });
            }
        }
        Ok(Self { dates, symbols, close })
    }

    /// The dates, ascending.
    #[must_use]
    pub fn dates(&self) -> &'a [Date] {
        self.dates
    }

    /// The symbols, in the order of the columns.
    #[must_use]
    pub fn symbols(&self) -> &'a [String] {
        self.symbols
    }

    /// One row of closes a date, NaN where missing.
    pub(super) fn rows(&self) -> std::slice::ChunksExact<'a, f64> {
        self.close.chunks_exact(self.symbols.len())
    }

    /// Daily returns of another price series on the same dates, filled forward like the market's own.
    pub(super) fn returns_of(&self, closes: &[f64]) -> Result<Vec<f64>, ScoreError> {
        check_length("benchmark closes", closes, self.dates.len())?;
        let mut last = f64::NAN;
        self.dates
            .iter()
            .zip(closes)
            .map(|(&date, &price)| {
                check_price(price, date, "benchmark")?;
                let change = step(&mut last, price);
                if change.is_finite() { Ok(change) } else { Err(ScoreError::Overflow { date }) }
            })
            .collect()
    }
}

/// The return of one date, and `last` becomes the filled-forward price. It is 0 before the second price and
/// on a missing one; a gap's whole return thus falls on the first date that has a price again.
#[inline]
pub(super) fn step(last: &mut f64, price: f64) -> f64 {
    // NaN exactly when one of the two is missing: both are positive and finite when they are there.
    let change = price / *last - 1.0;
    *last = if price.is_nan() { *last } else { price };
    if change.is_nan() { 0.0 } else { change }
}

/// Whether there is a price; one that is there must be a positive number.
fn check_price(price: f64, date: Date, symbol: &str) -> Result<bool, ScoreError> {
    if price.is_nan() {
        return Ok(false);
    }
    if price.is_finite() && price > 0.0 {
        return Ok(true);
    }
    Err(ScoreError::Price { date, symbol: symbol.to_owned(), price })
}

/// An array has the length that its place in the market asks for.
pub(super) fn check_length(what: &'static str, values: &[f64], expected: usize) -> Result<(), ScoreError> {
    if values.len() == expected {
        return Ok(());
    }
    Err(ScoreError::Shape { what, expected, found: values.len() })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|index| format!("S{index}")).collect()
    }

    #[test]
    fn a_gap_falls_on_the_first_date_with_a_price_again() {
        let mut last = f64::NAN;
        let nan = f64::NAN;
        let changes: Vec<f64> =
            [nan, 10.0, 11.0, nan, nan, 22.0].iter().map(|&price| step(&mut last, price)).collect();
        assert_eq!(changes[0..2], [0.0, 0.0]);
        assert!((changes[2] - 0.1).abs() < 1e-15);
        assert_eq!(changes[3..], [0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_market_refuses_what_is_not_one() {
        let days = [date(2024, 1, 2), date(2024, 1, 3)];
        let one = names(1);
        let refused = |dates: &[Date], symbols: &[String], close: &[f64]| {
            Market::new(dates, symbols, close).expect_err("refused")
        };
        assert_eq!(refused(&[], &one, &[]), ScoreError::NoDates);
        assert_eq!(refused(&days, &[], &[]), ScoreError::NoSymbols);
        assert_eq!(refused(&[days[1], days[0]], &one, &[1.0, 1.0]), ScoreError::DateOrder { date: days[0] });
        assert_eq!(refused(&[days[0], days[0]], &one, &[1.0, 1.0]), ScoreError::DateOrder { date: days[0] });
        assert_eq!(refused(&days, &one, &[1.0]), ScoreError::Shape { what: "closes", expected: 2, found: 1 });
        assert_eq!(refused(&days, &one, &[1.0, f64::NAN]), ScoreError::DateWithoutPrice { date: days[1] });
        for price in [0.0, -1.0, f64::INFINITY] {
            let expected = ScoreError::Price { date: days[1], symbol: "S0".into(), price };
            assert_eq!(refused(&days, &one, &[1.0, price]), expected);
        }
    }

    #[test]
    fn a_benchmark_is_filled_forward_and_checked() {
        let days = [date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)];
        let one = names(1);
        let market = Market::new(&days, &one, &[1.0, 1.0, 1.0]).expect("a market");
        assert_eq!(market.returns_of(&[4.0, f64::NAN, 5.0]), Ok(vec![0.0, 0.0, 0.25]));
        assert!(matches!(market.returns_of(&[4.0]), Err(ScoreError::Shape { found: 1, .. })));
        assert!(matches!(market.returns_of(&[4.0, 0.0, 1.0]), Err(ScoreError::Price { .. })));
        assert_eq!(market.returns_of(&[1e-300, 1e300, 1.0]), Err(ScoreError::Overflow { date: days[1] }));
    }
}
