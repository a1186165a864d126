# symbols: MSFT
from itertools import count, cycle, repeat, islice
def strategy(data):
    for i in count():
        if i > 10:
            break
    c = cycle([1, 0])
    pos = [next(c) for _ in range(len(data))]
    z = list(zip(pos, count(), repeat(1)))
    first = list(islice(count(1), 5))
    r = list(repeat(0, 5))
    k = 10
    while k:
        k -= 1
    while not k > 5:
        k += 1
    while True:
        try:
            next(iter([]))
        except StopIteration:
            break
    volume = data["volume"]
    volume *= 1_000_000_000
    names = ["a"]
    names *= 3
    x = 2 ** 10 * 1000
    return data["close"] * 0 + [a for a, _, _ in z] + volume * 10_000_000
