"""Where everything of the cluster is, and its addresses. Nothing here touches the system."""
import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent.parent
CHECKOUT = HERE.parent.parent

# The state of this checkout's cluster: data, certificates, configuration, logs.
STATE = CHECKOUT / "target" / "cluster"
LOGS = STATE / "logs"
POD_LOGS = LOGS / "pods"
PKI = STATE / "pki"
CONFIG = STATE / "config"
DATA = STATE / "data"
PROCESSES = STATE / "processes"
KUBECONFIG = STATE / "kubeconfig"
ENV = STATE / "env"
AUDIT_LOG = LOGS / "audit.log"
BIN_LINK = STATE / "bin"

# Sockets and network namespaces: a short path, since a unix socket's may have 107 bytes and a checkout's is longer.
# One cluster a machine: OWNER names the state folder that the processes belong to.
RUN = pathlib.Path("/run/stratbox-cluster")
OWNER = RUN / "owner"
HOST_STATE = RUN / "host.json"  # here, as a restart of the machine resets what it describes
LOCK = pathlib.Path("/run/stratbox-cluster.lock")
CONTAINERD_SOCKET = RUN / "containerd.sock"
CONTAINERD_STATE = RUN / "containerd"
SHIM_SOCKETS = RUN / "s"
RUNC_ROOT = RUN / "runc"
RUNC_ALT_ROOT = RUN / "runc-alt"
CNI_ADDRESSES = RUN / "cni"

# The usual path, so that a hostPath to its seccomp folder is the same here as anywhere else.
KUBELET = pathlib.Path("/var/lib/kubelet")
KUBELET_OWNER = KUBELET / ".stratbox-test-cluster"
SECCOMP = KUBELET / "seccomp"
CONTAINER_LOG_LINKS = pathlib.Path("/var/log/containers")
CNI_RESULTS = pathlib.Path("/var/lib/cni/results")

# Private ranges that are seldom in use; `up` refuses if a route of the machine overlaps one.
BRIDGE = "stratbox0"
NODE_NAME = "stratbox-node"
NODE_ADDRESS = "10.231.255.1"
POD_NETWORK = "10.231.0.0/20"
POD_GATEWAY = "10.231.0.1"
SERVICE_NETWORK = "10.232.0.0/20"
SERVICE_ADDRESS = "10.232.0.1"
API_PORT = 6443
API_URL = f"https://{NODE_ADDRESS}:{API_PORT}"
NFT_TABLE = "stratbox_cluster"

PAUSE_IMAGE = "localhost/stratbox/pause:1"
SECOND_HANDLER = "runc-alt"


def recorded_bin_dir() -> pathlib.Path:
    """The binaries that the running cluster uses."""
    return pathlib.Path(os.readlink(BIN_LINK))


def clean_environment(bin_dir: pathlib.Path) -> dict:
    """What the daemons see: no proxy settings, no Go knobs, our binaries first."""
    return {
        "HOME": os.path.expanduser("~"),
        "LANG": "C.UTF-8",
        "PATH": f"{bin_dir}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }
