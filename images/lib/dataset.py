"""The dataset us-stocks: split- and dividend-adjusted daily prices, made from the raw ones of bokeh-sampledata.

open, high, low and close are multiplied by adj_close / close. It is computed in fractions and rounded once, so that the
order low ≤ open, close ≤ high survives, close is adj_close exactly, and no machine's arithmetic shows in the file.
`raw_close` keeps the close as it was traded; volume is as reported, not adjusted for splits.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from .oci import Tree
from .project import BuildError

NAME = "us-stocks"
FIELDS = ["open", "high", "low", "close", "volume", "raw_close"]
_SOURCE = "bokeh_sampledata/_data/stocks.csv.gz"


def number_text(value: float) -> str:
    """The shortest text that reads back as the same number; whole numbers without a point."""
    return repr(value).removesuffix(".0")


def adjusted_rows(source: Iterable[dict[str, str]]) -> list[list[str]]:
    """Rows date, symbol, fields, ordered by date, then symbol; a row that cannot be right ends the build."""
    rows = []
    for row in source:
        place = f"{row['Ticker']} {row['Date']}"
        close, adjusted = Fraction(row["Close"]), Fraction(row["Adj Close"])
        if close <= 0 or adjusted <= 0:
            raise BuildError(f"{place}: close and adjusted close must be positive")
        prices = [float(Fraction(row[name]) * adjusted / close) for name in ("Open", "High", "Low", "Close")]
        numbers = [*prices, float(row["Volume"]), float(row["Close"])]
        rows.append([row["Date"], row["Ticker"], *map(number_text, numbers)])
    rows.sort(key=lambda row: (row[0], row[1]))
    for before, after in zip(rows, rows[1:]):
        if before[:2] == after[:2]:
            raise BuildError(f"{before[1]} {before[0]} is there twice")
    return rows


def build(wheel: Path, tree: Tree, folder: str = "") -> None:
    """Puts data.csv and manifest.json into the image's tree: at its root, or in a folder that ends with a slash."""
    with zipfile.ZipFile(wheel) as archive, gzip.open(io.BytesIO(archive.read(_SOURCE)), "rt", newline="") as source:
        rows = adjusted_rows(csv.DictReader(source))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["date", "symbol", *FIELDS])
    writer.writerows(rows)
    data = text.getvalue().encode()
    manifest = {
        "schema": 1,
        "name": NAME,
        "file": "data.csv",
        "format": "csv",
        "sha256": hashlib.sha256(data).hexdigest(),
        "rows": len(rows),
        "fields": FIELDS,
        "symbols": sorted({row[1] for row in rows}),
        "firstDate": rows[0][0],
        "lastDate": rows[-1][0],
    }
    tree.file(f"{folder}data.csv", data)
    tree.file(f"{folder}manifest.json", (json.dumps(manifest, indent=2) + "\n").encode())
