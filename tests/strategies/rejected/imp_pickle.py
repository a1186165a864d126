# rule: IMP001
import pickle


def strategy(data):
    return data["close"] * 0
