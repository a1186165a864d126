# rule: PAR001
```python
import pandas as pd
```


def strategy(data):
    return data["close"] * 0
