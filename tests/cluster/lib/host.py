"""What the machine itself needs while the cluster runs: a bridge, a packet filter, a few kernel settings.

Everything is written down before it is changed and put back by `down`.
"""
import ipaddress
import json
import pathlib
import subprocess

from report import ClusterError, say
from settings import (
    BRIDGE,
    HOST_STATE,
    NFT_TABLE,
    NODE_ADDRESS,
    POD_GATEWAY,
    POD_NETWORK,
    SERVICE_NETWORK,
)

# Set by us (the first) or by the kubelet.
KERNEL_SETTINGS = (
    "net/ipv4/ip_forward", "vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes", "net/ipv4/conf/all/route_localnet",
)
CGROUPS = pathlib.Path("/sys/fs/cgroup")

# Pods reach pods, services and the node; nothing is forwarded from or to the world outside.
FENCE = f"""
table inet {NFT_TABLE}
delete table inet {NFT_TABLE}
table inet {NFT_TABLE} {{
    chain forward {{
        type filter hook forward priority -10; policy accept;
        iifname "{BRIDGE}" oifname != "{BRIDGE}" drop
        oifname "{BRIDGE}" iifname != "{BRIDGE}" drop
    }}
}}
"""


def command(*words: str, text: str = "", check: bool = True) -> str:
    """Runs a command; its standard output, or a ClusterError with its standard error."""
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise ClusterError(f"`{' '.join(words)}` failed: {done.stderr.strip()}")
    return done.stdout


def nft_tables() -> list:
    """All tables as `FAMILY NAME`."""
    return [line.removeprefix("table ").strip() for line in command("nft", "list", "tables").splitlines()]


def remember_host() -> None:
    """Writes down, once, how the machine was before the cluster."""
    if HOST_STATE.exists():
        return
    settings = {}
    for name in KERNEL_SETTINGS:
        path = pathlib.Path("/proc/sys") / name
        if path.exists():
            settings[name] = path.read_text().strip()
    growing = HOST_STATE.with_suffix(".new")
    growing.write_text(json.dumps({"settings": settings, "tables": nft_tables()}))
    growing.replace(HOST_STATE)


def refuse_overlap() -> None:
    """Our addresses must not hide a network that the machine really uses."""
    ours = [ipaddress.ip_network(network) for network in (POD_NETWORK, SERVICE_NETWORK, NODE_ADDRESS + "/32")]
    for route in json.loads(command("ip", "-json", "-4", "route", "show", "table", "all") or "[]"):
        target = route.get("dst", "default")
        if target == "default" or route.get("dev") == BRIDGE:
            continue
        network = ipaddress.ip_network(target, strict=False)
        if any(network.overlaps(own) for own in ours):
            raise ClusterError(f"the machine's route to {target} overlaps the test cluster's addresses "
                               "(tests/cluster/lib/settings.py)")


def set_up_network() -> None:
    """Bridge with the pods' gateway and the node's address, forwarding, and the fence round it. Repeatable."""
    remember_host()
    refuse_overlap()
    if not (pathlib.Path("/sys/class/net") / BRIDGE).exists():
        say(f"making bridge {BRIDGE} with node address {NODE_ADDRESS}")
        command("ip", "link", "add", BRIDGE, "type", "bridge")
    length = POD_NETWORK.partition("/")[2]
    command("ip", "address", "replace", f"{POD_GATEWAY}/{length}", "dev", BRIDGE)
    command("ip", "address", "replace", f"{NODE_ADDRESS}/32", "dev", BRIDGE)
    command("ip", "link", "set", BRIDGE, "up")
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    command("nft", "--file", "-", text=FENCE)


def remove_network() -> None:
    """Takes away the bridge and every packet filter table that was not there before; puts kernel settings back."""
    if (pathlib.Path("/sys/class/net") / BRIDGE).exists():
        command("ip", "link", "delete", BRIDGE)
    before = {"settings": {}, "tables": []}
    if HOST_STATE.exists():
        before = json.loads(HOST_STATE.read_text())
    mine = [table for table in nft_tables() if table not in before["tables"] and is_ours(table)]
    for table in mine:
        command("nft", "delete", "table", *table.split())
    for name, value in before["settings"].items():
        path = pathlib.Path("/proc/sys") / name
        if path.read_text().strip() != value:
            path.write_text(value)
    HOST_STATE.unlink(missing_ok=True)


def remove_proxy_tables() -> None:
    """Takes away what an earlier kube-proxy has left behind; the next one makes all of it again."""
    for table in nft_tables():
        if table.partition(" ")[2] == "kube-proxy":
            command("nft", "delete", "table", *table.split())


def is_ours(table: str) -> bool:
    """Tables that kube-proxy, the CNI plugins and we make; a name that somebody else chose is left alone."""
    name = table.partition(" ")[2]
    return name in (NFT_TABLE, "kube-proxy") or name.startswith("cni_")


def pod_cgroups() -> list:
    """The kubelet's cgroup folders: one a hierarchy on cgroup v1, one in all on v2."""
    roots = [CGROUPS, *(entry for entry in CGROUPS.iterdir() if entry.is_dir())]
    return [root / "kubepods" for root in roots if (root / "kubepods").is_dir()]


def pod_processes() -> set:
    """PIDs of everything that runs in a pod."""
    found = set()
    for group in pod_cgroups():
        for listing in group.rglob("cgroup.procs"):
            try:
                found.update(int(line) for line in listing.read_text().split())
            except OSError:
                continue  # the group went away, or is a threaded one: its parent lists it
    return found - {0}


def remove_pod_cgroups() -> None:
    """Removes the empty groups, children first."""
    for group in pod_cgroups():
        folders = sorted((path for path in group.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts))
        for folder in [*folders, group]:
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError as problem:
                raise ClusterError(f"cgroup {folder} cannot be removed: {problem.strerror}") from problem
