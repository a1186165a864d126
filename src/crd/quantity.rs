//! Resource quantities: the subset of Kubernetes' notation that limits need.

use std::fmt;

/// An amount of CPU, memory or storage, kept in thousandths so that it compares exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity {
    milli: u128,
}

/// Not a quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no quantity: write a number with an optional suffix m, k, M, G, T, Ki, Mi, Gi or Ti, such as 500m or 2Gi"
)]
pub struct QuantityError(String);

impl Quantity {
    /// The amount rounded up to whole units: bytes, or CPUs.
    #[must_use]
    pub fn units(self) -> u64 {
        u64::try_from(self.milli.div_ceil(1000)).unwrap_or(u64::MAX)
    }
}

impl std::str::FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let refuse = || QuantityError(text.chars().take(40).collect());
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at(split);
        // Thousandths of a unit in one of the suffix.
        let scale: u128 = match suffix {
            "m" => 1,
            "" => 1000,
            "k" => 1000_u128.pow(2),
            "M" => 1000_u128.pow(3),
            "G" => 1000_u128.pow(4),
            "T" => 1000_u128.pow(5),
            "Ki" => 1000 << 10,
            "Mi" => 1000 << 20,
            "Gi" => 1000 << 30,
            "Ti" => 1000 << 40,
            _ => return Err(refuse()),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        if whole.is_empty() || fraction.is_empty() || whole.len() > 15 || fraction.len() > 9 {
            return Err(refuse());
        }
        let whole: u128 = whole.parse().map_err(|_| refuse())?;
        let digits = u32::try_from(fraction.len()).map_err(|_| refuse())?;
        let fraction: u128 = fraction.parse().map_err(|_| refuse())?;
        let milli = whole * scale + (fraction * scale).div_ceil(10_u128.pow(digits));
        Ok(Self { milli })
    }
}

impl fmt::Display for Quantity {
    /// Plain units or thousandths: for comparing in messages, not for round-tripping a user's own notation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.milli.is_multiple_of(1000) {
            write!(f, "{}", self.milli / 1000)
        } else {
            write!(f, "{}m", self.milli)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_notations_compare() {
        let parse = |text: &str| text.parse::<Quantity>().unwrap();
        assert_eq!(parse("2Gi").units(), 2 << 30);
        assert_eq!(parse("1.5Gi").units(), 3 << 29);
        assert_eq!(parse("500m"), parse("0.5"));
        assert!(parse("1G") < parse("1Gi"));
        assert_eq!(parse("1500m").units(), 2);
    }

    #[test]
    fn nonsense_is_refused_with_the_notation() {
        for text in ["", "-1", "1e3", "2GiB", ".", "1.", ".5", "9999999999999999", "1..2"] {
            let error = text.parse::<Quantity>().unwrap_err();
            assert!(error.to_string().contains("2Gi"), "{text}");
        }
    }
}
