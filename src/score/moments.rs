//! Sums, means and deviations of daily returns, without the loss that a plain sum suffers.

/// A count as a float. Exact below 2^53, which no number of dates or trades reaches.
#[expect(clippy::cast_precision_loss, reason = "counts of dates, symbols and trades stay far below 2^53")]
pub(super) fn number(count: usize) -> f64 {
    count as f64
}

/// Neumaier's compensated sum. A mean return is a small difference of large sums: a plain sum of 3,000 of
/// them costs the Sharpe ratio of a strategy without edge half its digits.
pub(super) fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let mut total = 0.0_f64;
    let mut lost = 0.0;
    for value in values {
        let next = total + value;
        lost += if total.abs() >= value.abs() { (total - next) + value } else { (value - next) + total };
        total = next;
    }
    total + lost
}

/// Arithmetic mean; NaN of nothing.
pub(super) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = number(values.len());
    sum(values) / count
}

/// Mean and standard deviation of a series of at least two values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub(super) mean: f64,
    /// Sample standard deviation (ddof 1).
    pub(super) std: f64,
}

impl Spread {
    /// `None` for fewer than two values.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        if values.len() < 2 {
            return None;
        }
        let mean = mean(values.iter().copied());
        let squares = sum(values.iter().map(|value| (value - mean).powi(2)));
        Some(Self { mean, std: (squares / number(values.len() - 1)).sqrt() })
    }
}

/// Sample covariance (ddof 1) of two series of the same length, at least two.
pub(super) fn covariance(left: &[f64], left_mean: f64, right: &[f64], right_mean: f64) -> f64 {
    let products = left.iter().zip(right).map(|(left, right)| (left - left_mean) * (right - right_mean));
    sum(products) / number(left.len() - 1)
}

/// Population skewness and non-excess kurtosis (3 for a normal distribution) of a series that varies.
pub(super) fn skewness_and_kurtosis(values: &[f64], mean_value: f64) -> (f64, f64) {
    let moment = |power| mean(values.iter().map(|value| (value - mean_value).powi(power)));
    let variance = moment(2);
    (moment(3) / variance.powf(1.5), moment(4) / variance.powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_keeps_what_a_plain_one_loses() {
        assert!((sum([1e100, 1.0, -1e100, 1.0].into_iter()) - 2.0).abs() < 1e-15);
        assert!(sum(std::iter::empty()).abs() < 1e-15);
    }

    #[test]
    fn moments_of_a_known_series() {
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        let spread = Spread::of(&values).expect("eight values");
        assert!((spread.mean - 5.0).abs() < 1e-15);
        assert!((spread.std - (32.0_f64 / 7.0).sqrt()).abs() < 1e-15);
        assert!((covariance(&values, 5.0, &values, 5.0) - 32.0 / 7.0).abs() < 1e-15);
        let (skewness, kurtosis) = skewness_and_kurtosis(&values, 5.0);
        // Third and fourth central moments by hand: 42/8 and 356/8, variance 4.
        assert!((skewness - 42.0 / 8.0 / 8.0).abs() < 1e-15);
        assert!((kurtosis - 356.0 / 8.0 / 16.0).abs() < 1e-15);
        assert!(Spread::of(&[1.0]).is_none());
    }
}
