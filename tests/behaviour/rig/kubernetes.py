"""A Kubernetes API server with its etcd on loopback: RBAC, the node authorizer and NodeRestriction as in a cluster, no kubelets
and no controllers."""

import base64
import http.client
import json
import re
import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import apiserver_build, processes

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
AUDIT = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [{"level": "Metadata"}]}
PATCHES = {"strategic": "application/strategic-merge-patch+json", "merge": "application/merge-patch+json",
           "json": "application/json-patch+json"}


@dataclass
class Answer:
    status: int
    body: dict


class Cluster:
    """Use as a context manager. `admin` may do everything."""

    def __init__(self):
        self.program = apiserver_build.apiserver() / "kube-apiserver"
        self.etcd = apiserver_build.etcd() / "usr/bin/etcd"
        self.folder = processes.scratch_folder("nodeproof-cluster-")
        self.port, self.etcd_port, self.peer_port = (processes.free_port() for _ in range(3))
        self.server = f"https://127.0.0.1:{self.port}"
        self.audit = self.folder / "audit.log"
        self.running = []

    def __enter__(self):
        try:
            self._make_authority()
            self._start_etcd()
            self._start_apiserver()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            processes.stop(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- as an administrator ---

    def ask(self, method: str, path: str, body=None, kind: str = "", token: str = "") -> Answer:
        """As `admin`, or as whom the token is of. A body that is text goes as YAML."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        who = {"Authorization": f"Bearer {token}"} if token else {}
        if not token:
            context.load_cert_chain(self.folder / "admin.pem", self.folder / "admin.key")
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)
        try:
            sort = PATCHES.get(kind) or ("application/yaml" if isinstance(body, str) else "application/json")
            data = body if isinstance(body, str) or body is None else json.dumps(body)
            connection.request(method, path, data.encode() if data else None, {"Content-Type": sort, "Accept": "application/json", **who})
            answer = connection.getresponse()
            text = answer.read()
            return Answer(answer.status, json.loads(text) if text.startswith(b"{") else {"text": text.decode()})
        finally:
            connection.close()

    def done(self, method: str, path: str, body=None, kind: str = "") -> dict:
        answer = self.ask(method, path, body, kind)
        if answer.status >= 300:
            raise AssertionError(f"{method} {path}: {answer.status} {answer.body}")
        return answer.body

    def make_node(self, name: str, taints=(), labels: dict | None = None) -> dict:
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels or {}}, "spec": {"taints": list(taints)}}
        return self.done("POST", "/api/v1/nodes", node)

    def node(self, name: str) -> dict:
        return self.done("GET", f"/api/v1/nodes/{name}")

    def events(self, name: str) -> list[dict]:
        found = self.done("GET", f"/api/v1/namespaces/default/events?fieldSelector=involvedObject.name={name}")
        return sorted(found["items"], key=lambda event: event["metadata"]["name"])

    def apply(self, text: str) -> list[dict]:
        """Creates every object of a manifest that is not there yet; what the API server made of them."""
        return [self._create(*each) for each in self.documents(text)]

    def _create(self, collection: str, document: str) -> dict:
        answer = self.ask("POST", collection, document)
        if answer.status == 409:
            return self.done("GET", f"{collection}/{answer.body['details']['name']}")
        if answer.status >= 300:
            raise AssertionError(f"{collection}: {answer.status} {answer.body}")
        return answer.body

    @staticmethod
    def documents(text: str) -> list[tuple[str, str]]:
        """(collection, document) of every YAML document."""
        parts = [part for part in re.split(r"^---\s*$", text, flags=re.M) if re.search(r"^kind:", part, flags=re.M)]
        return [(_collection(part), part) for part in parts]

    # --- who there is ---

    def credential(self, name: str, subject: str) -> None:
        """NAME.pem and NAME.key for a client certificate: "/O=system:nodes/CN=system:node:pi-17"."""
        _openssl(self.folder, "req", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
        (self.folder / f"{name}.ext").write_text("extendedKeyUsage=clientAuth\n", encoding="utf-8")
        self._sign(name)

    def kubelet(self, node: str) -> Path:
        """The kubeconfig of a node's kubelet, in kubeadm's shape: certificate and key in one file."""
        self.credential(f"kubelet-{node}", f"/O=system:nodes/CN=system:node:{node}")
        pem = self.folder / f"kubelet-{node}-current.pem"
        pem.write_text("".join((self.folder / f"kubelet-{node}{end}").read_text() for end in (".pem", ".key")), encoding="utf-8")
        return self.kubeconfig(f"kubelet-{node}", {"client-certificate": str(pem), "client-key": str(pem)})

    def account(self, namespace: str, name: str) -> str:
        """A token of a service account, as a pod's kubelet asks for it."""
        spec = {"audiences": ["https://kubernetes.default.svc"], "expirationSeconds": 3600}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        return self.done("POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec})["status"]["token"]

    def kubeconfig(self, name: str, user: dict) -> Path:
        ca = base64.b64encode((self.folder / "ca.pem").read_bytes()).decode()
        lines = ["apiVersion: v1", "kind: Config", "current-context: here", "preferences: {}",
                 "clusters:", "- name: local", "  cluster:", f"    server: {self.server}", f"    certificate-authority-data: {ca}",
                 "contexts:", "- name: here", "  context:", "    cluster: local", "    user: me",
                 "users:", "- name: me", "  user:", *(f"    {key}: {value}" for key, value in user.items())]
        path = self.folder / f"{name}.kubeconfig"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        path.chmod(0o600)
        return path

    def audited(self, user: str) -> list[tuple[str, str, int]]:
        """What a user has asked so far: (verb, resource, status)."""
        found = []
        for line in self.audit.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            if entry["user"].get("username") == user:
                about = entry.get("objectRef", {})
                resource = "/".join(filter(None, (about.get("resource"), about.get("subresource"))))
                found.append((entry["verb"], resource, entry["responseStatus"]["code"]))
        return found

    # --- the servers ---

    def _make_authority(self) -> None:
        make_authority(self.folder, "ca")
        _openssl(self.folder, "req", *KEY, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=kube-apiserver")
        (self.folder / "server.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n", encoding="utf-8")
        self._sign("server")
        _openssl(self.folder, "genrsa", "-out", "accounts.key", "2048")
        self.credential("admin", "/O=system:masters/CN=admin")

    def _sign(self, name: str) -> None:
        _openssl(self.folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30",
                 "-extfile", f"{name}.ext", "-out", f"{name}.pem")

    def _start(self, name: str, *command) -> subprocess.Popen:
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        self.running.append(process)
        return process

    def _start_etcd(self) -> None:
        client, peer = (f"http://127.0.0.1:{port}" for port in (self.etcd_port, self.peer_port))
        self._start("etcd", self.etcd, "--data-dir", self.folder / "etcd", "--listen-client-urls", client, "--advertise-client-urls", client,
                    "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}")

    def _start_apiserver(self) -> None:
        (self.folder / "audit.json").write_text(json.dumps(AUDIT), encoding="utf-8")
        process = self._start(
            "apiserver", self.program, "--etcd-servers", f"http://127.0.0.1:{self.etcd_port}", "--bind-address", "127.0.0.1",
            "--secure-port", str(self.port), "--tls-cert-file", "server.pem", "--tls-private-key-file", "server.key", "--client-ca-file", "ca.pem",
            "--cert-dir", "certs", "--authorization-mode", "Node,RBAC", "--enable-admission-plugins", "NodeRestriction",
            "--disable-admission-plugins", "ServiceAccount", "--endpoint-reconciler-type", "none", "--service-cluster-ip-range", "10.43.0.0/16",
            "--service-account-key-file", "accounts.key", "--service-account-signing-key-file", "accounts.key",
            "--service-account-issuer", "https://kubernetes.default.svc", "--audit-policy-file", "audit.json", "--audit-log-path", self.audit)
        try:
            processes.wait_until(self._ready, "kube-apiserver", process, seconds=120)
        except Exception as error:
            log = (self.folder / "apiserver.log").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"{error}; its log ends:\n{log[-2000:]}") from error

    def _ready(self) -> bool:
        try:
            if self.ask("GET", "/readyz").status != 200:
                return False
            # RBAC's own roles and the namespace come a moment later.
            return self.ask("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node").status == 200 \
                and self.ask("GET", "/api/v1/namespaces/default").status == 200
        except (OSError, http.client.HTTPException):
            return False


def loaded(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


def make_authority(folder: Path, name: str) -> None:
    """NAME.pem and NAME.key"""
    _openssl(folder, "req", "-x509", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "30", "-subj", f"/CN=rig {name}",
             "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")


def _collection(document: str) -> str:
    """Where an object of this kind is created."""
    def word(pattern: str) -> str:
        found = re.search(pattern, document, flags=re.M)
        return found.group(1) if found else ""
    version, kind = word(r"^apiVersion:\s*(\S+)"), word(r"^kind:\s*(\S+)")
    namespace = word(r"^  namespace:\s*(\S+)")
    plural = kind.lower().removesuffix("y") + ("ies" if kind.endswith("y") else "s")
    prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{prefix}/namespaces/{namespace}/{plural}" if namespace else f"{prefix}/{plural}"


def _openssl(folder: Path, *arguments) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
