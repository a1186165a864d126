"""The seven daemons: command lines, what they depend on, how to see that they work."""
import dataclasses
import hashlib
import pathlib

from settings import (
    API_PORT,
    AUDIT_LOG,
    CONFIG,
    DATA,
    KUBELET,
    NODE_ADDRESS,
    NODE_NAME,
    PKI,
    SERVICE_NETWORK,
)


@dataclasses.dataclass(frozen=True)
class Component:
    """One daemon. `inputs` are the files whose change needs a restart; `health` is an HTTPS or HTTP address."""

    name: str
    argv: tuple
    inputs: tuple
    health: str = ""

    def fingerprint(self) -> str:
        """Changes when the command line (with the binary's versioned path) or an input does."""
        digest = hashlib.sha256(repr([str(word) for word in self.argv]).encode())
        for path in self.inputs:
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]


def certificate(name: str) -> tuple:
    return PKI / f"{name}.crt", PKI / f"{name}.key"


def program(bin_dir: pathlib.Path, name: str) -> pathlib.Path:
    """The file behind the link: its path changes with its own family only, not with every other."""
    return (bin_dir / name).resolve()


def etcd(bin_dir: pathlib.Path) -> Component:
    """--unsafe-no-fsync: the data lives as long as a test run."""
    client, peer = f"https://{NODE_ADDRESS}:2379", f"https://{NODE_ADDRESS}:2380"
    cert, key = certificate("node")
    ca = PKI / "ca.crt"
    return Component("etcd", (
        program(bin_dir, "etcd"), "--name=node", f"--data-dir={DATA}/etcd", "--unsafe-no-fsync", "--log-level=warn",
        f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=node={peer}",
        "--client-cert-auth", f"--trusted-ca-file={ca}", f"--cert-file={cert}", f"--key-file={key}",
        "--peer-client-cert-auth", f"--peer-trusted-ca-file={ca}", f"--peer-cert-file={cert}",
        f"--peer-key-file={key}",
    ), (cert,))


def apiserver(bin_dir: pathlib.Path) -> Component:
    """Bound to the node's address only. Its audit log is where tests count writes."""
    cert, key = certificate("apiserver")
    etcd_cert, etcd_key = certificate("etcd-client")
    kubelet_cert, kubelet_key = certificate("kubelet-client")
    ca = PKI / "ca.crt"
    return Component("kube-apiserver", (
        program(bin_dir, "kube-apiserver"), f"--bind-address={NODE_ADDRESS}", f"--advertise-address={NODE_ADDRESS}",
        f"--secure-port={API_PORT}", f"--tls-cert-file={cert}", f"--tls-private-key-file={key}",
        f"--etcd-servers=https://{NODE_ADDRESS}:2379", f"--etcd-cafile={ca}", f"--etcd-certfile={etcd_cert}",
        f"--etcd-keyfile={etcd_key}", f"--client-ca-file={ca}",
        f"--kubelet-certificate-authority={ca}", f"--kubelet-client-certificate={kubelet_cert}",
        f"--kubelet-client-key={kubelet_key}", "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={PKI}/service-account.pub",
        f"--service-account-signing-key-file={PKI}/service-account.key",
        f"--service-cluster-ip-range={SERVICE_NETWORK}", "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true", "--profiling=false",
        f"--audit-policy-file={CONFIG}/audit-policy.yaml", f"--audit-log-path={AUDIT_LOG}",
        "--audit-log-maxsize=100", "--audit-log-maxbackup=4",
    ), (cert, etcd_cert, kubelet_cert, PKI / "service-account.pub", CONFIG / "audit-policy.yaml"),
        f"https://{NODE_ADDRESS}:{API_PORT}/readyz")


def controller_manager(bin_dir: pathlib.Path) -> Component:
    """Generous API rates: the garbage collector must not be what a deletion test waits for."""
    cert, key = certificate("node")
    config = CONFIG / "controller-manager.kubeconfig"
    return Component("kube-controller-manager", (
        program(bin_dir, "kube-controller-manager"), f"--kubeconfig={config}", f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}", f"--bind-address={NODE_ADDRESS}", "--secure-port=10257",
        f"--tls-cert-file={cert}", f"--tls-private-key-file={key}", "--leader-elect=false",
        f"--root-ca-file={PKI}/ca.crt", f"--service-account-private-key-file={PKI}/service-account.key",
        f"--cluster-signing-cert-file={PKI}/ca.crt", f"--cluster-signing-key-file={PKI}/ca.key",
        "--use-service-account-credentials=true", "--kube-api-qps=300", "--kube-api-burst=600",
        "--concurrent-gc-syncs=20", f"--flex-volume-plugin-dir={DATA}/flexvolume", "--profiling=false",
    ), (config, cert, PKI / "service-account.pub"), f"https://{NODE_ADDRESS}:10257/healthz")


def scheduler(bin_dir: pathlib.Path) -> Component:
    cert, key = certificate("node")
    access = CONFIG / "scheduler.kubeconfig"
    return Component("kube-scheduler", (
        program(bin_dir, "kube-scheduler"), f"--config={CONFIG}/scheduler.yaml", f"--bind-address={NODE_ADDRESS}",
        "--secure-port=10259", f"--tls-cert-file={cert}", f"--tls-private-key-file={key}",
        f"--authentication-kubeconfig={access}", f"--authorization-kubeconfig={access}",
    ), (access, CONFIG / "scheduler.yaml", cert), f"https://{NODE_ADDRESS}:10259/healthz")


def containerd(bin_dir: pathlib.Path) -> Component:
    config = CONFIG / "containerd.toml"
    return Component("containerd", (program(bin_dir, "containerd"), f"--config={config}"),
                     (config, CONFIG / "cni" / "10-stratbox.conflist"))


def kubelet(bin_dir: pathlib.Path) -> Component:
    access = CONFIG / "kubelet.kubeconfig"
    return Component("kubelet", (
        program(bin_dir, "kubelet"), f"--config={CONFIG}/kubelet.yaml", f"--kubeconfig={access}",
        f"--root-dir={KUBELET}", f"--cert-dir={KUBELET}/pki", f"--hostname-override={NODE_NAME}",
        f"--node-ip={NODE_ADDRESS}",
    ), (CONFIG / "kubelet.yaml", access, PKI / "node.crt"), f"http://{NODE_ADDRESS}:10248/healthz")


def proxy(bin_dir: pathlib.Path) -> Component:
    return Component("kube-proxy", (program(bin_dir, "kube-proxy"), f"--config={CONFIG}/proxy.yaml"),
                     (CONFIG / "proxy.yaml", CONFIG / "proxy.kubeconfig"), f"http://{NODE_ADDRESS}:10256/livez")


def all_components(bin_dir: pathlib.Path) -> list:
    """In the order in which they start; they stop in the reverse."""
    return [make(bin_dir) for make in (etcd, containerd, apiserver, controller_manager, scheduler, kubelet, proxy)]


NAMES = ("etcd", "containerd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
