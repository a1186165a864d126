# rule: CON004
def strategy(data):
    close = data.get("price:收盤價")
    return close > close.rolling(60).mean()
