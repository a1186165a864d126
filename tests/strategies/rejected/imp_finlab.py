# rule: IMP001
from finlab import data
from finlab.backtest import sim

close = data.get("price:收盤價")
position = close > close.rolling(20).mean()
sim(position)
