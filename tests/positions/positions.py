"""Every place of Python's grammar where an expression can stand, each as a program that has `eval('1')` there.

The grammar is the one that the running interpreter's own `ast` documents. For each field of type `expr` of each node, the
node is built with as little else as it needs, put below everything that may hold it, and written as text. A program
counts only if it compiles and if, read again, the call stands in that very field. Fields for which no program does are
listed too.
"""

import ast
import json
import re
import sys
import warnings

warnings.simplefilter("ignore")

SUMS = ["mod", "stmt", "expr", "comprehension", "excepthandler", "arguments", "arg", "keyword", "alias", "withitem",
        "match_case", "pattern", "type_param"]


def read_grammar():
    """Sum type → constructor → [(type, '' or '?' or '*', field)]."""
    grammar = {}
    for name in SUMS:
        if not hasattr(ast, name):
            continue    # older than that
        text = getattr(ast, name).__doc__
        alternatives = text.split("=", 1)[1].split("|") if "=" in text.split("(")[0] else [text]
        grammar[name] = {}
        for alternative in alternatives:
            constructor, fields = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", alternative, re.S).groups()
            parts = [re.fullmatch(r"(\w+)([?*]?) (\w+)", part.strip()).groups() for part in (fields or "").split(",") if part.strip()]
            grammar[name][constructor] = parts
    return grammar


GRAMMAR = read_grammar()
FIELDS = {constructor: fields for alternatives in GRAMMAR.values() for constructor, fields in alternatives.items()}
SUM_OF = {constructor: name for name, alternatives in GRAMMAR.items() for constructor in alternatives}


def name(text="x"):
    return ast.Name(text, ast.Load())


def mark():
    """What is placed."""
    return ast.Call(name("eval"), [ast.Constant("1")], [])


