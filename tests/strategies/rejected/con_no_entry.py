# rule: CON001
import pandas as pd


def signal(data):
    return data["close"]
