# rule: IMP001
import socket


def strategy(data):
    return data["close"] * 0