def is_mark(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "eval"


def default(kind):
    """The least of a type."""
    leaves = {
        "expr": name, "stmt": ast.Pass, "pattern": ast.MatchAs, "identifier": lambda: "n", "int": lambda: 0,
        "string": lambda: None, "constant": lambda: 1, "expr_context": ast.Load, "operator": ast.Add, "unaryop": ast.USub,
        "boolop": ast.And, "cmpop": ast.Lt, "excepthandler": lambda: make("ExceptHandler"), "type_param": lambda: make("TypeVar"),
    }
    return leaves[kind]() if kind in leaves else make(kind)


def make(constructor, **given):
    """A node with as little as it needs besides what is given."""
    store = {"Assign": "targets", "AugAssign": "target", "AnnAssign": "target", "For": "target", "AsyncFor": "target",
             "comprehension": "target", "NamedExpr": "target", "TypeAlias": "name", "Delete": "targets"}
    values = {}
    for kind, many, field in FIELDS[constructor]:
        if field in given:
            values[field] = given[field]
        elif store.get(constructor) == field:
            target = ast.Name("x", ast.Del() if constructor == "Delete" else ast.Store())
            values[field] = [target] if many == "*" else target
        elif many == "*":
            needed = kind in ("stmt", "excepthandler", "match_case", "withitem", "alias", "comprehension", "cmpop", "identifier") \
                and field not in ("orelse", "finalbody", "kwd_attrs") or (constructor, field) in (("Set", "elts"), ("Compare", "comparators"))
            values[field] = [default(kind)] if needed else []
        elif many == "?":
            values[field] = None
        else:
            values[field] = default(kind)
    # What the fields owe each other.
    if constructor == "BoolOp":
        values["values"] = (values["values"] + [name(), name()])[:max(2, len(values["values"]))]
    if constructor == "Dict":
        longest = max(len(values["keys"]), len(values["values"]))
        for side in ("keys", "values"):
            values[side] += [name() for _ in range(longest - len(values[side]))]
    if constructor == "Compare":
        values["ops"] = [ast.Lt() for _ in values["comparators"]]
    if constructor == "arguments":
        lacking = len(values["defaults"]) - len(values["args"]) - len(values["posonlyargs"])
        values["args"] = values["args"] + [ast.arg(f"d{i}") for i in range(lacking)]
        while len(values["kwonlyargs"]) < len(values["kw_defaults"]):
            values["kwonlyargs"].append(ast.arg(f"k{len(values['kwonlyargs'])}"))
        values["kw_defaults"] += [None] * (len(values["kwonlyargs"]) - len(values["kw_defaults"]))
    if constructor in ("MatchMapping", "MatchClass"):
        other = "keys" if constructor == "MatchMapping" else "kwd_attrs"
        patterns = "patterns" if constructor == "MatchMapping" else "kwd_patterns"
        values[patterns] = values[patterns] or [ast.MatchAs() for _ in values[other]]
    if constructor == "MatchOr":
        values["patterns"] = [ast.MatchValue(ast.Constant(1)), *values["patterns"]]
    if constructor == "AnnAssign":
        values["simple"] = int(isinstance(values["target"], ast.Name))
    if constructor == "FormattedValue":
        values["conversion"] = -1
    if constructor == "Raise" and values["cause"] is not None and values["exc"] is None:
        values["exc"] = name()
    if constructor == "TryStar":
        for handler in values["handlers"]:
            handler.type = handler.type or name()
    return getattr(ast, constructor)(**values)


def variants(constructor, many, field):
    """What can stand in a field so that the mark does: itself, or in the least that the field takes. The field's
    value is made anew for each node."""
    singles = [
        ("", mark),
        ("[]", lambda: ast.Subscript(name(), mark(), ast.Store())),
        ("[]", lambda: ast.Subscript(name(), mark(), ast.Del())),
        (".", lambda: ast.Attribute(mark(), "a", ast.Store())),
        (".", lambda: ast.Attribute(mark(), "a", ast.Del())),
        ("{}", lambda: ast.FormattedValue(mark(), -1, None)),
        ("{}", lambda: ast.JoinedStr([ast.FormattedValue(mark(), -1, None)])),
        ("*", lambda: ast.Starred(mark(), ast.Load())),
    ]
    for suffix, single in singles:
        if many == "*":
            first = (lambda: ast.FormattedValue(name(), -1, None)) if constructor == "JoinedStr" else name
            yield suffix, lambda: {field: [single()]}
            yield suffix + " second", lambda: {field: [first(), single()]}
        else:
            yield suffix, lambda: {field: single()}
    if constructor == "comprehension":
        yield " async", lambda: {field: [mark()] if many == "*" else mark(), "is_async": 1}
    if constructor == "keyword":
        yield " named", lambda: {field: mark(), "arg": "n"}
    if (constructor, field) == ("Dict", "values"):
        yield " **", lambda: {"keys": [None], "values": [mark()]}


def holders(kind):
    """Where a node of a type may be: (constructor, many, field)."""
    return [(constructor, many, field) for constructor, fields in FIELDS.items() for of, many, field in fields if of == kind]


def places(node):
    """For everything that can hold a node: modules with the node below it, the simplest first."""
    kind = SUM_OF[type(node).__name__]
    if kind in ("stmt", "expr"):
        yield modules(node)
    elif kind != "mod":
        for constructor, many, field in holders(kind):
            if SUM_OF[constructor] != kind:    # patterns hold patterns without end
                yield from places(make(constructor, **{field: [node] if many == "*" else node}))


def modules(node):
    """Modules with that statement or expression somewhere below, the simplest first."""
    if SUM_OF[type(node).__name__] == "expr":
        for outer in (node, ast.Tuple([node], ast.Load()), ast.Subscript(name(), node, ast.Load()), ast.JoinedStr([node])):
            yield from modules(ast.Expr(outer))
        return
    yield ast.Module([node], [])
    for constructor in ("FunctionDef", "AsyncFunctionDef", "ClassDef"):
        yield ast.Module([make(constructor, body=[node])], [])
    yield ast.Module([make("AsyncFunctionDef", body=[make("While", body=[node])])], [])


def reads(text):
    """What Python makes of a text; None if it would not compile it."""
    try:
        tree = ast.parse(text)
        compile(text, "position", "exec", dont_inherit=True)
        return tree
    except (SyntaxError, ValueError):
        return None


def marked(tree, constructor, field):
    """Whether the mark stands in that field of such a node, or just below a target, a star or a string there."""
    for node in ast.walk(tree):
        if type(node).__name__ != constructor:
            continue
        there = getattr(node, field)
        for value in there if isinstance(there, list) else [there]:
            inside = [value]
            if isinstance(value, (ast.Subscript, ast.Attribute, ast.Starred, ast.FormattedValue, ast.JoinedStr)):
                inside += ast.walk(value)
            if any(map(is_mark, inside)):
                return True
    return False


def written(candidates, holds):
    """The first candidate's text that Python reads so that it holds."""
    for module in candidates:
        try:
            text = ast.unparse(ast.fix_missing_locations(module))
        except Exception:    # a tree that has no text
            continue
        tree = reads(text)
        if tree is not None and holds(tree):
            return text
    return None


def expressions():
    """Programs for the fields of type `expr`, and the fields that have none."""
    found, nowhere = {}, []
    for constructor, fields in sorted(FIELDS.items()):
        for field in [field for kind, _, field in fields if kind == "expr"]:
            before = len(found)
            many = next(many for _, many, other in fields if other == field)
            for suffix, build in variants(constructor, many, field):
                try:
                    node = make(constructor, **build())
                except (AttributeError, TypeError, IndexError):    # a combination that makes no node
                    continue
                for candidates in places(node):
                    text = written(candidates, lambda tree: marked(tree, constructor, field))
                    if text is not None:
                        found.setdefault(text, f"{constructor}.{field}{suffix}")
            if len(found) == before:
                nowhere.append(f"{constructor}.{field}")
    return found, nowhere


def blocks():
    """Programs whose statement, in each field of type `stmt`, is the mark."""
    found, nowhere = {}, []
    for constructor, _, field in holders("stmt"):
        node = make(constructor, **{field: [ast.Expr(mark())]})
        if field == "finalbody":
            node.handlers = []
        groups = [[node]] if constructor == "Module" else places(node)
        texts = [written(candidates, lambda tree: any(map(is_mark, ast.walk(tree)))) for candidates in groups]
        found.update({text: f"{constructor}.{field}" for text in texts if text is not None})
        if not any(texts):
            nowhere.append(f"{constructor}.{field}")
    return found, nowhere


def main():
    (inner, without), (outer, empty) = expressions(), blocks()
    programs = [{"position": position, "program": text} for text, position in (inner | outer).items()]
    version = "%d.%d" % sys.version_info[:2]
    lines = ",\n".join(json.dumps(program) for program in programs)
    print(f'{{"python": "{version}", "nowhere": {json.dumps(sorted(without + empty))}, "programs": [\n{lines}\n]}}')


main()
