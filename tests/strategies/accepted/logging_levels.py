# symbols: AAPL
import logging

import pandas as pd

logger = logging.getLogger(__name__)
logging.basicConfig(level=logging.INFO)


def strategy(data):
    close = data["close"]
    logger.info("rows %d", len(close))
    if close.isna().any():
        logger.warning("missing prices: %d", int(close.isna().sum()))
    return close.gt(close.rolling(200).mean()).astype(float)
