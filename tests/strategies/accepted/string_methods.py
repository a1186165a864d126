# symbols: AAPL,MSFT
# params: {"universe": " aapl, msft ", "weights": "0.6;0.4"}
import pandas as pd


def strategy(data, params):
    names = [part.strip().upper() for part in params["universe"].split(",")]
    weights = [float(w) for w in params["weights"].split(";")]
    table = dict(zip(names, weights, strict=True))
    close = data["close"]
    print(" | ".join(f"{k}={v:.0%}" for k, v in table.items()).center(40, "-"))
    keep = close.columns[close.columns.str.startswith(("A", "M"))]
    frame = pd.DataFrame({c: table[c] for c in keep}, index=close.index)
    return frame
