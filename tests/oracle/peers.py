"""What empyrical says about the same daily returns: a second opinion by people who never saw the page.

Only where its definition is the page's. The differences are in what is absent, so the caller compares what both have:
empyrical knows no smallest deviation (the page: 1e-9) and no largest ratio (1e3), and gives NaN for what is absent.
Its alpha is annualised as ours, (1 + mean)^252 - 1; its beta is cov/var of the population, ours of the sample, which
cancels. It knows nothing of trades, turnover, win rates or the significance of a Sharpe ratio: for those page.py alone
speaks.
"""

from __future__ import annotations

import math
import warnings

import empyrical
import pandas as pd

from page import price_returns


def opinion(dates: list[str], R: list[float], benchmark: list[float | None] | None) -> dict:
    """Metrics by our names; without those that empyrical has no finite value for."""
    index = pd.DatetimeIndex(dates)
    returns = pd.Series(R, index=index, dtype="float64")
    with warnings.catch_warnings():
        # Divisions by a deviation of 0; the NaN that follows is dropped below.
        warnings.simplefilter("ignore", RuntimeWarning)
        found = {
            "totalReturn": empyrical.cum_returns_final(returns),
            "annualReturn": empyrical.annual_return(returns),
            "annualVolatility": empyrical.annual_volatility(returns),
            "sharpeRatio": empyrical.sharpe_ratio(returns),
            "sortinoRatio": empyrical.sortino_ratio(returns),
            "maxDrawdown": empyrical.max_drawdown(returns),
            "calmarRatio": empyrical.calmar_ratio(returns),
        }
        if benchmark is not None:
            market = pd.Series(price_returns(benchmark), index=index, dtype="float64")
            found["benchmarkReturn"] = empyrical.cum_returns_final(market)
            found["alpha"], found["beta"] = empyrical.alpha_beta(returns, market)
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}
