# symbols: AAPL
# params: {"mode": "trend"}
import pandas as pd


def strategy(data, params):
    close = data["close"]
    match params.get("mode", "trend"):
        case "trend":
            signal = close > close.rolling(50).mean()
        case "reversal" | "mean-reversion":
            signal = close < close.rolling(20).mean()
        case str(other) if other.startswith("mom"):
            signal = close.pct_change(60) > 0
        case other:
            raise ValueError(f"unknown mode {other}")
    return signal.astype(float)
