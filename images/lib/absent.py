"""Left out of this image: no strategy that the gate accepts reaches it, and the interpreter starts sooner without it.

Stands in place of a module of numpy or pandas (`ABSENT_SITE` in Stratbox's images/lib/contents.py). Whatever is imported from
here is a class that cannot be made: the library can be imported as a whole, and who uses the part is told.
"""


class Absent:
    """Anything of the part that was left out."""

    def __init__(self, *_arguments, **_named):
        raise NotImplementedError(
            f"{__name__} is left out of the sandbox image: a strategy gets its prices as `data` and returns its positions"
        )


def __getattr__(name):
    # Names of Python itself tell what an object is (`__path__`, `__all__`): an answer would be a wrong one.
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return Absent
