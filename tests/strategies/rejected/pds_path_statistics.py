# rule: PDS002
import statistics as st
x = st.sys.modules


def strategy(data):
    return data["close"] * 0
