"""The interpreter: imports numpy and pandas once, then forks one evaluation for each order of the runner; the first ones
ahead of their orders where the runner says so.

Descriptors: 0 /dev/null, 1 and 2 output, 3 orders (read), 4 market data (read by evaluations only), 5 replies (write).
This process never runs a strategy's code, never reads market data and copies what an evaluation wrote without looking
at it. Everything below `evaluate` runs in the forked child and is untrusted from the moment it compiles the strategy.
All numbers are little-endian; the other side is `src/runner/protocol.rs`.
"""

import os
import sys

FAULT = 70
UNLOCKED = 71

if sys.flags.hash_randomization:
    # Without a fixed hash seed the order of sets differs from start to start, and with it a strategy's result.
    os._exit(FAULT)

import ctypes

PR_SET_DUMPABLE = 4
LIBC = ctypes.CDLL(None, use_errno=True)
# First of all: an exec resets what the runner has set for itself, and evaluations inherit it from here.
if LIBC.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
    os._exit(FAULT)

import gc

# Importing makes objects that stay: looking for garbage among them would cost a tenth of the start.
gc.disable()

import inspect
import json
import linecache
import mmap
import platform
import random
import resource
import select
import struct
import traceback
import types

import numpy
import pandas

# What strategies import anyway; an evaluation would otherwise pay for it.
import collections
import dataclasses
import datetime
import decimal
import fractions
import functools
import itertools
import math
import re
import statistics
import typing

CONTROL, DATA, REPLIES = 3, 4, 5
READY, STARTED, LOCKED, RESULT, ENDED, FORKED = 1, 2, 3, 4, 5, 6
POSITIONS, ERROR = 1, 2
# In an order's place: there will be one.
AHEAD = object()
MAX_ERROR = 8 * 1024
# A result up to here is told before its process is gone. The copies of a longer one are to find that process's memory free.
SHORT = 1 << 20
NAME = "strategy.py"
OUT_OF_MEMORY = b'{"kind":"strategy","type":"MemoryError","message":"","line":%s,"traceback":""}'

SECCOMP_SET_MODE_FILTER = 1
SECCOMP_FILTER_FLAG_TSYNC = 1
SYS_SECCOMP = {"x86_64": 317, "aarch64": 277}[platform.machine()]


class Filter(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_void_p)]


class ResultError(Exception):
    """What the strategy returned is no positions for its data."""


# --- the interpreter: trusted ----------------------------------------------------------------------------------------


def read_exactly(descriptor, length):
    """`length` bytes, or None at the end of the stream."""
    buffer = bytearray(length)
    view = memoryview(buffer)
    done = 0
    while done < length:
        count = os.readv(descriptor, [view[done:]])
        if count == 0:
            return None
        done += count
    return buffer


def write_all(descriptor, data):
    view = memoryview(data).cast("B")
    while view:
        view = view[os.write(descriptor, view) :]


def reply(kind, evaluation, body=b""):
    write_all(REPLIES, struct.pack("<BII", kind, evaluation, len(body)))
    write_all(REPLIES, body)


def read_order():
    """The next order; AHEAD where one is still to come, None at the end of the stream."""
    magic = read_exactly(CONTROL, 4)
    if magic is None:
        return None
    if magic == b"SBXP":
        return AHEAD
    if magic != b"SBXC":
        os._exit(FAULT)
    head = read_exactly(CONTROL, 32)
    if head is None:
        return None
    evaluation, space, expected, filter_length, code_length, params_length = struct.unpack("<IQQIII", head)
    program = read_exactly(CONTROL, filter_length)
    code = read_exactly(CONTROL, code_length)
    params = read_exactly(CONTROL, params_length)
    if params is None:
        return None
    return types.SimpleNamespace(
        evaluation=evaluation,
        space=space,
        expected=expected,
        filter=program,
        code=code,
        params=params,
        frame=b"".join((magic, head, program, code, params)),
    )


