"""The cluster's certificates, made with openssl.

Every one is X.509 v3 with an extended key usage: rustls, which our operator uses, refuses anything older.
"""
import base64
import hashlib
import subprocess

from report import ClusterError, say
from settings import API_URL, KUBECONFIG, NODE_ADDRESS, NODE_NAME, PKI, SERVICE_ADDRESS

API_NAMES = (
    f"IP:{SERVICE_ADDRESS},IP:{NODE_ADDRESS},DNS:kubernetes,DNS:kubernetes.default,"
    "DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
)
NODE_NAMES = f"IP:{NODE_ADDRESS},DNS:{NODE_NAME},DNS:localhost"

# name -> (organisation, common name, key usages, subject alternative names)
CERTIFICATES = {
    "apiserver": ("", "kube-apiserver", "serverAuth", API_NAMES),
    "node": ("", NODE_NAME, "serverAuth,clientAuth", NODE_NAMES),
    "etcd-client": ("", "kube-apiserver-etcd-client", "clientAuth", ""),
    "kubelet-client": ("system:masters", "kube-apiserver-kubelet-client", "clientAuth", ""),
    "admin": ("system:masters", "stratbox-admin", "clientAuth", ""),
    "kubelet": ("system:nodes", f"system:node:{NODE_NAME}", "clientAuth", ""),
    "controller-manager": ("", "system:kube-controller-manager", "clientAuth", ""),
    "scheduler": ("", "system:kube-scheduler", "clientAuth", ""),
    "proxy": ("", "system:kube-proxy", "clientAuth", ""),
}
DAYS = "3650"


def openssl(*words: str) -> None:
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"openssl {words[0]} failed: {done.stderr.strip()}")


def write_request(name: str, extensions: list) -> str:
    """The openssl configuration of one certificate; returns its path."""
    path = PKI / f"{name}.cnf"
    path.write_text("\n".join(["[req]", "distinguished_name = subject", "x509_extensions = extensions",
                               "[subject]", "[extensions]", "subjectKeyIdentifier = hash", *extensions, ""]))
    return str(path)


def issue(name: str, subject: str, extensions: list, signed_by: list) -> None:
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256",
            "-days", DAYS, "-subj", subject, "-config", write_request(name, extensions),
            "-keyout", str(PKI / f"{name}.key"), "-out", str(PKI / f"{name}.crt"), *signed_by)


def make_certificates() -> None:
    """Makes authority, certificates and the service account key, unless they are there for the same names."""
    wanted = hashlib.sha256(repr((CERTIFICATES, DAYS)).encode()).hexdigest()
    done = PKI / ".complete"
    if done.exists() and done.read_text() == wanted:
        return
    say("making certificates")
    PKI.mkdir(parents=True, exist_ok=True)
    PKI.chmod(0o700)
    issue("ca", "/CN=stratbox-test-cluster", ["basicConstraints = critical,CA:TRUE",
                                              "keyUsage = critical,keyCertSign,cRLSign,digitalSignature"], [])
    for name, (organisation, common_name, usages, names) in CERTIFICATES.items():
        subject = (f"/O={organisation}" if organisation else "") + f"/CN={common_name}"
        extensions = ["basicConstraints = critical,CA:FALSE", "keyUsage = critical,digitalSignature",
                      f"extendedKeyUsage = {usages}", "authorityKeyIdentifier = keyid"]
        if names:
            extensions.append(f"subjectAltName = {names}")
        issue(name, subject, extensions, ["-CA", str(PKI / "ca.crt"), "-CAkey", str(PKI / "ca.key")])
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-out", str(PKI / "service-account.key"))
    openssl("pkey", "-in", str(PKI / "service-account.key"), "-pubout", "-out", str(PKI / "service-account.pub"))
    done.write_text(wanted)


def encoded(name: str) -> str:
    return base64.b64encode((PKI / name).read_bytes()).decode()


def kubeconfig_text(user: str) -> str:
    """A kubeconfig that holds everything it needs."""
    return f"""apiVersion: v1
kind: Config
clusters:
- name: stratbox-test
  cluster:
    server: {API_URL}
    certificate-authority-data: {encoded("ca.crt")}
users:
- name: {user}
  user:
    client-certificate-data: {encoded(user + ".crt")}
    client-key-data: {encoded(user + ".key")}
contexts:
- name: stratbox-test
  context: {{cluster: stratbox-test, user: {user}}}
current-context: stratbox-test
"""


def write_admin_kubeconfig() -> None:
    """The file that tests use: rights of cluster-admin, readable by the owner alone."""
    KUBECONFIG.touch(mode=0o600)
    KUBECONFIG.write_text(kubeconfig_text("admin"))
