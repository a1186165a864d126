# symbols: AAPL,MSFT
class NotEnoughData(ValueError):
    """raised when history is short"""
    def __init__(self, need, have):
        super().__init__(f"need {need}, have {have}")
        self.need = need
        self.have = have
    def __str__(self):
        return "need %d have %d" % (self.need, self.have)

def strategy(data):
    try:
        if len(data) < 10:
            raise NotEnoughData(10, len(data))
    except NotEnoughData as e:
        print(e.need, e.args, str(e))
        return data["close"] * 0
    except Exception as e:
        raise RuntimeError("failed") from e
    else:
        pass
    finally:
        print("done")
    assert not data.empty, "no data"
    return data["close"].gt(0)
