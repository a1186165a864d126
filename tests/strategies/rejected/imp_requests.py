# rule: IMP001
import requests


def strategy(data):
    return data["close"] * 0
