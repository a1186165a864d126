# rule: CON004
close = data.get("price:收盤價")
position = close > close.rolling(60).mean()
