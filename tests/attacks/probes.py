# What a strategy must not be able to do. Each probe returns if it could, and raises if it could not; every one is
# harmless where it is not denied: signals are 0, pointers are null, files are its own.
import ctypes
import os
import socket

LIBC = ctypes.CDLL(None, use_errno=True)
PROBES = []


def probe(id_, name):
    def add(function):
        PROBES.append((id_, name, function))
        return function

    return add


def call(number, *arguments):
    """A system call by its number on x86_64."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    result = LIBC.syscall(ctypes.c_long(number), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def answer(function):
    """`+` if it could, else the errno or the exception's name."""
    try:
        function()
        return "+"
    except OSError as error:
        return str(error.errno)
    except BaseException as error:
        return type(error).__name__


def simple(id_, name, function, *arguments):
    probe(id_, name)(lambda: function(*arguments))


def reads(path):
    os.close(os.open(path, os.O_RDONLY))


def creates(folder):
    path = folder.rstrip("/") + "/stratbox-probe"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    os.unlink(path)


def writes(path):
    os.close(os.open(path, os.O_WRONLY))


def opens_socket(family, kind):
    socket.socket(family, kind).close()


for name, family, kind in (
    ("inet", socket.AF_INET, socket.SOCK_STREAM),
    ("inet datagram", socket.AF_INET, socket.SOCK_DGRAM),
    ("inet6", socket.AF_INET6, socket.SOCK_STREAM),
    ("unix", socket.AF_UNIX, socket.SOCK_STREAM),
    ("netlink", socket.AF_NETLINK, socket.SOCK_RAW),
    ("packet", socket.AF_PACKET, socket.SOCK_RAW),
    ("vsock", socket.AF_VSOCK, socket.SOCK_STREAM),
    ("alg", socket.AF_ALG, socket.SOCK_SEQPACKET),
):
    simple("I01", f"socket {name}", opens_socket, family, kind)
simple("I01", "socketpair", lambda: [end.close() for end in socket.socketpair()])


@probe("I05", "environment of the cluster")
def cluster_environment():
    if not [name for name in os.environ if name.startswith("KUBERNETES") or name.endswith("_SERVICE_HOST")]:
        raise LookupError


@probe("I05", "any of the pod's own environment")
def pod_environment():
    if not {"POD_UID", "STRATBOX_PRELOAD", "HOSTNAME", "PATH"} & set(os.environ):
        raise LookupError


simple("I05", "service account", os.listdir, "/var/run/secrets/kubernetes.io/serviceaccount")
simple("I07", "setuid", call, 105, 0)
simple("I07", "setgid", call, 106, 0)
simple("I07", "setgroups", call, 116, 0, 0)
simple("I07", "capset", call, 126, ctypes.create_string_buffer(b"\x22\x05\x08\x20" + bytes(4)), ctypes.create_string_buffer(24))
simple("I07", "prctl KEEPCAPS", call, 157, 8, 0, 0, 0, 0)


@probe("I08", "clone NEWUSER")
def clone_newuser():
    if call(56, 0x10000000 | 17, 0, 0, 0, 0) == 0:
        os._exit(0)


def reads_of(process, name):
    reads(f"/proc/{process()}/{name}")


for word, process in (("1", lambda: 1), ("PARENT", os.getppid)):
    for name in ("mem", "environ", "fd", "root", "cwd", "maps", "status"):
        simple("I14", f"/proc/{word}/{name}", reads_of, process, name)
simple("I14", "/proc/self/mem", reads, "/proc/self/mem")
simple("I15", "kill 1", os.kill, 1, 0)
simple("I15", "kill parent", lambda: os.kill(os.getppid(), 0))
simple("I15", "kill everybody", os.kill, -1, 0)
simple("I15", "tgkill parent", lambda: call(234, os.getppid(), os.getppid(), 0))
simple("I15", "pidfd_open", lambda: os.close(os.pidfd_open(os.getpid())))
for folder in ("/", "/usr", "/usr/lib", "/usr/local/bin", "/etc", "/run", "/dev"):
    simple("I16", f"create in {folder}", creates, folder)
