"""The dataset: a long CSV `date,symbol,open,high,low,close,volume,raw_close`, ordered by date, then symbol."""

from __future__ import annotations

import csv
import gzip
import importlib.util
from fractions import Fraction
from pathlib import Path
from typing import TextIO

FIELDS = ("open", "high", "low", "close", "volume", "raw_close")


def write_sample(out: TextIO) -> None:
    """The real prices of bokeh-sampledata, adjusted as the page says: open, high, low, close × adj_close / close."""
    package = importlib.util.find_spec("bokeh_sampledata")
    (folder,) = package.submodule_search_locations
    with gzip.open(Path(folder) / "_data" / "stocks.csv.gz", "rt", newline="") as source:
        rows = list(csv.DictReader(source))
    rows.sort(key=lambda row: (row["Date"], row["Ticker"]))
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["date", "symbol", *FIELDS])
    for row in rows:
        # Fractions: one rounding a number, so that every machine writes the same file.
        factor = Fraction(row["Adj Close"]) / Fraction(row["Close"])
        adjusted = [float(Fraction(row[field]) * factor) for field in ("Open", "High", "Low", "Close")]
        numbers = [*adjusted, float(row["Volume"]), float(row["Close"])]
        texts = [repr(number).removesuffix(".0") for number in numbers]
        writer.writerow([row["Date"], row["Ticker"], *texts])


class Dataset:
    """A dataset CSV, restricted to symbols and to [start, end], both inclusive."""

    def __init__(self, path: Path, symbols: list[str], start: str | None, end: str | None):
        with open(path, newline="") as source:
            reader = csv.DictReader(source)
            self.fields = [name for name in reader.fieldnames if name not in ("date", "symbol")]
            rows = list(reader)
        known = sorted({row["symbol"] for row in rows})
        if unknown := sorted(set(symbols) - set(known)):
            raise SystemExit(f"the dataset has no symbol {', '.join(unknown)}")
        # Ascending and each once, whatever order they were asked for in.
        self.symbols = sorted(set(symbols)) or known
        self._cells = {
            (row["date"], row["symbol"]): row
            for row in rows
            if (not start or row["date"] >= start) and (not end or row["date"] <= end)
        }
        # The dates: those with a close of a selected symbol.
        self.dates = sorted({
            date for (date, symbol), row in self._cells.items() if symbol in self.symbols and row["close"] != ""
        })
        if not self.dates:
            raise SystemExit("no date is left")

    def column(self, field: str, symbol: str) -> list[float | None]:
        """One value a date, None where there is none."""
        values = []
        for date in self.dates:
            text = self._cells.get((date, symbol), {}).get(field, "")
            values.append(None if text == "" else float(text))
        return values

    def case(self, positions: list[list[float] | None], execution: dict, benchmark: str, trials: dict) -> dict:
        """What page.score() takes. The benchmark need not be one of the selected symbols."""
        columns = [self.column("close", symbol) for symbol in self.symbols]
        return {
            "dates": self.dates,
            "symbols": self.symbols,
            "close": [list(row) for row in zip(*columns)],
            "positions": positions,
            "execution": execution,
            "benchmark": self.column("close", benchmark) if benchmark else None,
            "trials": trials,
        }
