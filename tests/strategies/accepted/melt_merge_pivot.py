# symbols: AAPL,MSFT
import pandas as pd


def strategy(data):
    close = data["close"].copy()
    close.index.name = "date"
    long = close.reset_index().melt(id_vars="date", var_name="symbol", value_name="price")
    mean = long.groupby("symbol", as_index=False)["price"].mean().rename(columns={"price": "avg"})
    merged = long.merge(mean, on="symbol", how="left")
    merged["cheap"] = (merged["price"] < merged["avg"]).astype(float)
    table = merged.pivot_table(index="date", columns="symbol", values="cheap", aggfunc="mean")
    return table.reindex(close.index) * 0.5
