"""What a team without Stratbox puts into a Job: read the data, call the strategy, compute metrics, print them.

Environment: CODE (the strategy's text), RUN (JSON: path, symbols, start, end, params). Read with the standard library, as
the image's pandas is without its readers: such a Job starts sooner, too.
"""

import csv
import json
import os

import numpy
import pandas

run = json.loads(os.environ["RUN"])
fields = ["open", "high", "low", "close", "volume"]
with open(run["path"], newline="") as file:
    lines = [
        [line["date"], line["symbol"], *(float(line[field]) for field in fields)]
        for line in csv.DictReader(file)
        if line["symbol"] in run["symbols"] and run["start"] <= line["date"] <= run["end"]
    ]
table = pandas.DataFrame(lines, columns=["date", "symbol", *fields])
table["date"] = pandas.to_datetime(table["date"])
data = table.pivot(index="date", columns="symbol", values=fields)

namespace = {}
exec(compile(os.environ["CODE"], "strategy.py", "exec"), namespace)
signal = namespace["strategy"](data, run["params"])

# Equal weights of what is chosen on the last day of each month, traded at the next close.
chosen = signal.to_numpy(dtype=float)
weights = chosen / numpy.maximum(chosen.sum(axis=1, keepdims=True), 1)
month = data.index.to_numpy().astype("datetime64[M]")
last = numpy.append(month[1:] != month[:-1], False)
decided = pandas.DataFrame(numpy.where(last[:, None], weights, numpy.nan))
held = decided.ffill().shift(1).fillna(0.0).to_numpy()

close = data["close"].to_numpy()
change = numpy.zeros_like(close)
change[1:] = close[1:] / close[:-1] - 1
before = numpy.vstack([numpy.zeros((1, held.shape[1])), held[:-1]])
daily = numpy.nan_to_num(before * change).sum(axis=1) - 0.001 * numpy.abs(held - before).sum(axis=1)
wealth = numpy.cumprod(1 + daily)
print(
    json.dumps(
        {
            "sharpeRatio": float(daily.mean() / daily.std(ddof=1) * numpy.sqrt(252)),
            "totalReturn": float(wealth[-1] - 1),
            "maxDrawdown": float((wealth / numpy.maximum(numpy.maximum.accumulate(wealth), 1) - 1).min()),
        }
    )
)