def copy(descriptor, room):
    """Fills `room` from a stream and says how far; one read more would be needed to know whether there is more."""
    done = 0
    with memoryview(room) as view:
        while done < len(room):
            with view[done:] as rest:
                count = os.readv(descriptor, [rest])
            if count == 0:
                break
            done += count
    return done


def fork(order):
    """Forks one evaluation: its process number and where its result comes from."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            evaluate(order, sink)
        finally:
            os._exit(FAULT)
    os.close(sink)
    return child, source


def fork_ahead():
    """Forks an evaluation that waits for its order, and warms up once more until it comes: a page that is shared with the
    interpreter is copied when it is first touched, and most of what a strategy touches is touched by then. It holds nothing of
    the evaluations before it, and of those after it nothing that it has not got by `fork`."""
    source, sink = os.pipe()
    waiting, orders = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.dup2(waiting, CONTROL)
            close_all_but(sink)
            warm_up()
            os.write(sink, b"W")
            order = read_order()
            # None: there is no interpreter any more.
            if order is not None:
                os.write(sink, b"O")
                evaluate(order, sink)
        finally:
            os._exit(FAULT)
    os.close(sink)
    os.close(waiting)
    reply(FORKED, 0, struct.pack("<I", child))
    return child, source, orders


def begin(order, ahead):
    """An evaluation that has its order: the first of those that wait for one that is warm and lives."""
    while ahead:
        child, source, orders = ahead.pop(0)
        has_it = select.select([source], [], [], 0)[0] and os.read(source, 1) == b"W" and takes(order, source, orders)
        os.close(orders)
        if has_it:
            return child, source
        # A fork is done sooner than its warming up, or it was killed while it waited.
        os.close(source)
        os.kill(child, 9)
        os.waitpid(child, 0)
    return fork(order)


def takes(order, source, orders):
    """Hands an evaluation that waits its order; whether it has it."""
    try:
        write_all(orders, order.frame)
    except BrokenPipeError:
        return False
    return os.read(source, 1) == b"O"


def conduct(order, ahead):
    """Has one evaluation made and tells the runner what became of it."""
    child, source = begin(order, ahead)
    reply(STARTED, order.evaluation, struct.pack("<I", child))
    # Kind, length and one byte that must not be there. Pages of its own, which go back to the kernel: what one evaluation
    # has written is not to be found by the next one in what the allocator uses again.
    with mmap.mmap(-1, 5 + max(order.expected, MAX_ERROR) + 1, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as room:
        written = 0
        if os.read(source, 1) == b"L":
            reply(LOCKED, order.evaluation)
            written = copy(source, room)
            if written == len(room):
                os.kill(child, 9)
        os.close(source)
        status = None if written <= SHORT else os.waitpid(child, 0)[1]
        with memoryview(room) as view, view[:written] as body:
            reply(RESULT, order.evaluation, body)
    if status is None:
        # After the result: the kernel takes as long to take the process apart as a strategy to decide.
        _, status = os.waitpid(child, 0)
    reply(ENDED, order.evaluation, struct.pack("<I", status))


def warm_up():
    """Calls what nearly every strategy calls, so that its first-time cost is paid before the fork."""
    dates = pandas.DatetimeIndex(numpy.arange(40, dtype="int64").astype("datetime64[D]").astype("datetime64[ns]"))
    one = build(dates, ["open", "close"], ["A"], numpy.ones((2, 40)))
    several = build(dates, ["open", "close"], ["A", "B"], numpy.ones((4, 40)))
    for close in (one["close"], several["close"]):
        mean = close.rolling(3).mean()
        signal = (close > mean.shift(1)) & (close.pct_change() >= 0)
        signal.astype(float).where(close > 0, 0.0).ffill().fillna(0.0)
        close.ewm(span=3).mean().diff()
        close.rolling(3).std()
        align(signal, dates, ["A"] if signal.ndim == 1 else ["A", "B"])
    several["close"].rank(axis=1).div(several["close"].sum(axis=1), axis=0)


def main():
    sys.stdout.reconfigure(line_buffering=True)
    warm_up()
    # What is here now stays: evaluations need not touch (and so copy) its pages to look for garbage.
    gc.freeze()
    gc.enable()
    reply(READY, 0)
    ahead = []
    while (order := read_order()) is not None:
        if order is AHEAD:
            try:
                ahead.append(fork_ahead())
            except OSError:
                # No process to be had now: an order forks its own.
                pass
        else:
            conduct(order, ahead)


def close_all_but(sink):
    """Closes what comes after market data, but for the own end of the result pipe."""
    os.closerange(REPLIES, sink)
    os.closerange(sink + 1, 1 << 20)


# --- the evaluation: in the child -----------------------------------------------------------------------------------


def evaluate(order, sink):
    """One evaluation; never returns. Untrusted from `call` on."""
    try:
        lock_down(order, sink)
    except BaseException:
        os._exit(UNLOCKED)
    os.write(sink, b"L")
    try:
        dates, fields, symbols, values = read_slice(order.evaluation)
        os.close(DATA)
        random.seed(0)
        numpy.random.seed(0)
        ballast = shift_addresses(order.evaluation)
        code = str(order.code, "utf-8")
        params = json.loads(order.params)
        data = build(dates, fields, symbols, values)
        del values
        linecache.cache[NAME] = (len(code), None, code.splitlines(True), NAME)
        rows = align(call(code, data, params), dates, symbols)
        kind, body = POSITIONS, rows.astype("<f8", order="C", copy=False).reshape(-1)
    except BaseException as error:
        kind, body = ERROR, described(error)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        pass
    size = body.nbytes if kind == POSITIONS else len(body)
    write_all(sink, struct.pack("<BI", kind, size))
    if size:
        write_all(sink, body)
    # The exit would close it too, but only after it has given the memory back.
    os.close(sink)
    os._exit(0)


def lock_down(order, sink):
    """Gives up everything but output, data and the own end of the result pipe, then loads stage 2."""
    os.close(CONTROL)
    close_all_but(sink)
    for name, value in (("CORE", 0), ("FSIZE", 0), ("MSGQUEUE", 0), ("NOFILE", 64), ("AS", order.space)):
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (value, value))
    program = (ctypes.c_char * len(order.filter)).from_buffer(order.filter)
    prog = Filter(len(order.filter) // 8, ctypes.addressof(program))
    # All threads at once (there should be one only); anything but 0 means that some thread is not under it.
    if LIBC.syscall(SYS_SECCOMP, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(prog)) != 0:
        os._exit(UNLOCKED)


def shift_addresses(evaluation):
    """Objects of every small size, more of them with each evaluation, to be kept while the strategy runs: its own objects
    then lie elsewhere than in the evaluation before, as they would in another sandbox. So a result that depends on an
    address (id, the order of a set of objects) shows as not deterministic. By seven places, which was found by trying:
    after one or two, three objects often keep their order in a set. Bytes of length 0 and 1 are never made anew."""
    count = 7 * (evaluation - 1)
    blocks = [bytes(size) for size in range(2, 512, 16) for _ in range(count)]
    return [blocks, [object() for _ in range(count)], [number + (1 << 40) for number in range(count)]]


def read_slice(evaluation):
    magic, number, length = struct.unpack("<4sIQ", read_exactly(DATA, 16))
    if magic != b"SBXD" or number != evaluation:
        os._exit(FAULT)
    body = read_exactly(DATA, length)
    (size,) = struct.unpack_from("<Q", body)
    shape = json.loads(body[8 : 8 + size])
    fields, symbols = shape["fields"], shape["symbols"]
    table = numpy.frombuffer(body, "<f8", offset=8 + size).reshape(shape["dates"], 1 + len(fields) * len(symbols))
    dates = table[:, 0].copy().view("<i8").astype("datetime64[D]").astype("datetime64[ns]")
    # Column by column, as pandas keeps it: the copy is paid once, strided columns with every operation.
    return pandas.DatetimeIndex(dates, name="date"), fields, symbols, numpy.ascontiguousarray(table[:, 1:].T)


def build(dates, fields, symbols, values):
    """The `data` of a strategy from columns × dates."""
    if len(symbols) == 1:
        columns = pandas.Index(fields)
    else:
        # Codes that ascend in the given order: selecting a field is then a slice and warns of nothing.
        count = len(symbols)
        columns = pandas.MultiIndex(
            levels=[fields, symbols],
            codes=[
                numpy.repeat(numpy.arange(len(fields)), count),
                numpy.tile(numpy.arange(count), len(fields)),
            ],
            names=["field", "symbol"],
        )
    return pandas.DataFrame(values.T, index=dates, columns=columns, copy=False)


def call(code, data, params):
    """Runs the strategy's text and returns what it decides."""
    module = types.ModuleType("strategy")
    sys.modules["strategy"] = module
    namespace = module.__dict__
    namespace.update(data=data, params=params, __file__=NAME)
    exec(compile(code, NAME, "exec", dont_inherit=True), namespace)
    function = namespace.get("strategy")
    if function is None:
        if "position" not in namespace:
            raise ResultError("has neither a function strategy nor a variable position: define one of them")
        return namespace["position"]
    try:
        inspect.signature(function).bind(data, params)
    except TypeError:
        return function(data)
    return function(data, params)


