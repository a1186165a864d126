"""The scoring page as slow, obvious loops: every number is a cell of a table that is filled by its definition.

Written from the page alone, to be compared with src/score. Whole tables are kept (returns, targets, weights, changes,
costs) where the other side keeps one value a symbol, trades are cut out of the finished tables, and Φ comes from the
standard library; so an error would have to be made twice, in two ways, to go unseen.

Where the page leaves a choice, the reading is marked READING.
"""

from __future__ import annotations

import datetime
import math
from statistics import NormalDist

YEAR = 252
ZERO_WEIGHT = 1e-12
STILL = 1e-9
RATIO_BOUND = 1e3
VALUE_BOUND = 1e15  # READING: "numbers in range" for whatever is not Sharpe-like
LEVERAGE_SLACK = 1e-12  # READING: N weights of 1/N are not "above" a leverage of 1 by a rounding error
EULER_GAMMA = 0.5772156649015329
CONFIDENT = 1.6448536269514722


def filled(closes: list[float | None]) -> list[float | None]:
    """p: the closes of one symbol, each gap filled with the last one before it."""
    prices, last = [], None
    for close in closes:
        if close is not None:
            last = close
        prices.append(last)
    return prices


def price_returns(closes: list[float | None]) -> list[float]:
    """r: p[s] / p[s-1] - 1, 0 before the second price and where the close is missing."""
    prices = filled(closes)
    returns = []
    for s in range(len(closes)):
        if s == 0 or prices[s - 1] is None or closes[s] is None:
            returns.append(0.0)
        else:
            returns.append(prices[s] / prices[s - 1] - 1)
    return returns


