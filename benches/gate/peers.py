"""What Python itself and RestrictedPython take for the same files: `peers.py ROUNDS FILE...` prints JSON.

A program that a peer refuses counts as a verdict too: the gate's own verdicts are timed whatever they say.
"""

import ast
import json
import sys
import time
import warnings
from importlib.metadata import version

from RestrictedPython import compile_restricted

warnings.simplefilter("ignore")


def measure(work, texts, rounds):
    refused = 0
    for text in texts:  # A round that is not counted.
        try:
            work(text)
        except SyntaxError:
            refused += 1
    wall = []
    cpu = time.process_time_ns()
    for text in texts * rounds:
        start = time.perf_counter_ns()
        try:
            work(text)
        except SyntaxError:
            pass
        wall.append(time.perf_counter_ns() - start)
    return {"wall": wall, "cpu": time.process_time_ns() - cpu, "refused": refused}


texts = []
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as file:
        texts.append(file.read())
rounds = int(sys.argv[1])
print(
    json.dumps(
        {
            "versions": f"Python {sys.version.split()[0]}, RestrictedPython {version('RestrictedPython')}",
            "parse": measure(ast.parse, texts, rounds),
            "restricted": measure(lambda text: compile_restricted(text, "strategy", "exec"), texts, rounds),
        }
    )
)
