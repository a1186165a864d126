# rule: IMP001
import subprocess


def strategy(data):
    return data["close"] * 0
