//! Round trips: when a position in a symbol opens and closes, what it brought, and which costs are its own.

/// Weights this small are no position: what is left of one after a sale at floating-point precision.
const NOTHING: f64 = 1e-12;

/// Which way a position bets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// A positive weight.
    Long,
    /// A negative weight.
    Short,
}

impl Side {
    /// The side of a weight; `None` when the weight counts as 0.
    pub(super) fn of(weight: f64) -> Option<Self> {
        if weight.abs() <= NOTHING {
            None
        } else if weight > 0.0 {
            Some(Self::Long)
        } else {
            Some(Self::Short)
        }
    }
}

/// One closed round trip of one symbol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trade {
    /// Column of the symbol in the market.
    pub symbol: usize,
    /// Long or short.
    pub side: Side,
    /// Index of the first date whose return it earned.
    pub opened: usize,
    /// Index of the date it closed on: the first one without the position, or the date of the ruin.
    pub closed: usize,
    /// How many dates' returns it earned; at least 1.
    pub holding_days: usize,
    /// Sum of its daily contributions less its costs, each a fraction of that day's equity; not compounded.
    pub pnl: f64,
}

/// What happens to one symbol on one date.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Index of the date.
    pub(super) date: usize,
    /// Weight carried over from the date before, h.
    pub(super) carried: f64,
    /// Weight that earns this date's return, w.
    pub(super) weight: f64,
    /// Fee and tax of going from the one to the other.
    pub(super) cost: f64,
    /// What the weight earns on this date, w·r.
    pub(super) gain: f64,
}

/// The position a symbol has, if any.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    side: Option<Side>,
    opened: usize,
    pnl: f64,
}

/// Follows every symbol's position from date to date.
#[derive(Debug)]
pub(super) struct Book {
    open: Vec<Open>,
    closed: Vec<Trade>,
}

impl Book {
    pub(super) fn new(symbols: usize) -> Self {
        Self { open: vec![Open::default(); symbols], closed: Vec::new() }
    }

    /// Records one symbol's date. The cost of a change within one side is the open trade's, of a close the
    /// closing trade's; at a change of sides it is shared in proportion to what was closed and what was
    /// opened.
    #[inline]
    pub(super) fn record(&mut self, symbol: usize, step: Step) {
        let side = Side::of(step.weight);
        let open = &mut self.open[symbol];
        if side == open.side {
            if side.is_some() {
                open.pnl += step.gain - step.cost;
            }
            return;
        }
        let closing_cost = match (open.side, side) {
            (None, _) => 0.0,
            (Some(_), None) => step.cost,
            (Some(_), Some(_)) => step.cost * (step.carried.abs() / (step.carried.abs() + step.weight.abs())),
        };
        if let Some(closing) = open.side {
            self.closed.push(Trade {
                symbol,
                side: closing,
                opened: open.opened,
                closed: step.date,
                holding_days: step.date - open.opened,
                pnl: open.pnl - closing_cost,
            });
        }
        let opening_cost = step.cost - closing_cost;
        *open = Open { side, opened: step.date, pnl: step.gain - opening_cost };
    }

    /// Ruin: what is open closes on this date, after it has earned the date's return.
    pub(super) fn close_all(&mut self, date: usize) {
        for (symbol, open) in self.open.iter_mut().enumerate() {
            if let Some(side) = open.side.take() {
                self.closed.push(Trade {
                    symbol,
                    side,
                    opened: open.opened,
                    closed: date,
                    holding_days: date + 1 - open.opened,
                    pnl: open.pnl,
                });
            }
        }
    }

    /// The closed round trips by closing date; what is still open is not among them.
    pub(super) fn into_closed(self) -> Vec<Trade> {
        self.closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(date: usize, carried: f64, weight: f64, cost: f64, gain: f64) -> Step {
        Step { date, carried, weight, cost, gain }
    }

    #[test]
    fn a_round_trip_bears_its_own_costs() {
        let mut book = Book::new(1);
        book.record(0, step(3, 0.0, 0.5, 0.01, 0.1));
        book.record(0, step(4, 0.5, 0.4, 0.02, -0.05));
        book.record(0, step(5, 0.4, 0.0, 0.03, 0.0));
        book.record(0, step(6, 0.0, 0.0, 0.0, 0.0));
        let trades = book.into_closed();
        assert_eq!(trades.len(), 1);
        let trade = trades[0];
        assert_eq!((trade.opened, trade.closed, trade.holding_days, trade.side), (3, 5, 2, Side::Long));
        assert!((trade.pnl - (0.1 - 0.05 - 0.06)).abs() < 1e-15);
    }

    #[test]
    fn a_change_of_sides_closes_and_opens_and_shares_the_cost() {
        let mut book = Book::new(1);
        book.record(0, step(0, 0.0, 0.6, 0.0, 0.0));
        book.record(0, step(1, 0.6, -0.2, 0.08, 0.01));
        book.record(0, step(2, -0.2, 0.0, 0.0, 0.0));
        let trades = book.into_closed();
        assert_eq!(trades.iter().map(|trade| trade.side).collect::<Vec<_>>(), [Side::Long, Side::Short]);
        assert!((trades[0].pnl + 0.06).abs() < 1e-15);
        assert!((trades[1].pnl - (0.01 - 0.02)).abs() < 1e-15);
        assert_eq!((trades[1].opened, trades[1].closed), (1, 2));
    }

    #[test]
    fn dust_is_no_position() {
        let mut book = Book::new(1);
        book.record(0, step(0, 0.0, 1e-12, 0.5, 0.5));
        book.record(0, step(1, 1e-12, -1e-12, 0.5, 0.5));
        assert!(book.into_closed().is_empty());
    }

    #[test]
    fn ruin_closes_what_is_open_with_the_loss_of_the_day() {
        let mut book = Book::new(2);
        book.record(1, step(2, 0.0, 2.0, 0.0, -1.5));
        book.close_all(2);
        book.close_all(3);
        let trades = book.into_closed();
        assert_eq!(trades.len(), 1);
        assert_eq!((trades[0].symbol, trades[0].closed, trades[0].holding_days), (1, 2, 1));
        assert!((trades[0].pnl + 1.5).abs() < 1e-15);
    }
}
