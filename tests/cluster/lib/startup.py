"""Brings every daemon to life that does not run, runs with old inputs, or does not answer."""
import concurrent.futures
import pathlib
import time

import api
import host
import images
import processes
from components import NAMES, Component
from report import ClusterError, say
from settings import CONTAINERD_SOCKET, clean_environment

# Seconds. Generous: a shared test machine may be very busy.
START_PATIENCE = 180.0
ANSWER_PATIENCE = 10.0


def is_current(component: Component) -> bool:
    """It runs, and with today's command line and inputs."""
    return (processes.live_pid(component.name) is not None
            and processes.record_of(component.name)["fingerprint"] == component.fingerprint())


def is_healthy(component: Component, bin_dir: pathlib.Path) -> bool:
    """It answers. etcd is asked through the API server, whose readyz includes it."""
    if component.name == "containerd":
        return CONTAINERD_SOCKET.exists() and containerd_answers(bin_dir)
    return not component.health or api.answers(component.health)


def containerd_answers(bin_dir: pathlib.Path) -> bool:
    try:
        images.ctr(bin_dir, "--timeout", "3s", "version")
    except ClusterError:
        return False
    return True


def all_answer(components: list, bin_dir: pathlib.Path) -> bool:
    with concurrent.futures.ThreadPoolExecutor(len(components)) as pool:
        return all(pool.map(lambda component: is_healthy(component, bin_dir), components))


def all_well(components: list, bin_dir: pathlib.Path) -> bool:
    """The quick answer for an `up` with nothing to do."""
    return (all(is_current(component) for component in components)
            and all_answer(components, bin_dir) and not api.node_problem())


def start(component: Component, bin_dir: pathlib.Path) -> None:
    """Starts one daemon, after stopping the one with old inputs."""
    verb = "restarting" if processes.stop(component.name) else "starting"
    say(f"{verb} {component.name}")
    if component.name == "kube-proxy":
        # It takes over the chains that it finds, even one that its predecessor had emptied and not yet removed.
        host.remove_proxy_tables()
    processes.start(component.name, component.argv, clean_environment(bin_dir), component.fingerprint())


def ensure(components: list, bin_dir: pathlib.Path) -> set:
    """Starts those that do not run or run with old inputs; the names of those."""
    started = [component for component in components if not is_current(component)]
    for component in started:
        start(component, bin_dir)
    return {component.name for component in started}


def await_answer(component: Component, bin_dir: pathlib.Path, is_new: bool) -> None:
    """Waits until a daemon answers; one that was there before but hangs is started afresh."""
    begun = time.monotonic()
    while not is_healthy(component, bin_dir):
        waited = time.monotonic() - begun
        if processes.live_pid(component.name) is None:
            raise ClusterError(f"{component.name} ended; its last words:\n{processes.log_tail(component.name)}")
        if not is_new and waited > ANSWER_PATIENCE:
            say(f"{component.name} lives but does not answer")
            start(component, bin_dir)
            is_new = True
        if waited > START_PATIENCE:
            raise ClusterError(f"{component.name} does not answer; its last words:\n"
                               f"{processes.log_tail(component.name)}")
        time.sleep(0.05)


def answers_in_time(component: Component, bin_dir: pathlib.Path) -> bool:
    until = time.monotonic() + ANSWER_PATIENCE
    while not (answered := is_healthy(component, bin_dir)) and time.monotonic() < until:
        time.sleep(0.05)
    return answered


def await_state(what: str, problem_of) -> None:
    """Waits until `problem_of()` is empty; gives up at once when a daemon ends."""
    until = time.monotonic() + START_PATIENCE
    while problem := problem_of():
        for name in NAMES:
            if processes.live_pid(name) is None:
                raise ClusterError(f"{name} ended; its last words:\n{processes.log_tail(name)}")
        if time.monotonic() > until:
            raise ClusterError(f"{what}: still not after {START_PATIENCE:.0f} s ({problem})")
        time.sleep(0.05)


def bring_up(components: list, bin_dir: pathlib.Path) -> None:
    """Stores and runtime first, then what needs the API server; returns when pods can be created and run."""
    foundation, rest = components[:3], components[3:]
    started = ensure(foundation, bin_dir)
    etcd, containerd, apiserver = foundation
    await_answer(containerd, bin_dir, containerd.name in started)
    images.load_archives(bin_dir, [bin_dir / "pause.tar"])
    if started.isdisjoint((etcd.name, apiserver.name)) and not answers_in_time(apiserver, bin_dir):
        start(etcd, bin_dir)  # the API server's answer includes etcd's, so one of the two hangs
    await_answer(apiserver, bin_dir, apiserver.name in started)
    began = int(time.time())
    started = ensure(rest, bin_dir)
    for component in rest:
        await_answer(component, bin_dir, component.name in started)
    since = began if "kubelet" in started else 0
    await_state("node Ready", lambda: api.node_problem(since))
    await_state("default service account", lambda: "" if api.admits_pods() else "not there yet")
