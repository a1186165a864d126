# rule: IMP001
import threading


def strategy(data):
    return data["close"] * 0
