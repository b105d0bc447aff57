"""A private docker-registry on loopback, with the ways a real one asks for trust and credentials."""

import base64
import crypt
import http.server
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

from . import packages, processes

USER, PASSWORD = "ci", "correct horse"
IDENTITY_TOKEN = "identity-4fd1c6/+="  # what a login gives out instead of the password


class Registry:
    """Use as a context manager. auth: "" | "htpasswd" | "token" (credentials are USER, PASSWORD); tls: certificate by
    the authority in `ca`; cache: with the in-memory descriptor cache of the packaged configuration;
    upstream: the URL of a registry that this one pulls through from. `name` is what an
    image reference starts with."""

    def __init__(self, auth: str = "", tls: bool = False, address: str = "127.0.0.1", cache: bool = False,
                 upstream: str = ""):
        self.auth, self.tls, self.address, self.cache = auth, tls, address, cache
        self.upstream = upstream
        self.tree = packages.registry_tree()
        self.folder = processes.scratch_folder("nodeproof-registry-")
        self.storage = self.folder / "storage"
        self.ca = self.folder / "ca.pem"
        self.log = self.folder / "log"
        self.port = processes.free_port(address)
        self.process = None
        self.tokens = None

    @property
    def name(self) -> str:
        return f"{self.address}:{self.port}"

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.name}"

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self) -> None:
        if not (self.folder / "config.yml").exists():
            self._write_config()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.tree / "usr/bin/docker-registry", "serve", self.folder / "config.yml"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
            )
        try:
            processes.wait_until(self._answers, "docker-registry", self.process)
        except Exception as error:
            raise RuntimeError(f"{error}; its log ends:\n{self.log.read_text()[-2000:]}") from error

    def stop(self) -> None:
        processes.stop(self.process)

    def close(self) -> None:
        if self.process is not None:
            processes.stop(self.process)
        if self.tokens is not None:
            self.tokens.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def restart(self) -> None:
        self.stop()
        self.start()

    def collect_garbage(self) -> None:
        """As an operator would, beside the running registry: what no tag names goes."""
        subprocess.run([self.tree / "usr/bin/docker-registry", "garbage-collect", "--delete-untagged",
                        self.folder / "config.yml"], check=True, capture_output=True, cwd=self.folder)

    def blob(self, digest: str) -> Path:
        """The file of a blob or manifest."""
        algorithm, value = digest.split(":")
        return self.storage / "docker/registry/v2/blobs" / algorithm / value[:2] / value / "data"

    def tag_link(self, repository: str, tag: str) -> Path:
        return self.storage / "docker/registry/v2/repositories" / repository / "_manifests/tags" / tag / "current/link"

    def requests(self) -> list[tuple[str, str, int]]:
        """What was asked so far: (method, path, status)."""
        line = re.compile(r'"([A-Z]+) (\S+) HTTP/[0-9.]+" (\d{3}) ')
        found = line.findall(self.log.read_text(encoding="utf-8", errors="replace"))
        return [(method, path, int(status)) for method, path, status in found]

    def bytes_sent(self, digest: str) -> int:
        """Of a blob, over all answers so far, as the access log counts them."""
        line = re.compile(r'"GET \S+/blobs/' + digest + r' HTTP/[0-9.]+" 20[06] (\d+) ')
        return sum(map(int, line.findall(self.log.read_text(encoding="utf-8", errors="replace"))))

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((self.address, self.port)) == 0

    def _write_config(self) -> None:
        http_section = {"addr": f"{self.address}:{self.port}", "secret": "rig"}
        if self.tls:
            make_certificates(self.folder, self.address)
            http_section["tls"] = {"certificate": str(self.folder / "server.pem"), "key": str(self.folder / "server.key")}
        config = {
            "version": "0.1",
            "log": {"level": "warn"},
            "storage": {
                "filesystem": {"rootdirectory": str(self.storage)},
                "delete": {"enabled": True},
                "maintenance": {"uploadpurging": {"enabled": False}},
            },
            "http": http_section,
        }
        if self.upstream:
            config["proxy"] = {"remoteurl": self.upstream}
        if self.cache:
            config["storage"]["cache"] = {"blobdescriptor": "inmemory"}
        if self.auth == "htpasswd":
            hashed = crypt.crypt(PASSWORD, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=1 << 5))
            (self.folder / "htpasswd").write_text(f"{USER}:{hashed}\n", encoding="utf-8")
            config["auth"] = {"htpasswd": {"realm": "rig", "path": str(self.folder / "htpasswd")}}
        elif self.auth == "token":
            self.tokens = TokenServer(self.folder, self.address, self.tls)
            config["auth"] = {
                "token": {
                    "realm": self.tokens.url, "service": "rig", "issuer": "rig-tokens",
                    "rootcertbundle": str(self.folder / "tokens.pem"),
                }
            }
        # JSON is YAML.
        (self.folder / "config.yml").write_text(json.dumps(config), encoding="utf-8")


