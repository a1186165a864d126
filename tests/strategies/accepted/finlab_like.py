# symbols: AAPL,GOOG,IBM,MSFT
# 動能策略: 股價創新高且成交量放大
close = data["close"]
vol = data["volume"]
vol_ma = vol.rolling(20).mean()

new_high = close == close.rolling(120).max()
condition = new_high & (vol > vol_ma)
hold = condition.rolling(40, min_periods=1).max()
position = (hold > 0).astype(float)
position = position.div(position.sum(axis=1).clip(lower=1), axis=0)
