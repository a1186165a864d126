# symbols: AAPL,MSFT
close = data["close"]
sma = close.rolling(60).mean()
position = close > sma
