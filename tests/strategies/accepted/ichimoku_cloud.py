# symbols: AAPL
def mid(df, n):
    return (df["high"].rolling(n).max() + df["low"].rolling(n).min()) / 2
def strategy(data):
    tenkan, kijun = mid(data, 9), mid(data, 26)
    span_a = ((tenkan + kijun) / 2).shift(26)
    span_b = mid(data, 52).shift(26)
    top = span_a.combine(span_b, max)
    return ((data["close"] > top) & (tenkan > kijun)).astype(float)