def openssl(*arguments, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *arguments], input=data, check=True, capture_output=True).stdout


def make_certificates(folder: Path, address: str) -> None:
    """ca.pem, and server.pem + server.key signed by it for `address` and localhost."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", folder / "ca.key", "-out", folder / "ca.pem", "-days", "30",
            "-subj", "/CN=nodeproof rig authority", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", *key, "-keyout", folder / "server.key", "-out", folder / "server.csr", "-subj", "/CN=localhost")
    (folder / "server.ext").write_text(f"subjectAltName=DNS:localhost,IP:{address}\n", encoding="utf-8")
    openssl("x509", "-req", "-in", folder / "server.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
            "-CAcreateserial", "-days", "30", "-extfile", folder / "server.ext", "-out", folder / "server.pem")


class TokenServer:
    """The token endpoint of a registry: Basic credentials or, by POST, an identity token in, a signed bearer token
    out. Without credentials it grants pulls below public/ only. Each POST replaces the identity token."""

    def __init__(self, folder: Path, address: str, tls: bool):
        self.folder = folder
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "tokens.key",
                "-out", folder / "tokens.pem", "-days", "30", "-subj", "/CN=rig-tokens")
        der = openssl("x509", "-in", folder / "tokens.pem", "-outform", "DER")
        self.chain = [base64.b64encode(der).decode()]
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                owner.answer(self)

            def do_POST(self):
                owner.exchange(self)

            def log_message(self, *_):
                pass

        self.asked: list[str] = []
        self.exchanged: list[dict] = []  # the forms that came by POST
        self.identity_token = IDENTITY_TOKEN
        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        if tls:  # a password goes over nothing less than the registry itself speaks
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(folder / "server.pem", folder / "server.key")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://{address}:{self.server.server_port}/token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.path).query)
        self.asked.append(request.path)
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        given = request.headers.get("Authorization")
        if given is not None and given != expected:
            return self._reply(request, 401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong credentials"}]})
        access = self._access(" ".join(query.get("scope", [])), trusted=given is not None)
        self._reply(request, 200, {"token": self._token(access), "expires_in": 300})

    def exchange(self, request) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", "0"))).decode()
        form = {name: values[0] for name, values in urllib.parse.parse_qs(body).items()}
        self.exchanged.append(form)
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.identity_token:
            return self._reply(request, 400, {"error": "invalid_grant"})
        self.identity_token = f"{IDENTITY_TOKEN}{len(self.exchanged)}"
        access = self._access(form.get("scope", ""), trusted=True)
        self._reply(request, 200, {"access_token": self._token(access), "expires_in": 300,
                                   "refresh_token": self.identity_token})

    @staticmethod
    def _access(scopes: str, trusted: bool) -> list:
        access = []
        for scope in scopes.split():
            kind, name, actions = scope.split(":", 2)
            if trusted or name.startswith("public/"):
                access.append({"type": kind, "name": name, "actions": actions.split(",") if trusted else ["pull"]})
        return access

    def _token(self, access: list) -> str:
        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "x5c": self.chain}
        claims = {"iss": "rig-tokens", "sub": USER, "aud": "rig", "exp": now + 300, "nbf": now - 10, "iat": now,
                  "jti": str(time.monotonic_ns()), "access": access}
        text = b".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        signature = openssl("dgst", "-sha256", "-sign", self.folder / "tokens.key", data=text)
        return (text + b"." + _base64url(signature)).decode()

    @staticmethod
    def _reply(request, status: int, body: dict) -> None:
        data = json.dumps(body).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
