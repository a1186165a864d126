//! How much of a Sharpe ratio may be luck (Bailey and López de Prado, 2012 and 2014).

use libm::erfc;
use statrs::function::erf::erfc_inv;

use super::Trials;
use super::moments::{Spread, number, skewness_and_kurtosis};

/// Euler and Mascheroni's constant, γ.
const GAMMA: f64 = 0.577_215_664_901_532_9;

/// Φ⁻¹(0.95): the track record is long enough when the Sharpe ratio is above 0 with 95 % confidence.
const CONFIDENT: f64 = 1.644_853_626_951_472_2;

/// The three figures, each absent when its formula has no value.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Significance {
    pub(super) probabilistic_sharpe: Option<f64>,
    pub(super) deflated_sharpe: Option<f64>,
    pub(super) min_track_record_length: Option<f64>,
}

/// Judges the Sharpe ratio of `returns`, whose standard deviation the caller has found to be large enough.
pub(super) fn judge(returns: &[f64], spread: Spread, trials: &Trials) -> Significance {
    let sharpe = spread.mean / spread.std;
    let (skewness, kurtosis) = skewness_and_kurtosis(returns, spread.mean);
    // Variance of the estimated Sharpe ratio, times n − 1.
    let radicand = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe.powi(2);
    if !(radicand.is_finite() && radicand > 0.0) {
        return Significance::default();
    }
    let precision = (number(returns.len()) - 1.0).sqrt() / radicand.sqrt();
    let above = |threshold: f64| normal_cdf((sharpe - threshold) * precision);
    Significance {
        probabilistic_sharpe: Some(above(0.0)),
        deflated_sharpe: (trials.count >= 2).then(|| above(luckiest(trials))),
        min_track_record_length: (sharpe > 0.0).then(|| 1.0 + radicand * (CONFIDENT / sharpe).powi(2)),
    }
}

/// The daily Sharpe ratio to expect from the best of N variants without any skill, S*.
fn luckiest(trials: &Trials) -> f64 {
    let count = f64::from(trials.count);
    let expected = (1.0 - GAMMA) * quantile_above(1.0 / count)
        + GAMMA * quantile_above(1.0 / (count * std::f64::consts::E));
    trials.sharpe_variance.sqrt() * expected
}

/// Φ, the distribution function of the standard normal distribution. Not by `statrs`, whose `erfc` (0.19.1)
/// errs in the eleventh digit near 0.5; its inverse is good to the last ones.
fn normal_cdf(value: f64) -> f64 {
    0.5 * erfc(-value / std::f64::consts::SQRT_2)
}

/// Φ⁻¹(1 − tail), without computing 1 − tail, which for a small tail has no digits of it left.
fn quantile_above(tail: f64) -> f64 {
    std::f64::consts::SQRT_2 * erfc_inv(2.0 * tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_is_accurate() {
        // Tabulated to 15 digits in many places.
        for (value, expected) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (-1.0, 0.158_655_253_931_457_05),
            (CONFIDENT, 0.95),
            (-6.0, 9.865_876_450_376_98e-10),
        ] {
            assert!((normal_cdf(value) - expected).abs() < 1e-15, "Φ({value}) = {}", normal_cdf(value));
        }
        for (tail, expected) in
            [(0.5, 0.0), (0.05, CONFIDENT), (0.025, 1.959_963_984_540_054), (0.001, 3.090_232_306_167_813_5)]
        {
            let found = quantile_above(tail);
            assert!((found - expected).abs() < 1e-14, "Φ⁻¹(1 − {tail}) = {found}");
        }
        // There and back, far into the tail.
        for exponent in 1..300 {
            let tail = 0.1_f64.powi(exponent);
            let back = normal_cdf(-quantile_above(tail));
            assert!((back / tail - 1.0).abs() < 1e-11, "{tail} came back as {back}");
        }
    }

    #[test]
    fn more_trials_deflate_more() {
        let returns: Vec<f64> = (0..200).map(|day| if day % 3 == 0 { -0.01 } else { 0.008 }).collect();
        let spread = Spread::of(&returns).expect("many values");
        let deflated = |count, sharpe_variance| {
            judge(&returns, spread, &Trials { count, sharpe_variance }).deflated_sharpe
        };
        let plain = judge(&returns, spread, &Trials::default());
        assert_eq!(plain.deflated_sharpe, None);
        assert_eq!(
            deflated(10, 0.0),
            plain.probabilistic_sharpe,
            "without variance there is nothing to deflate"
        );
        assert!(deflated(10, 0.01) < plain.probabilistic_sharpe);
        assert!(deflated(1000, 0.01) < deflated(10, 0.01));
        assert!(deflated(u32::MAX, 0.01).is_some_and(|value| (0.0..1.0).contains(&value)));
    }

    #[test]
    fn a_losing_strategy_has_no_track_record_length() {
        let returns = [-0.02, 0.01, -0.02, 0.01];
        let spread = Spread::of(&returns).expect("four values");
        let found = judge(&returns, spread, &Trials::default());
        assert_eq!(found.min_track_record_length, None);
        assert!(found.probabilistic_sharpe.is_some_and(|value| value < 0.5));
    }
}
