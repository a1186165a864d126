# symbols: MSFT
import pandas as pd


class Window:
    def __init__(self, size):
        self.size = size
        self.items = []

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        return iter(self.items)

    def __getitem__(self, index):
        return self.items[index]

    def __contains__(self, item):
        return item in self.items

    def __bool__(self):
        return len(self) == self.size

    def push(self, item):
        self.items = (self.items + [item])[-self.size :]


def strategy(data):
    window = Window(15)
    out = []
    for price in data["close"]:
        window.push(price)
        out.append(float(bool(window) and window[-1] == max(window)))
    return pd.Series(out, index=data.index)
