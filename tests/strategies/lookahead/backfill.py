# symbols: AAPL
# The month's last close fills the gaps before it.
def strategy(data):
    close = data["close"]
    is_last = close.index.month != close.index.shift(1, freq="B").month
    monthly = close.where(is_last).bfill()
    return monthly > close
