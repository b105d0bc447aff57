"""nginx before a registry, as operators put it there: TLS, client certificates, redirects, throttling, other manners."""

import shutil
import signal
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from . import packages, processes
from .authority import Certificate

CONFIG = """
daemon off;
worker_processes 1;
user root;
pid nginx.pid;
events {{ worker_connections 256; }}
http {{
  log_format rig '$server_port|$request_method|$request_uri|$status|$server_protocol|$http_authorization|$http_accept_encoding|$http_range';
  access_log access.log rig;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  client_max_body_size 0;
  {http}
  server {{
    listen 127.0.0.1:{port}{tls};
    {certificate}
    {server}
    location / {{
      proxy_pass http://{upstream};
      proxy_set_header Host $http_host;
      {location}
    }}
  }}
  {servers}
}}
"""


@dataclass(frozen=True)
class Request:
    port: int
    method: str
    path: str
    status: int
    protocol: str
    authorization: str
    accept_encoding: str
    range: str


class Front:
    """Use as a context manager. `upstream` is host:port; `http`, `server`, `location` and `servers` are lines of nginx's
    configuration for these blocks; with a certificate it speaks TLS and HTTP/2, `clients` is the CA of those it lets in."""

    def __init__(self, upstream: str, certificate: Certificate | None = None, clients: Path | None = None, **blocks: str):
        self.tree = packages.nginx_tree()
        self.folder = processes.scratch_folder("nodeproof-front-")
        self.port = processes.free_port()
        self.name = f"127.0.0.1:{self.port}"
        secure = f"ssl_certificate {certificate.file}; ssl_certificate_key {certificate.key};" if certificate else ""
        if clients:
            secure += f" ssl_client_certificate {clients}; ssl_verify_client on;"
        empty = dict.fromkeys(("http", "server", "location", "servers"), "")
        text = CONFIG.format(port=self.port, tls=" ssl http2" if certificate else "", certificate=secure, upstream=upstream,
                             **(empty | blocks))
        (self.folder / "nginx.conf").write_text(text, encoding="utf-8")
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.tree / "usr/sbin/nginx", "-p", self.folder, "-c", self.folder / "nginx.conf", "-e", self.folder / "error.log"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder)
        try:
            processes.wait_until(self._answers, "nginx", self.process)
        except Exception as error:
            log = (self.folder / "error.log").read_text(encoding="utf-8")
            self.__exit__()
            raise RuntimeError(f"{error}; its log ends:\n{log[-2000:]}") from error
        return self

    def __exit__(self, *_):
        processes.stop(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def finish(self) -> list[Request]:
        """Ends it and tells what was asked: only then has it written down everything."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(10)
        lines = (self.folder / "access.log").read_text(encoding="utf-8").splitlines()
        return [Request(int(port), method, path, int(status), *rest)
                for port, method, path, status, *rest in (line.split("|") for line in lines)]

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class CuttingRelay:
    """Passes connections on to host:port and hangs up the first `cuts` of them that carry more than `after` bytes of
    answers. Use as a context manager."""

    def __init__(self, upstream: str, after: int, cuts: int):
        host, _, port = upstream.rpartition(":")
        self.upstream, self.after, self.cuts = (host, int(port)), after, cuts
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.name = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.lock = threading.Lock()

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                break
            server = socket.create_connection(self.upstream)
            threading.Thread(target=self._copy, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._copy, args=(server, client, True), daemon=True).start()
        self.listener.close()

    def _cut(self) -> bool:
        with self.lock:
            self.cuts -= 1
            return self.cuts >= 0

    def _copy(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        left = self.after
        try:
            while data := source.recv(65536):
                if answers and left > 0 and len(data) >= left and self._cut():
                    target.sendall(data[:left])
                    break
                left -= len(data)
                target.sendall(data)
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        source.close()  # each of the two threads its own