def align(result, dates, symbols):
    """Target weights dates × symbols from what a strategy returned; a row of NaN holds."""
    if isinstance(result, pandas.Series):
        if len(symbols) != 1:
            raise ResultError(
                f"returned a Series for {len(symbols)} symbols: return a DataFrame with one column for each symbol"
            )
        result = result.to_frame(symbols[0])
    elif not isinstance(result, pandas.DataFrame):
        raise ResultError(
            f"returned {type(result).__name__}: return a Series (one symbol) or a DataFrame of dates × symbols"
        )
    columns = positions_of(result.columns, symbols)
    rows = rows_of(result.index, dates)
    block = numpy.zeros((len(rows), len(symbols)))
    weights = weights_of(result)
    infinite = numpy.isinf(weights)
    if infinite.any():
        row, column = numpy.argwhere(infinite)[0]
        raise ResultError(
            f"gives {symbols[columns[column]]} an infinite weight on {dates[rows[row]].date()}: "
            "look for a division by zero"
        )
    block[:, columns] = numpy.nan_to_num(weights, copy=False, nan=0.0)
    aligned = numpy.full((len(dates), len(symbols)), numpy.nan)
    aligned[rows] = block
    return aligned


def positions_of(columns, symbols):
    if columns.nlevels != 1:
        raise ResultError('returned several columns for each symbol: select one field first, as in data["close"]')
    if columns.has_duplicates:
        raise ResultError(f"has the column {str(columns[columns.duplicated()][0])!r} twice")
    known = {symbol: place for place, symbol in enumerate(symbols)}
    try:
        return [known[column] for column in columns]
    except (KeyError, TypeError):
        unknown = next(column for column in columns if not (isinstance(column, str) and column in known))
        hint = "return a Series" if len(symbols) == 1 else "columns must be symbols: " + ", ".join(symbols[:8])
        raise ResultError(f"has the column {str(unknown)[:80]!r}, which is no symbol of this run; {hint}") from None


