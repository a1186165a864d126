"""A strategy called by itself, by the contract alone: no sandbox, slices or pipes. Only for strategies of our own."""

from __future__ import annotations

import inspect
import math
import random

import numpy as np
import pandas as pd

from prices import Dataset


class InvalidResult(Exception):
    """The strategy returned something that is not positions."""


def frame(dataset: Dataset) -> pd.DataFrame:
    """`data`: float64, NaN where missing; fields as columns for one symbol, (field, symbol) for several."""
    index = pd.DatetimeIndex(dataset.dates, name="date").as_unit("ns")
    if len(dataset.symbols) == 1:
        (symbol,) = dataset.symbols
        columns = {field: dataset.column(field, symbol) for field in dataset.fields}
    else:
        columns = {
            (field, symbol): dataset.column(field, symbol) for field in dataset.fields for symbol in dataset.symbols
        }
    data = pd.DataFrame(columns, index=index, dtype="float64")
    if len(dataset.symbols) > 1:
        data.columns.names = ["field", "symbol"]
    return data


def call(text: str, data: pd.DataFrame, params: dict[str, str]):
    """`strategy(data)`, `strategy(data, params)`, or a script that sets `position`."""
    random.seed(0)
    np.random.seed(0)
    names = {"__name__": "strategy", "data": data, "params": params}
    exec(compile(text, "strategy.py", "exec"), names)
    if callable(strategy := names.get("strategy")):
        try:
            inspect.signature(strategy).bind(data, params)
        except TypeError:
            return strategy(data)
        return strategy(data, params)
    if "position" in names:
        return names["position"]
    raise InvalidResult("neither strategy() nor position is defined")


def align(result, dataset: Dataset) -> list[list[float] | None]:
    """One row of weights a date; None where the strategy has no row (hold)."""
    if isinstance(result, pd.Series):
        if len(dataset.symbols) != 1:
            raise InvalidResult("a Series for several symbols")
        result = result.to_frame(dataset.symbols[0])
    if not isinstance(result, pd.DataFrame):
        raise InvalidResult(f"a {type(result).__name__}")
    if not result.index.is_unique or not result.columns.is_unique:
        raise InvalidResult("duplicate dates or symbols")
    if unknown := set(result.columns) - set(dataset.symbols):
        raise InvalidResult(f"unknown symbols {sorted(map(str, unknown))}")
    index = pd.DatetimeIndex(result.index)
    if not (index == index.normalize()).all():
        raise InvalidResult("dates with a time of day")
    rows = {date.date().isoformat(): row for date, row in zip(index, result.to_numpy(object))}
    if unknown := set(rows) - set(dataset.dates):
        raise InvalidResult(f"unknown dates {sorted(unknown)[:3]}")
    # A frame of bools (with NaN, once it was shifted) selects; one of numbers weighs.
    truths = {isinstance(cell, (bool, np.bool_)) for row in rows.values() for cell in row if not missing(cell)}
    if len(truths) > 1:
        raise InvalidResult("truth values and numbers mixed")
    selects = True in truths
    columns = list(result.columns)
    positions = []
    for date in dataset.dates:
        if date not in rows:
            positions.append(None)
            continue
        row = dict(zip(columns, rows[date]))
        weights = [weight(row.get(symbol)) for symbol in dataset.symbols]
        chosen = sum(weights)
        if selects and chosen:
            weights = [w / chosen for w in weights]
        positions.append(weights)
    return positions


def missing(cell) -> bool:
    return cell is None or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell))


def weight(cell) -> float:
    """A cell as a weight: NaN is flat, True is 1 for now."""
    value = 0.0 if missing(cell) else float(cell)
    if not math.isfinite(value):
        raise InvalidResult("an infinite weight")
    return value
