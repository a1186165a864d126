"""What the scripts say, and how they give up."""
import signal
import sys
import time

_STARTED = time.monotonic()


class ClusterError(Exception):
    """The cluster cannot be brought to the wanted state; the text says why and what to do."""


def say(text: str) -> None:
    """One line of progress with the seconds since the start."""
    print(f"cluster {time.monotonic() - _STARTED:5.1f} s: {text}", file=sys.stderr, flush=True)


def run_main(main) -> None:
    """Runs a script's main and turns its end into an exit code."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `status | head` ends quietly
    try:
        sys.exit(main())
    except ClusterError as problem:
        say(f"failed: {problem}")
        sys.exit(1)
    except KeyboardInterrupt:
        say("interrupted; `up` continues from here, `down` removes what there is")
        sys.exit(130)
