"""Sector-agnostic momentum rotation with a volatility target and a market regime filter.

The idea, in short:

1. Rank every symbol by a blend of several look-back returns, skipping the most recent days, because very short-term
   returns tend to revert.
2. Throw out symbols that are below their own long moving average, or whose average true range says that they are
   too wild to hold.
3. Weight what is left by the inverse of its volatility, so that no single name dominates the risk of the portfolio.
4. Scale the whole portfolio to a volatility target, and cut it when the market as a whole is in a downtrend.

All parameters can be overridden through ``params``; the defaults are deliberately boring.
"""

import math

import numpy as np
import pandas as pd

# Trading days in a year, used to annualise volatilities.
TRADING_DAYS = 252

# Look-back windows for the momentum blend (in trading days) and their weights. They need not sum to one: the blend
# is only used for ranking.
LOOKBACKS = {21: 0.2, 63: 0.3, 126: 0.3, 252: 0.2}

# How many of the most recent days the momentum ignores.
SKIP_DAYS = 5

# Smallest volatility used as a divisor; protects against symbols that did not trade for weeks.
VOLATILITY_FLOOR = 0.02


class Settings:
    """Typed access to the string parameters of a run, with defaults."""

    def __init__(self, params):
        self.top = self.integer(params, "top", 5)
        self.trend_window = self.integer(params, "trend_window", 200)
        self.volatility_window = self.integer(params, "volatility_window", 40)
        self.target = self.number(params, "target_volatility", 0.15)
        self.max_weight = self.number(params, "max_weight", 0.35)
        self.max_leverage = self.number(params, "max_leverage", 1.0)
        self.stop_atr = self.number(params, "stop_atr", 3.0)

    def integer(self, params, name, default):
        """Read a positive whole number; anything else is a mistake worth telling."""
        value = int(params.get(name, default))
        if value <= 0:
            raise ValueError(f"{name} must be positive, not {value}")
        return value

    def number(self, params, name, default):
        """Read a finite floating-point number."""
        value = float(params.get(name, default))
        if not math.isfinite(value):
            raise ValueError(f"{name} must be finite, not {value}")
        return value


def as_frame(values):
    """Return a DataFrame (dates x symbols), whether there is one symbol or many."""
    if isinstance(values, pd.Series):
        return values.to_frame("only")
    return values


def momentum_score(close, lookbacks, skip):
    """Blend of past returns, each scaled by its own cross-section.

    Every look-back return is turned into a percentile rank first. Ranks are robust against a single symbol with an
    absurd return, which would otherwise decide the whole blend.
    """
    recent = close.shift(skip)
    score = None
    for window, weight in lookbacks.items():
        change = recent / recent.shift(window) - 1.0
        ranked = change.rank(axis=1, pct=True) * weight
        # The first window simply becomes the score; the others are added to it.
        score = ranked if score is None else score + ranked
    return score


def average_true_range(high, low, close, window=14):
    """Wilder's average true range, as a fraction of the close."""
    previous = close.shift(1)
    # The true range is the largest of three distances. A gap over night counts as much as a wide day.
    ranges = [high - low, (high - previous).abs(), (low - previous).abs()]
    true_range = ranges[0]
    for other in ranges[1:]:
        true_range = true_range.where(true_range >= other, other)
    smoothed = true_range.ewm(alpha=1.0 / window, adjust=False, min_periods=window).mean()
    return smoothed / close


