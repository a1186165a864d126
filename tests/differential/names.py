"""What CPython itself reads in Python files: one line of JSON for each path on stdin, in their order.

Names are every identifier as often as it is written, as its own `ast` has them: each field of a node that holds a str,
but for the values of constants and type comments. Two processes share the work.
"""

import ast
import hashlib
import json
import multiprocessing
import sys
import warnings

NOT_NAMES = {("Constant", "value"), ("Constant", "kind")}


def parsed(content):
    try:
        return ast.parse(content)
    except SyntaxError as error:
        # A byte order mark with a cookie that says utf8 and not utf-8. The gate drops the mark, and what a sandbox
        # compiles is the text.
        if "with BOM" in str(error):
            return ast.parse(content.decode("utf-8-sig"))
        raise


def read(path):
    try:
        with open(path, "rb") as file:
            tree = parsed(file.read())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {"refused": f"{type(error).__name__}: {error}"}
    names, counts = [], {"Call": 0, "Import": 0, "ImportFrom": 0, "Attribute": 0}
    todo = [tree]
    while todo:
        node = todo.pop()
        kind = type(node).__name__
        if kind in counts:
            counts[kind] += 1
        for field in node._fields:
            value = getattr(node, field, None)
            for item in value if isinstance(value, list) else (value,):
                if isinstance(item, ast.AST):
                    if item._fields:
                        todo.append(item)
                elif isinstance(item, str) and field != "type_comment" and (kind, field) not in NOT_NAMES:
                    names.append(item)
    names.sort()
    return {
        "names": len(names),
        "sha256": hashlib.sha256("\n".join(names).encode("utf-8", "surrogatepass")).hexdigest(),
        "calls": counts["Call"],
        "imports": counts["Import"] + counts["ImportFrom"],
        "attributes": counts["Attribute"],
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    paths = sys.stdin.read().split("\0")
    with multiprocessing.Pool(2, initializer=warnings.simplefilter, initargs=("ignore",)) as pool:
        for answer in pool.imap(read, paths, chunksize=16):
            print(json.dumps(answer))
