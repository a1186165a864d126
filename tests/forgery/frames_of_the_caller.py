# X10: the interpreter's own functions and variables, found by frames, modules and the garbage collector.
import gc
import types

import numpy


def attack():
    changed = 0
    frame = sys._getframe()
    while frame is not None:
        for name, value in list(frame.f_locals.items()):
            if name in ("order", "dates", "symbols", "fields", "data") and frame.f_code.co_filename != "strategy.py":
                changed += 1
        frame = frame.f_back
    main = sys.modules["__main__"]
    for thing in gc.get_objects():
        if isinstance(thing, types.SimpleNamespace) and hasattr(thing, "expected"):
            thing.expected = thing.space = 0
            thing.filter = thing.code = thing.params = b""
            thing.evaluation = 7
            changed += 1
    for name in ("reply", "conduct", "copy", "described", "read_order", "out_of_memory"):
        if hasattr(main, name):
            setattr(main, name, lambda *arguments: FORGED.encode())
            changed += 1
    for name, value in (("MAX_ERROR", 1 << 30), ("CONTROL", 1), ("REPLIES", 1), ("RESULT", 1), ("ENDED", 1), ("ERROR", 1)):
        if hasattr(main, name):
            setattr(main, name, value)
            changed += 1
    # The interpreter's replies, as it would frame them, to every descriptor there could be.
    body = b"\x01" + struct.pack("<I", 8)
    for number in range(3, 64):
        if number != sink():
            tried(os.write, number, struct.pack("<BII", 4, 1, len(body)) + body + struct.pack("<BIII", 5, 1, 4, 0))
    return str(changed)


def strategy(data):
    result = honest(data)
    print(attack())
    return result
