# symbols: AAPL,MSFT
import numpy as np
import pandas as pd

class KalmanHedge:
    """Online regression y = a + b x."""

    def __init__(self, delta: float = 1e-4, r: float = 1e-3) -> None:
        self.delta = delta
        self.r = r
        self.beta = np.zeros(2)
        self.P = np.eye(2)
        self._q = delta / (1 - delta) * np.eye(2)

    def update(self, x: float, y: float) -> tuple[float, float]:
        F = np.array([1.0, x])
        R = self.P + self._q
        e = y - F @ self.beta
        S = F @ R @ F.T + self.r
        K = R @ F / S
        self.beta = self.beta + K * e
        self.P = R - np.outer(K, F) @ R
        return float(e), float(np.sqrt(S))

def strategy(data):
    close = data["close"]
    a, b = close.columns[:2]
    kf = KalmanHedge()
    out = []
    for _, row in close[[a, b]].iterrows():
        e, s = kf.update(row[a], row[b])
        z = e / s if s else 0.0
        out.append({a: np.clip(z, -1, 1), b: -np.clip(z, -1, 1)})
    return pd.DataFrame(out, index=close.index)