def rows_of(index, dates):
    if index is dates or index.equals(dates):
        return numpy.arange(len(dates))
    if not isinstance(index, pandas.DatetimeIndex):
        if pandas.api.types.is_numeric_dtype(index.dtype) or index.nlevels != 1:
            raise ResultError("has no dates in its index: keep the index of data")
        try:
            index = pandas.DatetimeIndex(index)
        except (TypeError, ValueError):
            raise ResultError("has no dates in its index: keep the index of data") from None
    if index.tz is not None:
        raise ResultError("has a time zone in its index; dates of data have none: use .tz_localize(None)")
    if index.has_duplicates:
        raise ResultError(f"has the date {index[index.duplicated()][0]} twice")
    rows = dates.get_indexer(index.as_unit("ns"))
    unknown = rows < 0
    if unknown.any():
        raise ResultError(
            f"has {int(unknown.sum())} dates that are not in data, first {index[unknown][0]}: "
            'reindex to data.index, for example .reindex(data.index, method="ffill")'
        )
    return rows


def weights_of(frame):
    """Numbers as they are; truth as equal weights over what is true in a row."""
    kinds = {dtype.kind if isinstance(dtype, numpy.dtype) else "O" for dtype in frame.dtypes}
    if kinds <= {"b"}:
        return equal_weights(frame.to_numpy(dtype=bool))
    if kinds <= {"f", "i", "u"}:
        return frame.to_numpy(dtype="float64", copy=True)
    if kinds <= {"b", "f", "i", "u"}:
        raise ResultError("mixes truth values and numbers: return either signals (bool) or weights (float)")
    cells = frame.to_numpy(dtype=object)
    absent = pandas.isna(cells)
    types_seen = set(map(type, cells[~absent]))
    truths = types_seen & {bool, numpy.bool_}
    if truths and truths == types_seen:
        return equal_weights(numpy.where(absent, False, cells).astype(bool))
    if truths:
        raise ResultError("mixes truth values and numbers: return either signals (bool) or weights (float)")
    numbers = numpy.full(cells.shape, numpy.nan)
    try:
        numbers[~absent] = cells[~absent].astype("float64")
    except (OverflowError, TypeError, ValueError):
        names = ", ".join(sorted(kind.__name__ for kind in types_seen)[:4])
        raise ResultError(f"holds {names}: return numbers (weights) or truth values (signals)") from None
    return numbers


