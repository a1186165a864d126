# Every probe in a process of its own, where nothing is in force: its place, its name and its answer, one a line.
import os
import sys

# What a careless start would have left open.
os.open("/", os.O_RDONLY)
namespace = {}
exec(compile(sys.argv[1], "probes.py", "exec"), namespace)
for id_, name, function in namespace["PROBES"]:
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(sink, namespace["answer"](function).encode())
        os._exit(0)
    os.close(sink)
    said = os.read(source, 100).decode()
    os.close(source)
    _, status = os.waitpid(child, 0)
    print(f"{id_}|{name}|{said if status == 0 else 'signal ' + str(status & 127)}", flush=True)
