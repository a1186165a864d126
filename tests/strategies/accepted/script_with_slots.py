# symbols: AAPL
class Config:
    fast, slow = 5, 20
    __slots__ = ["a", "b"]
cfg = Config()
close = data["close"]
position = (close.rolling(cfg.fast).mean() > close.rolling(cfg.slow).mean()).astype(float)
print(f"{position.sum():>10.1f}", end="\n", sep=" ", flush=True)
