# X10: whatever a scorer in the same interpreter would call is replaced.
import builtins
import gc
import json
import math
import statistics

import numpy
import pandas


def attack():
    lie = lambda *arguments, **named: 99.0
    for module, names in (
        (numpy, "mean std sum var sqrt cumprod prod dot nanmean nanstd log exp"),
        (math, "sqrt log exp fsum prod"),
        (statistics, "mean fmean stdev variance"),
        (time, "time monotonic perf_counter process_time sleep"),
        (builtins, "sum round max min abs"),
    ):
        for name in names.split():
            setattr(module, name, lie)
    for kind in (pandas.Series, pandas.DataFrame):
        for name in "mean std sum var pct_change cumprod prod shift".split():
            setattr(kind, name, lie)
    json.dumps = lambda *arguments, **named: FORGED
    json.JSONEncoder.encode = lambda self, thing: FORGED
    struct.pack_into = lie
    for thing in gc.get_objects():
        if isinstance(thing, dict) and {"sharpeRatio", "sharpe_ratio"} & {key for key in thing if isinstance(key, str)}:
            thing["sharpeRatio"] = thing["sharpe_ratio"] = 99.0
    return f"{numpy.mean([1.0])}"


def strategy(data):
    result = honest(data)
    print(attack())
    return result
