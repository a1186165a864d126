"""What empyrical and quantstats say about the same daily returns: second opinions by people who never saw the page.

Only where their definition is the page's. The differences are in what is absent, so the caller compares what both have:
empyrical knows no smallest deviation (the page: 1e-9) and no largest ratio (1e3), and gives NaN for what is absent.
Its alpha is annualised as ours, (1 + mean)^252 - 1; its beta is cov/var of the population, ours of the sample, which
cancels. It knows nothing of trades, turnover, win rates or the significance of a Sharpe ratio: for those page.py alone
speaks.

quantstats calls the daily win rate `win_rate`. Its alpha is not compounded, its exposure counts returns instead of
positions and is rounded up, its profit factor is that of days, and its probabilistic Sharpe ratio takes skewness and
kurtosis with pandas' correction for small samples: the same to some digits on thousands of days only.
"""

from __future__ import annotations

import importlib.util
import math
import sys
import types
import warnings

import empyrical
import pandas as pd

from page import price_returns


def formulas():
    """The module of quantstats that holds its formulas. The package itself starts with plots and downloads, for which it
    wants a dozen packages more; the formulas use none of them."""
    package = types.ModuleType("quantstats")
    package.__path__ = importlib.util.find_spec("quantstats").submodule_search_locations
    sys.modules["quantstats"] = package
    sys.modules["yfinance"] = types.ModuleType("yfinance")
    return importlib.import_module("quantstats.stats")


quantstats = formulas()


def third_opinion(dates: list[str], R: list[float], benchmark: list[float | None] | None) -> dict:
    """The same by quantstats. It takes a series without losses and with a return above 1 for prices: no opinion then."""
    index = pd.DatetimeIndex(dates)
    returns = pd.Series(R, index=index, dtype="float64")
    if returns.min() >= 0:
        return {}
    with warnings.catch_warnings():
        # As above, and its own words when nothing was won or lost.
        warnings.simplefilter("ignore")
        found = {
            "totalReturn": quantstats.comp(returns),
            "annualReturn": quantstats.cagr(returns),
            "annualVolatility": quantstats.volatility(returns),
            "sharpeRatio": quantstats.sharpe(returns),
            "sortinoRatio": quantstats.sortino(returns),
            "maxDrawdown": quantstats.max_drawdown(returns),
            "calmarRatio": quantstats.calmar(returns),
            "dailyWinRate": quantstats.win_rate(returns),
        }
        if benchmark is not None:
            market = pd.Series(price_returns(benchmark), index=index, dtype="float64")
            if market.min() < 0:
                found["beta"] = quantstats.greeks(returns, market)["beta"]
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


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