simple("I16", "mkdir", lambda: [os.mkdir("/run/stratbox-m"), os.rmdir("/run/stratbox-m")])
simple("I16", "symlink", lambda: [os.symlink("a", "/run/stratbox-s"), os.unlink("/run/stratbox-s")])
simple("I16", "chmod", os.chmod, "/run", 0o755)
simple("I16", "utime", os.utime, "/run")
for path in ("/dev/termination-log", "/proc/1/fd/1", "/dev/stdout", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname"):
    simple("I17", f"write {path}", writes, path)
simple("I17", "create in /dev/shm", creates, "/dev/shm")
simple("I17", "create in /dev/mqueue", creates, "/dev/mqueue")
simple("I20", "list /dev", os.listdir, "/dev")
simple("I20", "mknod", lambda: [os.mknod("/run/stratbox-n", 0o600), os.unlink("/run/stratbox-n")])


@probe("I22", "a descriptor beyond 0, 1, 2 and the result")
def more_descriptors():
    if len(open_descriptors()) <= 4:
        raise LookupError


@probe("I22", "a folder by a descriptor")
def folder_descriptor():
    for number in open_descriptors():
        try:
            os.close(os.open("..", os.O_RDONLY, dir_fd=number))
            return
        except NotADirectoryError:
            pass
    raise NotADirectoryError(20, "")


def open_descriptors():
    found = []
    for number in range(256):
        try:
            os.fstat(number)
            found.append(number)
        except OSError:
            pass
    return found


simple("I22", "chdir", os.chdir, "/")
simple("I25", "splice", lambda: moves(275))
simple("I25", "tee", lambda: moves(276))
simple("I25", "vmsplice", lambda: call(278, 1, 0, 0, 0))
simple("I25", "sendfile", lambda: copies(40))
simple("I25", "pipe", lambda: [os.close(end) for end in os.pipe()])


def moves(number):
    """From one pipe to the other; without pipes, from and to the output, of which nothing is taken."""
    try:
        (source, first), (second, target) = os.pipe(), os.pipe()
        os.write(first, b"x")
    except OSError:
        source = target = 1
    if number == 275:
        call(number, source, 0, target, 0, 1, 0)
    else:
        call(number, source, target, 1, 0)


def copies(number):
    with open(os.__file__, "rb") as file:
        call(number, 1, file.fileno(), 0, 0)


for what, path in (("library", ctypes.__file__), ("module", os.__file__), ("extension", __import__("_ctypes").__file__)):
    simple("I27", f"write its {what}", lambda path=path: os.close(os.open(path, os.O_RDWR)))
simple("I27", "create bytecode", creates, os.path.dirname(os.__file__) + "/__pycache__")


@probe("I28", "fork")
def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


@probe("I28", "thread")
def thread():
    import threading

    other = threading.Thread(target=int)
    other.start()
    other.join()


@probe("I28", "100 descriptors")
def descriptors():
    held = []
    try:
        for _ in range(100):
            held.append(os.open(os.__file__, os.O_RDONLY))
    finally:
        for number in held:
            os.close(number)


simple("I28", "mlock", call, 149, 0, 0)
simple("I28", "3 GiB of memory", bytearray, 3 << 30)
simple("I28", "set a limit", lambda: __import__("resource").setrlimit(4, (0, 0)))
simple("I32", "setsid", lambda: call(124, 0))
simple("I35", "System V memory", lambda: call(31, call(29, 0, 4096, 0o1600), 0, 0))
simple("I35", "System V queue", lambda: call(71, call(68, 0, 0o1600), 0, 0))
simple("I35", "memory file", lambda: os.close(os.memfd_create("x")))
simple("I35", "message queue", lambda: call(240, ctypes.c_char_p(b"stratbox"), 0o102, 0o600, 0))
simple("I35", "host name", lambda: call(170, ctypes.c_char_p(socket.gethostname().encode()), len(socket.gethostname())))


def strategy(data):
    print(" ".join(answer(function) for _, _, function in PROBES))
    return data["close"] > 0
