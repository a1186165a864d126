//! Why an input cannot be scored.

use jiff::civil::Date;

/// Why there is no score. Each is a fault of the caller or of the dataset but for [`ScoreError::Position`]
/// and [`ScoreError::Overflow`], which a strategy can cause.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScoreError {
    /// No date is left after the selection of symbols, start and end.
    #[error("there is no date to score")]
    NoDates,
    /// No symbol was selected.
    #[error("there is no symbol to score")]
    NoSymbols,
    /// The dates do not ascend strictly at this one.
    #[error("the dates do not ascend at {date}")]
    DateOrder {
        /// The first date that is not after the one before it.
        date: Date,
    },
    /// No selected symbol has a close on this date, so it is not one of the dates.
    #[error("no symbol has a price on {date}")]
    DateWithoutPrice {
        /// The date without any close.
        date: Date,
    },
    /// An array is not dates × symbols (for a benchmark: dates) long.
    #[error("{what} have {found} values, expected {expected}")]
    Shape {
        /// Which array.
        what: &'static str,
        /// How many values it should have.
        expected: usize,
        /// How many it has.
        found: usize,
    },
    /// A close that is infinite, zero or negative.
    #[error("the close of {symbol} on {date} is {price}, expected a positive number")]
    Price {
        /// Its date.
        date: Date,
        /// Its symbol, or `benchmark`.
        symbol: String,
        /// The price itself.
        price: f64,
    },
    /// A target that is infinite, or NaN in a row that has numbers too.
    #[error("the position in {symbol} on {date} is not finite")]
    Position {
        /// Its date.
        date: Date,
        /// Its symbol.
        symbol: String,
    },
    /// An execution or trials value outside its range.
    #[error("{field} is {value}, expected {expected}")]
    Setting {
        /// The field's name as in the resource.
        field: &'static str,
        /// Its value.
        value: f64,
        /// The range in words.
        expected: &'static str,
    },
    /// Exposure, equity or the result of a trade exceeds what a 64-bit float holds.
    #[error("the numbers exceed the range of a float on {date}")]
    Overflow {
        /// The first such date.
        date: Date,
    },
}