def equal_weights(chosen):
    count = chosen.sum(axis=1, keepdims=True)
    return chosen / numpy.maximum(count, 1)


def described(error):
    """What the runner is told of an exception, at most 8 KiB of JSON."""
    try:
        if isinstance(error, MemoryError):
            return out_of_memory(error)
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == NAME]
        line = own[-1].lineno if own else None
        if isinstance(error, SyntaxError) and error.filename == NAME:
            line = error.lineno
        is_result = isinstance(error, ResultError)
        message = str(error)
        if isinstance(error, SystemExit):
            message = "the strategy called exit: return the positions instead"
        text = "" if is_result else "".join(traceback.format_list(own[-8:]))
        kind = "result" if is_result else "strategy"
        for limit in (3000, 1200, 400, 100, 0):
            described_error = {
                "kind": kind,
                "type": "" if is_result else sound(type(error).__name__[:100]),
                "message": sound(message[:limit]),
                "line": None if is_result else line,
                "traceback": sound(text[len(text) - min(limit, len(text)) :]),
            }
            body = json.dumps(described_error).encode("ascii")
            if len(body) <= MAX_ERROR:
                return body
    except MemoryError:
        return OUT_OF_MEMORY % b"null"
    except BaseException:
        return b'{"kind":"strategy","type":"","message":"an exception that cannot be described","line":null,"traceback":""}'


def sound(text):
    """The same without lone surrogates, which JSON's other readers refuse."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def out_of_memory(error):
    """The line alone: a traceback would take memory that is not there while the strategy's variables live."""
    line = None
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == NAME:
            line = step.tb_lineno
        step = step.tb_next
    return OUT_OF_MEMORY % (b"null" if line is None else b"%d" % line)


main()
