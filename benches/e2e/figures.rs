//! Numbers of one kind, and how they are shown.

use serde_json::{Value, json};

/// Measurements of one thing, in milliseconds.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    sorted: Vec<f64>,
}

impl Figures {
    /// What was measured; the order does not matter.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Self { sorted }
    }

    /// Each of them, in order.
    pub(crate) fn values(&self) -> &[f64] {
        &self.sorted
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The smallest value that at least `percent` of all do not exceed; none without any.
    pub(crate) fn percentile(&self, percent: usize) -> Option<f64> {
        let rank = (self.sorted.len() * percent).div_ceil(100).max(1);
        self.sorted.get(rank - 1).copied()
    }

    /// The median.
    pub(crate) fn p50(&self) -> Option<f64> {
        self.percentile(50)
    }

    fn mean(&self) -> Option<f64> {
        let count = u32::try_from(self.sorted.len()).ok().filter(|&count| count > 0)?;
        Some(self.sorted.iter().sum::<f64>() / f64::from(count))
    }

    fn columns(&self) -> [(&'static str, Option<f64>); 6] {
        [
            ("min", self.sorted.first().copied()),
            ("p50", self.p50()),
            ("p95", self.percentile(95)),
            ("p99", self.percentile(99)),
            ("max", self.sorted.last().copied()),
            ("mean", self.mean()),
        ]
    }

    /// A line of the table.
    pub(crate) fn row(&self, name: &str) -> String {
        self.columns().iter().fold(format!("  {name:<44}{:>4}", self.count()), |line, (_, value)| {
            line + &value.map_or_else(|| format!("{:>9}", "-"), |value| format!("{value:>9.0}"))
        })
    }

    /// The table's head.
    pub(crate) fn head(title: &str) -> String {
        format!(
            "{title:<46}{:>4}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
            "n", "min", "p50", "p95", "p99", "max", "mean"
        )
    }

    /// The same for programs, with every single value.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = json!({"count": self.count(), "values": self.sorted});
        for (name, value) in self.columns() {
            object[name] = json!(value);
        }
        object
    }
}

/// `a / b`, if both are there.
pub(crate) fn ratio(a: &Figures, b: &Figures) -> Option<f64> {
    Some(a.p50()? / b.p50().filter(|&b| b > 0.0)?)
}
