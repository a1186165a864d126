# rule: IMP001
import multiprocessing


def strategy(data):
    return data["close"] * 0