def decision_dates(dates: list[datetime.date], rebalance: str) -> set[int]:
    """D: every date. W, M, Q: the last of the dates in each ISO week, month, quarter."""
    last_of_period = {}
    for d, date in enumerate(dates):
        year, week, _ = date.isocalendar()
        period = {
            "D": date,
            "W": (year, week),
            "M": (date.year, date.month),
            "Q": (date.year, (date.month - 1) // 3),
        }[rebalance]
        last_of_period[period] = d
    return set(last_of_period.values())


def targets(closes, positions, max_leverage):
    """Row d: the strategy's row made tradable, None for an absent row; with the counts of what was changed.

    READING: rows are counted whether or not d is a decision date, and a weight of 0 is not a target without a price.
    """
    prices = [filled([row[i] for row in closes]) for i in range(len(closes[0]))]
    rows, without_price, scaled_down = [], 0, 0
    for d, wanted in enumerate(positions):
        if wanted is None:
            rows.append(None)
            continue
        row = []
        for i, weight in enumerate(wanted):
            priced = prices[i][d] is not None
            if not priced and weight != 0:
                without_price += 1
            row.append(weight if priced else 0.0)
        gross = sum(abs(weight) for weight in row)
        if gross > max_leverage * (1 + LEVERAGE_SLACK):
            scaled_down += 1
            row = [weight * max_leverage / gross for weight in row]
        rows.append(row)
    return rows, without_price, scaled_down


def missing_prices(closes) -> int:
    """(date, symbol) without a price after the symbol's first one."""
    count = 0
    for i in range(len(closes[0])):
        column = [row[i] for row in closes]
        seen = False
        for close in column:
            if close is None and seen:
                count += 1
            seen = seen or close is not None
    return count


class Tables:
    """The recursion, with every intermediate number kept: one row a date, one cell a symbol."""

    def __init__(self, returns, rows, decisions, execution):
        n, m = len(returns), len(returns[0])
        self.r = returns
        self.h = [[0.0] * m for _ in range(n)]
        self.w = [[0.0] * m for _ in range(n)]
        self.delta = [[0.0] * m for _ in range(n)]
        self.cost = [[0.0] * m for _ in range(n)]
        self.R = [0.0] * n
        self.V = [0.0] * n
        self.ruin = None
        h, value = [0.0] * m, 1.0
        for s in range(n):
            d = s - execution["lag"]
            trades = d >= 0 and d in decisions and rows[d] is not None
            for i in range(m):
                self.h[s][i] = h[i]
                self.w[s][i] = rows[d][i] if trades else h[i]
                self.delta[s][i] = self.w[s][i] - h[i] if trades else 0.0
                fee = execution["feeRatio"] * abs(self.delta[s][i])
                tax = execution["taxRatio"] * max(-self.delta[s][i], 0.0)
                self.cost[s][i] = fee + tax
            R = math.fsum(self.w[s][i] * returns[s][i] for i in range(m)) - math.fsum(self.cost[s])
            if 1 + R <= 0:
                # Everything after stays 0 as the tables were made.
                self.R[s], self.ruin = -1.0, s
                break
            value *= 1 + R
            self.R[s], self.V[s] = R, value
            h = [self.w[s][i] * (1 + returns[s][i]) / (1 + R) for i in range(m)]


def side(weight: float) -> int:
    if abs(weight) <= ZERO_WEIGHT:
        return 0
    return 1 if weight > 0 else -1


def round_trips(tables: Tables) -> list[dict]:
    """Closed trades, cut out of the finished tables symbol by symbol.

    READING, ruin on date s: the position was held through s and lost what it lost, so the sum runs to s
    inclusive and the holding counts s; the closing date is s. (Weights are 0 from s + 1 on, so this is the
    general rule with s' = s + 1, but for the date that is named.)
    """
    n, m = len(tables.w), len(tables.w[0])
    trades = []
    for i in range(m):
        s = 0
        while s < n:
            now = side(tables.w[s][i])
            if now == 0:
                s += 1
                continue
            end = s + 1
            while end < n and side(tables.w[end][i]) == now:
                end += 1
            ruined = tables.ruin is not None and end == tables.ruin + 1
            if end < n or ruined:
                pnl = math.fsum(tables.w[u][i] * tables.r[u][i] for u in range(s, end))
                costs = [tables.cost[u][i] for u in range(s + 1, end)]
                # The first cost is shared with the trade before when that one had the other sign.
                turned_in = s > 0 and side(tables.w[s - 1][i]) == -now
                costs.append(tables.cost[s][i] * (opened_share(tables, s, i) if turned_in else 1))
                if not ruined:
                    turned_out = side(tables.w[end][i]) == -now
                    costs.append(tables.cost[end][i] * (1 - opened_share(tables, end, i) if turned_out else 1))
                trades.append({
                    "symbol": i,
                    "side": "Long" if now > 0 else "Short",
                    "opened": s,
                    "closed": tables.ruin if ruined else end,
                    "holdingDays": end - s,
                    "pnl": pnl - math.fsum(costs),
                })
            s = end
    return sorted(trades, key=lambda trade: (trade["closed"], trade["symbol"], trade["opened"]))


def opened_share(tables: Tables, s: int, i: int) -> float:
    """Of the cost at a change of sign: |w| : |h| + |w|."""
    h, w = abs(tables.h[s][i]), abs(tables.w[s][i])
    return w / (h + w)


def mean(values) -> float:
    return math.fsum(values) / len(values)


def covariance(left, right) -> float:
    a, b = mean(left), mean(right)
    return math.fsum((x - a) * (y - b) for x, y in zip(left, right)) / (len(left) - 1)


def std(values) -> float:
    return math.sqrt(covariance(values, values))


def power(base: float, exponent: float) -> float:
    """A power that is infinite where it exceeds a float, instead of ending the program."""
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf


def return_metrics(R, V, benchmark) -> dict:
    n = len(R)
    found = {"totalReturn": V[-1] - 1, "annualReturn": power(V[-1], YEAR / n) - 1, "days": n}

    peak, drawdowns = 1.0, []
    for value in V:
        peak = max(peak, value)
        drawdowns.append(value / peak - 1)
    found["maxDrawdown"] = min(0.0, *drawdowns)

    moved = [value for value in R if value != 0]
    if moved:
        found["dailyWinRate"] = sum(1 for value in moved if value > 0) / len(moved)
    if n >= 2:
        found["annualVolatility"] = std(R) * math.sqrt(YEAR)
        if std(R) >= STILL:
            found["sharpeRatio"] = mean(R) / std(R) * math.sqrt(YEAR)
        downside = math.sqrt(mean([min(value, 0.0) ** 2 for value in R]))
        if downside >= STILL:
            found["sortinoRatio"] = mean(R) * YEAR / (downside * math.sqrt(YEAR))
        if found["maxDrawdown"] != 0:
            found["calmarRatio"] = found["annualReturn"] / abs(found["maxDrawdown"])
    if benchmark is not None:
        b = price_returns(benchmark)
        found["benchmarkReturn"] = math.prod(1 + change for change in b) - 1
        if n >= 2 and std(b) >= STILL:
            beta = covariance(R, b) / covariance(b, b)
            # READING: a beta out of bounds takes alpha, which is made from it, along.
            if abs(beta) < RATIO_BOUND:
                found["beta"] = beta
                found["alpha"] = power(1 + mean([x - beta * y for x, y in zip(R, b)]), YEAR) - 1
    return found


def significance(R, trials) -> dict:
    n = len(R)
    if n < 2 or std(R) < STILL:
        return {}
    S = mean(R) / std(R)
    centred = [value - mean(R) for value in R]
    variance = mean([value**2 for value in centred])
    g3 = mean([value**3 for value in centred]) / variance**1.5
    g4 = mean([value**4 for value in centred]) / variance**2
    radicand = 1 - g3 * S + (g4 - 1) / 4 * S**2
    if radicand <= 0:
        return {}
    normal = NormalDist()

    def probability(threshold):
        return normal.cdf((S - threshold) * math.sqrt(n - 1) / math.sqrt(radicand))

    found = {"probabilisticSharpe": probability(0)}
    if S > 0:
        found["minTrackRecordLength"] = 1 + radicand * (CONFIDENT / S) ** 2
    N, v = trials["count"], trials["sharpeVariance"]
    if N >= 2:
        luck = (1 - EULER_GAMMA) * normal.inv_cdf(1 - 1 / N) + EULER_GAMMA * normal.inv_cdf(1 - 1 / (N * math.e))
        found["deflatedSharpe"] = probability(math.sqrt(v) * luck)
    return found


def trade_metrics(trades) -> dict:
    found = {"trades": len(trades)}
    if trades:
        results = [trade["pnl"] for trade in trades]
        found["winRate"] = sum(1 for pnl in results if pnl > 0) / len(results)
        losses = math.fsum(pnl for pnl in results if pnl < 0)
        if losses < 0:
            found["profitFactor"] = math.fsum(pnl for pnl in results if pnl > 0) / abs(losses)
        found["avgHoldingDays"] = mean([trade["holdingDays"] for trade in trades])
        found["bestTrade"] = max(results)
        found["worstTrade"] = min(results)
    return found


def believed(name: str, value: float) -> bool:
    """Finite and in range. READING: Sharpe-like are Sharpe, Sortino, Calmar; beta has the same bound."""
    ratios = ("sharpeRatio", "sortinoRatio", "calmarRatio", "beta")
    return abs(value) < (RATIO_BOUND if name in ratios else VALUE_BOUND)


def score(case: dict) -> dict:
    """One case {dates, symbols, close, positions, execution, benchmark, trials} → metrics, trades, equity, counts.

    `close` is a list of rows with null where missing; `positions` a list of rows with null for an absent row.
    """
    dates = [datetime.date.fromisoformat(text) for text in case["dates"]]
    closes, n, m = case["close"], len(case["dates"]), len(case["symbols"])
    execution = case["execution"]
    rows, without_price, scaled_down = targets(closes, case["positions"], execution["maxLeverage"])
    by_symbol = [price_returns([closes[s][i] for s in range(n)]) for i in range(m)]
    returns = [[by_symbol[i][s] for i in range(m)] for s in range(n)]
    tables = Tables(returns, rows, decision_dates(dates, execution["rebalance"]), execution)
    trades = round_trips(tables)

    metrics = return_metrics(tables.R, tables.V, case.get("benchmark"))
    metrics |= significance(tables.R, case.get("trials") or {"count": 1, "sharpeVariance": 0.0})
    metrics |= trade_metrics(trades)
    metrics["turnover"] = YEAR * mean([math.fsum(abs(change) for change in row) / 2 for row in tables.delta])
    metrics["exposure"] = mean([1 if sum(abs(w) for w in row) > ZERO_WEIGHT else 0 for row in tables.w])
    return {
        "metrics": {name: value for name, value in metrics.items() if believed(name, value)},
        "trades": trades,
        "returns": tables.R,
        "equity": tables.V,
        "counts": {
            "missingPrices": missing_prices(closes),
            "targetsWithoutPrice": without_price,
            "rowsScaledDown": scaled_down,
        },
        "ruined": tables.ruin is not None,
    }


def written(metrics: dict) -> dict:
    """As the status shows them: 6 decimals, and no -0."""
    return {name: round(value, 6) + 0 for name, value in metrics.items()}
