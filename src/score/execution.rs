//! How targets become trades: lag, rebalancing, costs, leverage, and how many variants were tried.

use jiff::civil::Date;

use super::ScoreError;

/// On which dates a target counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rebalance {
    /// `D`: on every date.
    #[default]
    Daily,
    /// `W`: on the last date of each ISO week.
    Weekly,
    /// `M`: on the last date of each calendar month.
    Monthly,
    /// `Q`: on the last date of each calendar quarter.
    Quarterly,
}

impl Rebalance {
    /// Reads the letter of `spec.execution.rebalance`; `None` for any other text.
    #[must_use]
    pub fn from_letter(letter: &str) -> Option<Self> {
        match letter {
            "D" => Some(Self::Daily),
            "W" => Some(Self::Weekly),
            "M" => Some(Self::Monthly),
            "Q" => Some(Self::Quarterly),
            _ => None,
        }
    }

    /// For each date whether it decides: whether it is the last of `dates` in its period.
    pub(super) fn decisions(self, dates: &[Date]) -> Vec<bool> {
        (0..dates.len())
            .map(|index| match dates.get(index + 1) {
                Some(&next) => self.period(dates[index]) != self.period(next),
                None => true,
            })
            .collect()
    }

    /// A key that is equal for two neighbouring dates exactly when they share a period.
    fn period(self, date: Date) -> (i16, i16) {
        match self {
            Self::Daily => (date.year(), date.day_of_year()),
            Self::Weekly => {
                let week = date.iso_week_date();
                (week.year(), i16::from(week.week()))
            }
            Self::Monthly => (date.year(), i16::from(date.month())),
            Self::Quarterly => (date.year(), i16::from((date.month() - 1) / 3)),
        }
    }
}

/// `spec.execution`, resolved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Execution {
    /// Dates from a decision to the first return it earns; at least 1. 1 trades at the close of the decision
    /// date.
    pub lag: u32,
    /// Which dates decide.
    pub rebalance: Rebalance,
    /// Cost of buying or selling, as a fraction of what is traded. At least 0.
    pub fee_ratio: f64,
    /// Cost of selling on top of the fee, as a fraction of what is sold. At least 0.
    pub tax_ratio: f64,
    /// Equity at the start, in money. It scales [`super::Score::equity`] for an artifact; no metric depends
    /// on it.
    pub initial_cash: f64,
    /// Largest sum of absolute weights a target may have; a row above it is scaled down.
    pub max_leverage: f64,
}

impl Default for Execution {
    /// The compiled defaults: lag 1, daily, no costs, 1,000,000, no leverage.
    fn default() -> Self {
        Self {
            lag: 1,
            rebalance: Rebalance::Daily,
            fee_ratio: 0.0,
            tax_ratio: 0.0,
            initial_cash: 1e6,
            max_leverage: 1.0,
        }
    }
}

impl Execution {
    /// Every value is in its range.
    pub(super) fn check(&self) -> Result<(), ScoreError> {
        if self.lag == 0 {
            return Err(ScoreError::Setting { field: "lag", value: 0.0, expected: "at least 1" });
        }
        check_not_negative("feeRatio", self.fee_ratio)?;
        check_not_negative("taxRatio", self.tax_ratio)?;
        check_positive("initialCash", self.initial_cash)?;
        check_positive("maxLeverage", self.max_leverage)
    }
}

/// `spec.trials`: how hard somebody searched before this strategy was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trials {
    /// How many variants were tried, this one included. Below 2 there is nothing to deflate.
    pub count: u32,
    /// Variance of their daily (not annualised) Sharpe ratios. At least 0.
    pub sharpe_variance: f64,
}

impl Default for Trials {
    /// One variant: nothing to deflate.
    fn default() -> Self {
        Self { count: 1, sharpe_variance: 0.0 }
    }
}

impl Trials {
    /// Every value is in its range.
    pub(super) fn check(&self) -> Result<(), ScoreError> {
        check_not_negative("sharpeVariance", self.sharpe_variance)
    }
}

fn check_not_negative(field: &'static str, value: f64) -> Result<(), ScoreError> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(ScoreError::Setting { field, value, expected: "a finite number, at least 0" })
}

fn check_positive(field: &'static str, value: f64) -> Result<(), ScoreError> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(ScoreError::Setting { field, value, expected: "a finite number above 0" })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn deciding(rebalance: Rebalance, dates: &[Date]) -> Vec<Date> {
        let decisions = rebalance.decisions(dates);
        dates.iter().zip(decisions).filter(|(_, decides)| *decides).map(|(&date, _)| date).collect()
    }

    #[test]
    fn the_last_date_of_each_period_decides() {
        // Thursday 2020-12-31 and Friday 2021-01-01 share ISO week 53 of 2020, but neither month nor quarter.
        let dates = [
            date(2020, 12, 24),
            date(2020, 12, 28),
            date(2020, 12, 31),
            date(2021, 1, 1),
            date(2021, 1, 4),
            date(2021, 2, 26),
            date(2021, 3, 31),
            date(2021, 4, 1),
        ];
        assert_eq!(deciding(Rebalance::Daily, &dates), dates);
        let chosen = |indices: &[usize]| indices.iter().map(|&index| dates[index]).collect::<Vec<_>>();
        assert_eq!(deciding(Rebalance::Weekly, &dates), chosen(&[0, 3, 4, 5, 7]));
        assert_eq!(deciding(Rebalance::Monthly, &dates), chosen(&[2, 4, 5, 6, 7]));
        assert_eq!(deciding(Rebalance::Quarterly, &dates), chosen(&[2, 6, 7]));
    }

    #[test]
    fn the_same_period_a_year_later_is_another_one() {
        let dates = [date(2020, 3, 10), date(2021, 3, 10)];
        for rebalance in [Rebalance::Daily, Rebalance::Weekly, Rebalance::Monthly, Rebalance::Quarterly] {
            assert_eq!(deciding(rebalance, &dates), dates, "{rebalance:?}");
        }
    }

    #[test]
    fn letters_are_read_and_nothing_else() {
        assert_eq!(Rebalance::from_letter("Q"), Some(Rebalance::Quarterly));
        assert_eq!(Rebalance::from_letter("d"), None);
    }

    #[test]
    fn values_out_of_range_are_named() {
        let field = |execution: Execution| match execution.check() {
            Err(ScoreError::Setting { field, .. }) => field,
            _ => "none",
        };
        let good = Execution::default();
        assert_eq!(good.check(), Ok(()));
        assert_eq!(field(Execution { lag: 0, ..good }), "lag");
        assert_eq!(field(Execution { fee_ratio: -0.1, ..good }), "feeRatio");
        assert_eq!(field(Execution { tax_ratio: f64::NAN, ..good }), "taxRatio");
        assert_eq!(field(Execution { initial_cash: 0.0, ..good }), "initialCash");
        assert_eq!(field(Execution { max_leverage: f64::INFINITY, ..good }), "maxLeverage");
        assert!(Trials { count: 5, sharpe_variance: -1.0 }.check().is_err());
        assert_eq!(Trials::default().check(), Ok(()));
    }
}
