# The same attack where nothing is in force: init, a runner that writes a report or does not, and an evaluation.
import linecache
import os
import sys

code, mode = sys.argv[1:]
linecache.cache["strategy.py"] = (len(code), None, code.splitlines(True), "strategy.py")
if os.fork() == 0:
    evaluation = os.fork()
    if evaluation == 0:
        namespace = {}
        exec(compile(code, "strategy.py", "exec"), namespace)
        print(namespace["attack"](), flush=True)
        os._exit(0)
    os.waitpid(evaluation, 0)
    if mode == "writes":
        with open("/dev/termination-log", "w") as log:
            log.write("the runner's own")
    os._exit(0)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
