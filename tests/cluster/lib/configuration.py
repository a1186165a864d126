"""The configuration files of the cluster's parts, as text."""
import json
import pathlib

from certificates import kubeconfig_text
from settings import (
    BRIDGE,
    CNI_ADDRESSES,
    CONFIG,
    CONTAINERD_SOCKET,
    CONTAINERD_STATE,
    DATA,
    KUBELET,
    NODE_ADDRESS,
    NODE_NAME,
    PAUSE_IMAGE,
    PKI,
    POD_GATEWAY,
    POD_LOGS,
    POD_NETWORK,
    RUNC_ALT_ROOT,
    RUNC_ROOT,
    SECOND_HANDLER,
    SHIM_SOCKETS,
)

AUDIT_POLICY = """apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
"""


def containerd_text(bin_dir: pathlib.Path) -> str:
    """Two handlers, the same runc: the second is there so that a RuntimeClass has something to choose.

    restrict_oom_score_adj: build machines often lack CAP_SYS_RESOURCE, without which runc could not start a pod.
    """
    return f"""version = 3
root = '{DATA}/containerd'
state = '{CONTAINERD_STATE}'
disabled_plugins = [
  'io.containerd.nri.v1.nri', 'io.containerd.internal.v1.opt', 'io.containerd.internal.v1.tracing',
  'io.containerd.tracing.processor.v1.otlp', 'io.containerd.snapshotter.v1.blockfile',
  'io.containerd.snapshotter.v1.btrfs', 'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.zfs', 'io.containerd.snapshotter.v1.erofs',
]

[grpc]
address = '{CONTAINERD_SOCKET}'

[plugins.'io.containerd.shim.v1.manager']
socket_dir = '{SHIM_SOCKETS}'

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '{PAUSE_IMAGE}'

[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
enable_unprivileged_ports = true
enable_unprivileged_icmp = false
tolerate_missing_hugetlb_controller = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ['{(bin_dir / 'cni' / 'bridge').resolve().parent}']
conf_dir = '{CONFIG}/cni'
use_internal_loopback = true

[plugins.'io.containerd.cri.v1.runtime'.containerd]
default_runtime_name = 'runc'
{handler_text("runc", bin_dir, RUNC_ROOT)}{handler_text(SECOND_HANDLER, bin_dir, RUNC_ALT_ROOT)}"""


def handler_text(name: str, bin_dir: pathlib.Path, root: pathlib.Path) -> str:
    section = f"plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{name}"
    return f"""
[{section}]
runtime_type = 'io.containerd.runc.v2'

[{section}.options]
BinaryName = '{(bin_dir / 'runc').resolve()}'
Root = '{root}'
SystemdCgroup = false
"""


def cni_text() -> str:
    """One bridge for all pods. No masquerading: the fence (host.py) lets nothing out anyway. No port mapping: nobody asks."""
    return json.dumps({
        "cniVersion": "1.0.0",
        "name": "stratbox",
        "plugins": [
            {
                "type": "bridge", "bridge": BRIDGE, "isGateway": True, "hairpinMode": True,
                "ipam": {
                    "type": "host-local", "dataDir": str(CNI_ADDRESSES),
                    "ranges": [[{"subnet": POD_NETWORK, "gateway": POD_GATEWAY}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
        ],
    }, indent=2)


def kubelet_text() -> str:
    """A kubelet that minds pods and nothing else: no image or disk clean-up in the middle of a test.

    podPidsLimit: Stratbox has no other bound on a sandbox's processes, as a pod has no such field.
    """
    endpoint = f"unix://{CONTAINERD_SOCKET}"
    return f"""apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: {NODE_ADDRESS}
healthzBindAddress: {NODE_ADDRESS}
healthzPort: 10248
readOnlyPort: 0
authentication: {{anonymous: {{enabled: false}}, webhook: {{enabled: true}}, x509: {{clientCAFile: {PKI}/ca.crt}}}}
authorization: {{mode: Webhook}}
tlsCertFile: {PKI}/node.crt
tlsPrivateKeyFile: {PKI}/node.key
containerRuntimeEndpoint: {endpoint}
imageServiceEndpoint: {endpoint}
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
makeIPTablesUtilChains: false
oomScoreAdj: 0
maxPods: 250
podPidsLimit: {POD_PIDS_LIMIT}
serializeImagePulls: false
registryPullQPS: 0
kubeAPIQPS: 200
kubeAPIBurst: 400
imageGCHighThresholdPercent: 100
evictionHard: {{memory.available: 100Mi, nodefs.available: 1Gi, imagefs.available: 1Gi, nodefs.inodesFree: 1%}}
resolvConf: {CONFIG}/resolv.conf
podLogsDir: {POD_LOGS}
volumePluginDir: {KUBELET}/volume-plugins
staticPodPath: ""
"""


POD_PIDS_LIMIT = 64

SCHEDULER = """apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection: {leaderElect: false}
clientConnection: {kubeconfig: %s, qps: 200, burst: 400}
"""


def proxy_text() -> str:
    """masqueradeAll: pods share one bridge, so an answer between two of them must come back through the node."""
    return f"""apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
nftables: {{masqueradeAll: true, minSyncPeriod: 100ms}}
clientConnection: {{kubeconfig: {CONFIG}/proxy.kubeconfig}}
clusterCIDR: {POD_NETWORK}
hostnameOverride: {NODE_NAME}
bindAddress: {NODE_ADDRESS}
healthzBindAddress: {NODE_ADDRESS}:10256
metricsBindAddress: {NODE_ADDRESS}:10249
oomScoreAdj: 0
conntrack: {{maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}}
"""


def write_configuration(bin_dir: pathlib.Path) -> None:
    """Writes the files whose text changed, and only those: kube-proxy ends when its file is written to.

    A daemon whose file changed is restarted, as its fingerprint does change.
    """
    files = {
        "audit-policy.yaml": AUDIT_POLICY,
        "containerd.toml": containerd_text(bin_dir),
        "cni/10-stratbox.conflist": cni_text(),
        "kubelet.yaml": kubelet_text(),
        "resolv.conf": "",
        "scheduler.yaml": SCHEDULER % f"{CONFIG}/scheduler.kubeconfig",
        "proxy.yaml": proxy_text(),
    }
    for user in ("kubelet", "controller-manager", "scheduler", "proxy"):
        files[f"{user}.kubeconfig"] = kubeconfig_text(user)
    for name, text in files.items():
        path = CONFIG / name
        if path.exists() and path.read_text() == text:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
