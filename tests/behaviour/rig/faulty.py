"""A registry that lies, in memory: it serves images over loopback, each repository with one fault of its own."""

import gzip
import http.server
import json
import re
import threading
from pathlib import Path

from . import images, layers

OVERSIZED = 9 << 20  # a manifest may have 4 MiB


class FaultyRegistry:
    """Use as a context manager; `serve(name, image, fault)` publishes name:1. Faults:
    "" none · html (a login page instead of JSON) · wrong-digest (the manifest's bytes are others) · wrong-config (the
    config's are) · wrong-layer (one byte of a layer differs) · truncated-layer (the connection ends early) ·
    short-layer (whole by HTTP, but shorter than its size) · oversized-manifest · error (500) · throttled (429) ·
    stalled (a layer that stops coming) · no-head (405 to HEAD) · no-digest (no Docker-Content-Digest) · limited:N (N of
    100 requests are left)."""

    def __init__(self, address: str = "127.0.0.1"):
        self.faults: dict[str, str] = {}
        self.documents: dict[tuple[str, str], images.Document] = {}
        self.blobs: dict[str, bytes | Path] = {}
        self.asked: list[tuple[str, str]] = []
        self.released = threading.Event()  # ends the stalled answers
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                owner.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that hangs up on a lie is right
        self.name = f"{address}:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def serve(self, name: str, image: images.Image, fault: str = "") -> str:
        """The image's reference."""
        self.faults[name] = fault
        self.documents[name, "1"] = self.documents[name, image.top.digest] = image.top
        for variant in image.variants:
            self.documents[name, variant.manifest.digest] = variant.manifest
            self.blobs[variant.config.digest] = variant.config.data
            for layer in variant.layers:
                self.blobs[layer.digest] = layer.path
        return f"{self.name}/{name}:1"

    def answer(self, request) -> None:
        self.asked.append((request.command, request.path))
        if request.path == "/v2/":
            return self._send(request, 200, b"{}")
        found = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", request.path)
        if not found or found[1] not in self.faults:
            return self._error(request, 404, "NAME_UNKNOWN")
        name, kind, what = found.groups()
        fault = self.faults[name]
        if fault == "html":
            return self._send(request, 200, b"<!DOCTYPE html><html><body>Please log in</body></html>", "text/html")
        if fault == "error":
            return self._error(request, 500, "UNKNOWN")
        if fault == "throttled":
            return self._error(request, 429, "TOOMANYREQUESTS", {"Retry-After": "1"})
        if kind == "manifests":
            return self._manifest(request, name, what, fault)
        self._blob(request, what, fault)

    def _manifest(self, request, name: str, what: str, fault: str) -> None:
        content = self.documents.get((name, what))
        if content is None:
            return self._error(request, 404, "MANIFEST_UNKNOWN")
        data = content.data
        if fault == "wrong-digest" and content.media_type == images.MANIFEST:
            data = data.replace(b'"schemaVersion":2', b'"schemaVersion": 2')
        if fault == "oversized-manifest" and what == "1":
            data = data + b" " * OVERSIZED
        if fault == "no-head" and request.command == "HEAD":
            return self._error(request, 405, "UNSUPPORTED")
        silent = fault in ("oversized-manifest", "no-digest")
        digest = {} if silent else {"Docker-Content-Digest": content.digest}
        if fault.startswith("limited:"):
            digest |= {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": f"{fault.split(':')[1]};w=21600"}
        self._send(request, 200, data, content.media_type, digest)

    def _blob(self, request, digest: str, fault: str) -> None:
        held = self.blobs.get(digest)
        if held is None:
            return self._error(request, 404, "BLOB_UNKNOWN")
        is_layer = isinstance(held, Path)
        data = held.read_bytes() if is_layer else held
        middle = len(data) // 2
        if (is_layer and fault == "wrong-layer") or (not is_layer and fault == "wrong-config"):
            data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]
        if is_layer and fault == "short-layer":
            data = data[:middle]
        if is_layer and fault in ("truncated-layer", "stalled"):
            return self._send_half(request, data, wait=fault == "stalled")
        self._send(request, 200, data, "application/octet-stream")

    def _send(self, request, status: int, data: bytes, kind: str = "application/json", more=None) -> None:
        request.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": str(len(data)), **(more or {})}
        for key, value in headers.items():
            request.send_header(key, value)
        request.end_headers()
        if request.command != "HEAD":
            try:
                request.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                request.close_connection = True

    def _send_half(self, request, data: bytes, wait: bool) -> None:
        """Promises all, gives the first half. Ranges are obeyed: a client that resumes at the middle gets nothing more."""
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        request.send_response(206 if asked else 200)
        request.send_header("Content-Length", str(len(data) - start))
        if asked:
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        request.end_headers()
        request.close_connection = True
        if request.command == "HEAD":
            return
        try:
            request.wfile.write(data[start : len(data) // 2])
            request.wfile.flush()
        except OSError:
            return
        if wait:
            self.released.wait()

    def _error(self, request, status: int, code: str, more=None) -> None:
        body = {"errors": [{"code": code, "message": code.lower().replace("_", " "), "detail": None}]}
        self._send(request, status, json.dumps(body).encode(), more=more)


def corrupt_tar(architecture: str) -> images.Image:
    """Right digests everywhere, but the header of the layer's second member is noise."""
    good = layers.from_files(layers.File("app", b"x" * 4096), layers.File("other", b"y" * 4096))
    tar = bytearray(gzip.decompress(good.path.read_bytes()))
    second = 512 + 4096
    tar[second : second + 512] = b"\xff" * 512
    broken = layers.from_tar(bytes(tar))
    return images.index(images.variant(architecture, [broken], {"Entrypoint": ["/app"]}))
