"""A server that says whatever a test wants, byte by byte, and remembers who came and what they brought."""

import http.server
import json
import ssl
import threading
from collections.abc import Callable


class HostileServer:
    """Use as a context manager. `answers` maps a path (or "*") to what writes the answer to the request's wfile."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0, context: ssl.SSLContext | None = None):
        self.answers: dict[str, Callable] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []  # path, headers with names in lower case
        self.connections = 0
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                owner.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                path = self.path.partition("?")[0]
                answer = owner.answers.get(path) or owner.answers.get("*") or (lambda request: send(request, 404))
                answer(self)

            do_HEAD = do_POST = do_GET

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self):
                connection = super().get_request()
                owner.connections += 1
                return connection

            def finish_request(self, request, client):
                if context is None:
                    return super().finish_request(request, client)
                with context.wrap_socket(request, server_side=True) as secured:
                    if secured.selected_alpn_protocol() == "h2":
                        return owner.speak_http2(secured)
                    super().finish_request(secured, client)

            def handle_error(self, *_):
                pass  # a client that hangs up on a lie is right

        self.server = Server((address, port), Handler)
        self.name = f"{address}:{self.server.server_port}"
        self.url = ("https://" if context else "http://") + self.name
        self.http2 = 0  # connections that spoke it

    def speak_http2(self, connection) -> None:
        """Greets, and goes away with an error (RFC 9113, sections 6.5 and 6.8)."""
        self.http2 += 1
        connection.recv(4096)
        settings = b"\0\0\0\x04\0\0\0\0\0"
        go_away = b"\0\0\x08\x07\0\0\0\0\0" + b"\0\0\0\0" + b"\0\0\0\x02"
        connection.sendall(settings + go_away)
        connection.recv(4096)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def brought(self, header: str) -> list[str]:
        return [headers[header] for _, headers in self.seen if header in headers]


def send(request, status: int, body: bytes = b"", **headers: str) -> None:
    """Header names with _ for -."""
    request.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)


def answer(status: int, body: bytes | dict = b"", **headers: str) -> Callable:
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    return lambda request: send(request, status, data, **headers)


def in_turn(*answers: Callable) -> Callable:
    """One after the other; the last one stays."""
    left = list(answers)
    return lambda request: (left.pop(0) if len(left) > 1 else left[0])(request)


def endless(status: int, piece: bytes, head: bytes = b"Content-Type: application/json\r\n\r\n") -> Callable:
    """Until the client hangs up; 1 GiB at most, so that a client that swallows it is found out."""
    def write(request):
        request.close_connection = True
        try:
            request.wfile.write(b"HTTP/1.1 %d Here\r\n" % status + head)
            for _ in range((1 << 30) // len(piece)):
                request.wfile.write(piece)
        except OSError:
            pass
    return write
