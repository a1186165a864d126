# rule: PDS003
def strategy(data):
    return data["close"].rolling(5, win_type="get_window").mean()
