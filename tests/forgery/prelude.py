# Common to all attacks: a report that would be believed, and words for what became of a try.
import ctypes
import hashlib
import linecache
import os
import struct
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
SOURCE = "".join(linecache.cache["strategy.py"][2])
FORGED = r"""@FORGED@""".replace("@CODE@", hashlib.sha256(SOURCE.encode()).hexdigest())
LOG = "/dev/termination-log"


def tried(what, *arguments):
    try:
        what(*arguments)
        return "ok"
    except BaseException as error:
        return f"{type(error).__name__} {getattr(error, 'errno', None)}"


def overwrite(path=LOG, flags=os.O_WRONLY | os.O_TRUNC, text=None):
    place = os.open(path, flags)
    os.write(place, (FORGED if text is None else text).encode())
    os.close(place)


def is_open(number):
    try:
        os.fstat(number)
        return True
    except OSError:
        return False


def sink():
    """The pipe on which an evaluation's result goes to the interpreter."""
    return next(number for number in range(3, 64) if is_open(number))


def honest(data):
    return data["close"] > 0
