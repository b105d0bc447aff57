"""What stands between a node and a registry: a relay that remembers and spoils, and a forward proxy."""

import base64
import http.client
import http.server
import select
import socket
import ssl
import threading
import urllib.parse
from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    method: str
    path: str  # without the query
    query: str
    headers: dict[str, str]  # names in lower case
    status: int
    sent: int  # bytes of the body


class Relay:
    """A mirror of the registry `upstream` (host:port, plain HTTP); use as a context manager. `fault`: "" none · poison
    (one byte of a layer differs) · cut (half a layer, then the connection ends) · html · a status such as "404";
    `layers` are the digests that are spoiled. `prefix` is taken off a repository's path; `redirect`: blobs are sent on
    to that host."""

    def __init__(self, upstream: str, fault: str = "", layers=(), context: ssl.SSLContext | None = None,
                 prefix: str = "", redirect: str = ""):
        self.upstream, self.fault, self.layers = upstream, fault, set(layers)
        self.prefix, self.redirect = prefix, redirect
        self.asked: list[Asked] = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                owner.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that hangs up on a lie is right
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.name = f"127.0.0.1:{self.server.server_port}"
        self.url = f"{'https' if context else 'http'}://{self.name}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def paths(self, kind: str = "/") -> list[str]:
        return [asked.path for asked in self.asked if kind in asked.path]

    def answer(self, request) -> None:
        path, _, query = request.path.partition("?")
        status, headers, body = self._ask(request, path)
        sent = len(body)
        cut = self.fault == "cut" and path.rpartition("/")[2] in self.layers
        if cut:
            sent = min(sent, len(body) // 2)
        known = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.command, path, query, known, status, sent))
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body[:sent])
        if cut:
            request.close_connection = True

    def _ask(self, request, path: str) -> tuple[int, dict[str, str], bytes]:
        if self.fault == "html":
            page = b"<!DOCTYPE html><html><body>Please log in</body></html>"
            return 200, {"Content-Type": "text/html", "Content-Length": str(len(page))}, page
        if self.fault.isdigit():
            return int(self.fault), {"Content-Length": "0"}, b""
        if self.redirect and "/blobs/" in path:
            return 307, {"Location": f"http://{self.redirect}{path}", "Content-Length": "0"}, b""
        if self.prefix and not path.startswith(f"/v2/{self.prefix}"):
            return 404, {"Content-Length": "0"}, b""
        upstream = http.client.HTTPConnection(self.upstream, timeout=30)
        passed = {name: request.headers[name] for name in ("Accept", "Range") if name in request.headers}
        upstream.request(request.command, path.replace(self.prefix, "", 1), headers=passed)
        answer = upstream.getresponse()
        body = bytearray(answer.read())
        upstream.close()
        if self.fault == "poison" and path.rpartition("/")[2] in self.layers and body:
            body[len(body) // 2] ^= 1
        kept = ("Content-Type", "Content-Length", "Content-Range", "Docker-Content-Digest")
        return answer.status, {name: answer.headers[name] for name in kept if name in answer.headers}, bytes(body)


class ForwardProxy:
    """CONNECT and absolute URLs; use as a context manager. `places`: where "host:port" really is; `login` is demanded as
    Basic when it is given; `refuses` everybody."""

    def __init__(self, places: dict[str, str] | None = None, login: tuple[str, str] | None = None, refuses: bool = False):
        self.places, self.refuses = places or {}, refuses
        self.wanted = "Basic " + base64.b64encode(":".join(login).encode()).decode() if login else None
        self.targets: list[str] = []  # "CONNECT host:port", "GET http://host:port/..."
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_CONNECT(self):
                owner.connect(self)

            def do_GET(self):
                owner.get(self)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.name = f"127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def _let_in(self, request) -> bool:
        self.targets.append(f"{request.command} {request.path}")
        if self.refuses:
            status = 403
        elif self.wanted and request.headers.get("Proxy-Authorization") != self.wanted:
            status = 407
        else:
            return True
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return False

    def connect(self, request) -> None:
        if not self._let_in(request):
            return
        host, _, port = self.places.get(request.path, request.path).rpartition(":")
        with socket.create_connection((host, int(port))) as server:
            request.send_response(200)
            request.end_headers()
            ends = {request.connection: server, server: request.connection}
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    data = end.recv(65536)
                    if not data:
                        request.close_connection = True
                        return
                    ends[end].sendall(data)

    def get(self, request) -> None:
        if not self._let_in(request):
            return
        url = urllib.parse.urlsplit(request.path)
        upstream = http.client.HTTPConnection(self.places.get(url.netloc, url.netloc), timeout=30)
        upstream.request(request.command, request.path.split(url.netloc, 1)[1],
                         headers={"Accept": request.headers.get("Accept", "*/*")})
        answer = upstream.getresponse()
        body = answer.read()
        upstream.close()
        request.send_response(answer.status)
        for name in ("Content-Type", "Content-Length", "Docker-Content-Digest"):
            if name in answer.headers:
                request.send_header(name, answer.headers[name])
        request.end_headers()
        request.wfile.write(body)
