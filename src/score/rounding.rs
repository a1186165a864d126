//! How a number is written.

/// Six decimals: a millionth of a return is below what a daily close can tell.
const SCALE: f64 = 1e6;

/// The value as the status shows it: rounded half away from zero to 6 decimals, −0 as 0, `None` when it is
/// not finite (JSON has no word for that, and absent is the honest one). Metrics are rounded here, once, at
/// the very end.
#[must_use]
pub fn rounded(value: f64) -> Option<f64> {
    if !value.is_finite() {
        return None;
    }
    let scaled = value * SCALE;
    // Beyond 2^53 a float has no sixth decimal left, and near the end of its range the product would be
    // infinite.
    let written = if scaled.abs() < 9_007_199_254_740_992.0 { scaled.round() / SCALE } else { value };
    // −0 + 0 is 0; every other number stays itself.
    Some(written + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_six_decimals() {
        assert_eq!(rounded(0.123_456_789), Some(0.123_457));
        assert_eq!(rounded(-0.123_456_789), Some(-0.123_457));
        assert_eq!(rounded(2520.0), Some(2520.0));
        assert_eq!(rounded(f64::MAX), Some(f64::MAX));
        assert_eq!(rounded(f64::MIN_POSITIVE), Some(0.0));
    }

    #[test]
    fn zero_has_no_sign() {
        for value in [-0.0, -4e-7] {
            assert_eq!(rounded(value).map(f64::to_bits), Some(0), "{value}");
        }
    }

    #[test]
    fn what_is_not_finite_is_absent() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(rounded(value), None);
        }
    }
}
