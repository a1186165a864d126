# rule: IMP001
import io


def strategy(data):
    return data["close"] * 0
