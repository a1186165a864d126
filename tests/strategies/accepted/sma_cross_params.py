# symbols: MSFT
# params: {"fast": "10", "slow": "40"}
def strategy(data, params):
    fast = int(params.get("fast", "20"))
    slow = int(params.get("slow", "50"))
    if fast >= slow:
        raise ValueError(f"fast={fast} must be below slow={slow}")
    close = data["close"]
    return (close.rolling(fast).mean() > close.rolling(slow).mean()).astype(float)
