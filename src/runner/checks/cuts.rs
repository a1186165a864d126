//! At which dates the look-ahead check cuts, and where two evaluations first differ.

/// Dates at the beginning, as a divisor, that are no cuts: indicators are still warming up there.
const WARM_UP: usize = 10;

/// By how much weights may differ that mean the same: honest sums over another number of dates differ in the last bit.
const TOLERANCE: f64 = 1e-9;

/// How two weights are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Same {
    /// Within [`TOLERANCE`], absolute below 1 and relative above.
    Nearly,
    /// Bit by bit.
    Exactly,
}

impl Same {
    /// Whether two weights are the same; a hold (NaN) is the same as a hold only.
    fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Self::Nearly if a.is_nan() || b.is_nan() => a.is_nan() && b.is_nan(),
            Self::Nearly => (a - b).abs() <= TOLERANCE * a.abs().max(1.0),
            Self::Exactly => a.to_bits() == b.to_bits(),
        }
    }
}

/// Place of the first cell of `other` that differs from `full`; `other` may end earlier.
pub(super) fn first_difference(full: &[f64], other: &[f64], same: Same) -> Option<usize> {
    full.iter().zip(other).position(|(&a, &b)| !same.holds(a, b))
}

/// Rows after which a strategy's data are cut: the `count` quantiles (k+1)/(count+1) of those rows beyond the first tenth
/// that differ from the row before, since it is decisions that data of the future change; when there are fewer such
/// rows than cuts, of all rows beyond the first tenth. Ascending, each once; never the last row, after which there is
/// nothing to cut off.
pub(super) fn cuts(full: &[f64], symbols: usize, count: u32) -> Vec<usize> {
    let rows: Vec<&[f64]> = full.chunks_exact(symbols.max(1)).collect();
    let eligible = rows.len() / WARM_UP..rows.len().saturating_sub(1);
    let changes: Vec<usize> = eligible
        .clone()
        .filter(|&row| row > 0 && first_difference(rows[row - 1], rows[row], Same::Nearly).is_some())
        .collect();
    let count = count as usize;
    let among = if changes.len() < count { eligible.collect() } else { changes };
    let mut cuts: Vec<usize> =
        (1..=count).filter_map(|k| among.get(among.len() * k / (count + 1)).copied()).collect();
    cuts.dedup();
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Positions that change on these rows of 100.
    fn changing(on: &[usize]) -> Vec<f64> {
        (0..100)
            .map(|row| if on.iter().filter(|&&at| at <= row).count() % 2 == 1 { 1.0 } else { 0.0 })
            .collect()
    }

    #[test]
    fn decisions_beyond_the_first_tenth_are_cut_at() {
        assert_eq!(cuts(&changing(&[5, 20, 30, 40, 50, 60]), 1, 2), [30, 50]);
        assert_eq!(cuts(&changing(&[20, 30]), 1, 2), [20, 30]);
    }

    #[test]
    fn too_few_decisions_and_any_date_will_do() {
        assert_eq!(cuts(&changing(&[5, 20]), 1, 2), [39, 69]);
        assert_eq!(cuts(&changing(&[]), 1, 1), [54]);
    }

    #[test]
    fn little_data_has_few_cuts_or_none() {
        assert_eq!(cuts(&[], 1, 2), [0; 0]);
        assert_eq!(cuts(&[1.0], 1, 2), [0; 0]);
        assert_eq!(cuts(&[1.0, 0.0], 1, 2), [0]);
    }

    #[test]
    fn the_last_bit_is_no_difference_but_a_hold_is() {
        let other = [1.0 + 1e-12, 1e9 + 0.5, f64::NAN, 0.0];
        assert_eq!(first_difference(&[1.0, 1e9, f64::NAN, 0.0], &other, Same::Nearly), None);
        assert_eq!(first_difference(&[1.0], &other, Same::Exactly), Some(0));
        assert_eq!(first_difference(&[1.0, 1e9, 0.0], &other, Same::Nearly), Some(2));
        assert_eq!(first_difference(&[1.0, 1e9, f64::NAN, f64::NAN], &other, Same::Nearly), Some(3));
    }

    proptest! {
        #[test]
        fn cuts_ascend_and_leave_something_to_cut(
            cells in prop::collection::vec(prop_oneof![Just(0.0), Just(1.0), Just(f64::NAN)], 0..120),
            symbols in 1_usize..4,
            count in 1_u32..=16,
        ) {
            let rows = cells.len() / symbols;
            let cuts = cuts(&cells[..rows * symbols], symbols, count);
            prop_assert!(cuts.len() <= count as usize);
            prop_assert!(cuts.windows(2).all(|pair| pair[0] < pair[1]), "{cuts:?}");
            prop_assert!(cuts.iter().all(|&cut| cut + 1 < rows));
            prop_assert!(rows < 2 || !cuts.is_empty());
        }
    }
}
