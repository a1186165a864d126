# rule: IMP001
import shutil


def strategy(data):
    return data["close"] * 0
