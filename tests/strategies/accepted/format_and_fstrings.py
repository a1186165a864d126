# symbols: IBM
import pandas as pd


def strategy(data, params):
    close = data["close"]
    print("rows: {}, last close: {:.2f}".format(len(close), close.iloc[-1]))
    print("{name:>10} {value:,.3f}".format(name="mean", value=close.mean()))
    print(f"first {close.index[0]:%Y-%m-%d} last {close.index[-1].date()!s:>12}")
    print("%s has %d rows" % ("data", len(data)))
    width = 12
    print(f"{close.max():{width}.2f}")
    return (close.diff() > 0).astype(float)
