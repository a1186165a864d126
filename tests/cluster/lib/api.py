"""The few questions that the scripts ask the cluster, over HTTPS with the admin's certificate."""
import datetime
import http.client
import json
import ssl
import urllib.request

from settings import API_URL, NODE_NAME, PKI


def open_url(url: str, timeout: float):
    context = None
    if url.startswith("https"):
        context = ssl.create_default_context(cafile=str(PKI / "ca.crt"))
        context.load_cert_chain(str(PKI / "admin.crt"), str(PKI / "admin.key"))
    handlers = [urllib.request.ProxyHandler({})]
    if context:
        handlers.append(urllib.request.HTTPSHandler(context=context))
    return urllib.request.build_opener(*handlers).open(url, timeout=timeout)


def answers(url: str, timeout: float = 2.0) -> bool:
    """Whether a health address says yes."""
    try:
        with open_url(url, timeout) as response:
            return response.status == 200
    except (OSError, http.client.HTTPException):  # URLError and HTTPError are OSErrors
        return False


def read_object(path: str, timeout: float = 5.0):
    """A Kubernetes object or list, or None if it is not there or nobody answers."""
    try:
        with open_url(API_URL + path, timeout) as response:
            return json.load(response)
    except (OSError, http.client.HTTPException):
        return None


def node_problem(since: int = 0) -> str:
    """Why the node is not Ready; empty if it is, and said so at or after `since` (seconds since 1970)."""
    node = read_object(f"/api/v1/nodes/{NODE_NAME}")
    if node is None:
        return "the node is not registered"
    for condition in node["status"].get("conditions", []):
        if condition["type"] == "Ready":
            beat = datetime.datetime.fromisoformat(condition["lastHeartbeatTime"].replace("Z", "+00:00"))
            if beat.timestamp() < since:
                return "the node has not reported since its kubelet was started"
            if condition["status"] == "True":
                return ""
            return condition.get("message", "not ready")
    return "the node has not reported yet"


def admits_pods() -> bool:
    """The default service account exists, so pods can be created."""
    return read_object("/api/v1/namespaces/default/serviceaccounts/default") is not None


def pods() -> list:
    """(namespace, name, phase) of all pods."""
    found = read_object("/api/v1/pods") or {"items": []}
    return [(pod["metadata"]["namespace"], pod["metadata"]["name"], pod["status"].get("phase", "?"))
            for pod in found["items"]]
