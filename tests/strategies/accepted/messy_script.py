# symbols: AAPL,MSFT
#!/usr/bin/env python
# -*- coding: utf-8 -*-
'''均線策略 🚀 — written in one go, as a script.'''
import pandas as pd, numpy as np

pd.Series([1])  # noqa
close = data['close']; high = data['high']
ma5, ma20 = close.rolling(5).mean(), close.rolling(20).mean()
cond1 = (ma5>ma20) & (ma5.shift()<=ma20.shift())   # 黃金交叉
cond2 = close>=high.rolling(20).max()*0.98
buy = (cond1|cond2)
sell = ma5<ma20
pos = pd.DataFrame(np.nan,index=close.index,columns=close.columns)
pos[buy]=1
pos[sell]=0
pos = pos.ffill().fillna(0)
for s in pos.columns:
    print(f'{s}: {pos[s].mean():.1%} 持有')
position = pos/2
