# symbols: AAPL
# params: {"window": "abc"}
import pandas as pd


def parse(text, default):
    try:
        return int(text)
    except (TypeError, ValueError) as error:
        print(f"bad window: {error}")
        return default
    finally:
        print("parsed")


def strategy(data, params):
    window = parse(params.get("window"), 30)
    close = data["close"]
    return (close > close.rolling(window).mean()).astype(float)
