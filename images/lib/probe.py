"""Run by images/check with the sandbox image's own interpreter: imports numpy and pandas, uses them, tells what happened.

An audit hook sees every file that the import system opens, because it opens them in Python (`io.open_code`); what the
dynamic linker maps passes it by, and that is no .py file. It cannot see the modules loaded before it; for those the
check looks at the .pyc files themselves.
"""

import json
import sys
import time

opened = []


def hook(event: str, arguments: tuple) -> None:
    if event == "open" and isinstance(arguments[0], str) and arguments[0].endswith(".py"):
        opened.append(arguments[0])


sys.addaudithook(hook)
start = time.perf_counter()
import numpy  # noqa: E402

between = time.perf_counter()
import pandas  # noqa: E402

end = time.perf_counter()

# What strategies live on: linear algebra (OpenBLAS), windows, grouping, dates, time zones, hashes, the star import.
prices = pandas.DataFrame(
    numpy.random.default_rng(0).normal(size=(500, 3)).cumsum(axis=0) + 100.0,
    index=pandas.date_range("2020-01-01", periods=500, freq="B"),
    columns=["A", "B", "C"],
)
returns = prices.pct_change().dropna()
assert numpy.isfinite(numpy.linalg.inv(returns.cov().to_numpy())).all()
assert prices.rolling(20).mean().iloc[-1].notna().all()
assert len(prices.resample("ME").last()) == 23
assert str(pandas.Timestamp("2020-01-01", tz="America/New_York").utcoffset()) == "-1 day, 19:00:00"
assert "2021-" in repr(returns) and "mean" in str(returns.describe())
assert __import__("hashlib").sha256(b"").hexdigest().startswith("e3b0c442")
exec("from numpy import *", {})
# And what was left out says so to whoever uses it, instead of failing in the middle.
for use in (lambda: pandas.read_csv("x.csv"), lambda: prices.query("A > 1"), lambda: prices.plot(), lambda: prices.to_csv("x.csv")):
    try:
        use()
    except NotImplementedError as error:
        assert "is left out of the sandbox image" in str(error), error
    else:
        raise AssertionError("something that was left out is there")

json.dump(
    {
        "python": sys.version.split()[0],
        "numpy": numpy.__version__,
        "pandas": pandas.__version__,
        "numpySeconds": between - start,
        "pandasSeconds": end - between,
        "hashRandomization": sys.flags.hash_randomization,
        "openedSources": opened,
        "uid": __import__("os").getuid(),
    },
    sys.stdout,
)
