# X11: the dates after the run's last one, wherever they could be: files, other processes, descriptors, own memory.
import numpy

# The bits of closes, each mixed with a constant, so that the plain number is nowhere in this text or its constants.
MIX = 0x5BD1E995_9E3779B9
FUTURE = [@FUTURE@]
PAST = [@PAST@]


def read(path):
    # A pipe of somebody else is to answer at once.
    place = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        if not os.read(place, 100):
            raise EOFError
    finally:
        os.close(place)


def descriptors():
    return [number for number in range(4096) if is_open(number)]


def found(wanted, data):
    """How many of these numbers stand anywhere in readable memory around what this process has mapped."""
    keep = numpy.zeros(1)
    anchors = [id(keep), keep.ctypes.data, ctypes.addressof(ctypes.c_int()), ctypes.cast(LIBC.getpid, ctypes.c_void_p).value]
    big = numpy.zeros(1 << 22)
    anchors += [big.ctypes.data, data["close"].to_numpy().ctypes.data]
    span, page = 192 << 20, 1 << 16
    regions = sorted({anchor // span + beside for anchor in anchors for beside in (-1, 0, 1)})
    seen = set()
    access = LIBC.access
    access.argtypes = [ctypes.c_void_p, ctypes.c_int]
    mix = numpy.uint64(MIX)
    # Unmixed, what is looked for stands here itself: only as long as one piece is looked at, and where nobody looks.
    room = numpy.zeros(page // 8, "uint64")
    here = room.ctypes.data
    for region in regions:
        for start in range(region * span, (region + 1) * span, page):
            # The kernel reads a path there: EFAULT where nothing is mapped. Every page of the piece must be.
            if any(access(at, 0) == -1 and ctypes.get_errno() == 14 for at in range(start, start + page, 4096)):
                continue
            if start < here + page and here < start + page:
                continue
            piece = numpy.frombuffer((ctypes.c_char * page).from_address(start), "uint64")
            numpy.bitwise_xor(piece, mix, out=room)
            seen.update(number for number in wanted if (room == numpy.uint64(number)).any())
            room.fill(0)
    return len(seen)


def attack():
    said = [tried(read, "/datasets/us-stocks/data.csv"), tried(os.listdir, "/datasets")]
    said += [tried(read, f"/proc/self/{name}") for name in ("mem", "maps", "environ")]
    for process in (os.getppid(), 1):
        # 3 and 4 are the interpreter's orders and data: pipes, of which Landlock knows nothing.
        said += [tried(read, f"/proc/{process}/{name}") for name in ("mem", "maps", "environ", "fd/0", "fd/3", "fd/4")]
    return ", ".join(said)


def strategy(data):
    print(len(descriptors()), attack())
    print(f"past {found(PAST, data)} of {len(PAST)}, future {found(FUTURE, data)} of {len(FUTURE)}")
    return honest(data)