def realised_volatility(close, window):
    """Annualised standard deviation of daily returns with a floor."""
    daily = close.pct_change()
    volatility = daily.rolling(window, min_periods=window // 2).std() * math.sqrt(TRADING_DAYS)
    return volatility.clip(lower=VOLATILITY_FLOOR)


def in_uptrend(close, window):
    """True where a symbol closes above its own long moving average."""
    average = close.rolling(window, min_periods=window // 2).mean()
    return close > average


def market_regime(close, window):
    """A number between 0.25 and 1.0 that says how much risk the market deserves.

    The market is the equally weighted average of all symbols. Above its moving average it deserves everything; below
    it the exposure falls with the share of symbols that are in a downtrend of their own.
    """
    index = (1.0 + close.pct_change().mean(axis=1).fillna(0.0)).cumprod()
    above = index > index.rolling(window, min_periods=window // 2).mean()
    breadth = in_uptrend(close, window).mean(axis=1)
    exposure = pd.Series(np.where(above, 1.0, breadth), index=close.index)
    return exposure.clip(lower=0.25, upper=1.0)


def chandelier_exit(high, low, close, multiple, window=22):
    """True where the close has fallen too far below the highest high of the last month."""
    distance = average_true_range(high, low, close) * close * multiple
    stop = high.rolling(window, min_periods=1).max() - distance
    return close < stop


def select(score, eligible, top):
    """Keep the best `top` symbols of every day among the eligible ones."""
    candidates = score.where(eligible)
    ranks = candidates.rank(axis=1, ascending=False, method="first")
    return ranks <= top


def inverse_volatility_weights(chosen, volatility, max_weight):
    """Weights that sum to at most one, proportional to 1 / volatility, capped per symbol.

    Capping once may leave a symbol's surplus unassigned. Handing it to the others would only matter when fewer
    than three symbols are chosen, so it simply stays in cash.
    """
    raw = (1.0 / volatility).where(chosen, 0.0).fillna(0.0)
    total = raw.sum(axis=1)
    weights = raw.div(total.where(total > 0.0), axis=0).fillna(0.0)
    return weights.clip(upper=max_weight)


def scale_to_target(weights, close, target, max_leverage, window):
    """Scale each day's weights so that the portfolio's recent volatility meets the target."""
    daily = close.pct_change().fillna(0.0)
    # Yesterday's weights earn today's return: without the shift this would look into the future.
    portfolio = (weights.shift(1).fillna(0.0) * daily).sum(axis=1)
    realised = portfolio.rolling(window, min_periods=window // 2).std() * math.sqrt(TRADING_DAYS)
    factor = (target / realised.clip(lower=VOLATILITY_FLOOR)).clip(upper=max_leverage)
    return weights.mul(factor.fillna(0.0), axis=0)


def only_on_rebalance_days(weights, every=5):
    """Hold the weights between rebalancing days, to keep the turnover low.

    A plain counter is used instead of calendar weeks: it behaves the same for markets with different holidays.
    """
    number = np.arange(len(weights.index))
    keep = pd.Series(number % every == 0, index=weights.index)
    return weights.where(keep, axis=0).ffill().fillna(0.0)


def without_illiquid(eligible, close, volume, window=20, share=0.2):
    """Drop the least traded symbols.

    The traded value is compared within each day's cross-section. An absolute threshold would mean something
    different in every currency and every decade, and would have to be tuned for each market.

    With fewer than five symbols nothing is dropped: the fifth part of four symbols is no symbol at all.
    """
    if len(close.columns) < 5:
        return eligible
    traded = (close * volume).rolling(window, min_periods=1).mean()
    liquid = traded.rank(axis=1, pct=True) > share
    return eligible & liquid


def cooled_down(stopped, days=10):
    """True where a symbol was stopped out at any of the last `days` days.

    Without a pause the strategy would buy a symbol back on the day after its stop, because its momentum over a whole
    year hardly changes in a single day.
    """
    recently = stopped.astype(float).rolling(days, min_periods=1).max()
    return recently > 0.0


def describe(weights):
    """Print a few lines for the log; they show up in the status of the run."""
    held = (weights.abs() > 1e-9).sum(axis=1)
    turnover = weights.diff().abs().sum(axis=1).mean()
    print(f"days: {len(weights.index)}, symbols: {len(weights.columns)}")
    print(f"positions per day: mean {held.mean():.1f}, max {int(held.max())}")
    print(f"average daily turnover: {turnover:.3f}")


def strategy(data, params):
    """Entry point: target weights, dates x symbols."""
    settings = Settings(params)
    close = as_frame(data["close"])
    high = as_frame(data["high"])
    low = as_frame(data["low"])

    # 1. Who is strong?
    score = momentum_score(close, LOOKBACKS, SKIP_DAYS)

    # 2. Who may be held at all?
    # Three independent reasons against a symbol; each alone is enough. None of them looks at tomorrow.
    trend = in_uptrend(close, settings.trend_window)
    stopped = chandelier_exit(high, low, close, settings.stop_atr)
    wild = average_true_range(high, low, close) > 0.08
    eligible = trend & ~cooled_down(stopped) & ~wild
    eligible = without_illiquid(eligible, close, as_frame(data["volume"]))

    # 3. How much of each?
    chosen = select(score, eligible, settings.top)
    volatility = realised_volatility(close, settings.volatility_window)
    weights = inverse_volatility_weights(chosen, volatility, settings.max_weight)

    # 4. How much of all of it?
    weights = scale_to_target(weights, close, settings.target, settings.max_leverage, settings.volatility_window)
    weights = weights.mul(market_regime(close, settings.trend_window), axis=0)
    weights = only_on_rebalance_days(weights)

    # Numerical dust is not a position. Very small weights cost fees without ever mattering for the result.
    weights = weights.where(weights.abs() > 1e-4, 0.0)
    describe(weights)

    if len(weights.columns) == 1:
        return weights.iloc[:, 0]
    return weights
