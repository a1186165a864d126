# symbols: AAPL
# The order of a set of objects is that of their addresses.
class Leg:
    pass


def strategy(data):
    legs = [Leg() for _ in range(50)]
    places = {leg: place for place, leg in enumerate(legs)}
    order = [places[leg] for leg in set(legs)]
    weights = data["close"] * 0
    for rank, place in enumerate(order):
        weights.iloc[rank] = place / 50
    return weights
