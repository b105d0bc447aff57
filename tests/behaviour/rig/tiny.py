"""One image behind a server of the test's own: for TLS, names and proxies, where only the way there matters."""

import hashlib
import http.server
import json
import socket
import ssl
import threading

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def _described(data: bytes, media_type: str) -> dict:
    return {"mediaType": media_type, "digest": "sha256:" + hashlib.sha256(data).hexdigest(), "size": len(data)}


class TinyRegistry:
    """Serves app:1 at `address`; use as a context manager. `context` makes it speak TLS."""

    def __init__(self, address: str = "127.0.0.1", context: ssl.SSLContext | None = None):
        config, layer = b'{"architecture":"amd64","os":"linux"}', bytes(range(256)) * 64
        manifest = json.dumps({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": _described(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [_described(layer, "application/vnd.oci.image.layer.v1.tar")],
        }).encode()
        documents = {"/v2/app/manifests/1": (manifest, MANIFEST)}
        for blob in (config, layer):
            documents["/v2/app/blobs/sha256:" + hashlib.sha256(blob).hexdigest()] = (blob, "application/octet-stream")
        self.digest = "sha256:" + hashlib.sha256(manifest).hexdigest()
        self.hosts: list[str] = []  # the Host header of each request
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                owner.hosts.append(self.headers["Host"])
                data, media_type = documents.get(self.path, (b"", ""))
                status, begin = (200 if media_type else 404), 0
                if wanted := self.headers.get("Range"):
                    status, begin = 206, int(wanted.removeprefix("bytes=").removesuffix("-"))
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(data) - begin))
                if wanted:
                    self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
                self.end_headers()
                self.wfile.write(data[begin:])

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
            daemon_threads = True

            def finish_request(self, request, client):
                if context is None:
                    return super().finish_request(request, client)
                with context.wrap_socket(request, server_side=True) as secured:
                    super().finish_request(secured, client)

            def handle_error(self, *_):
                pass  # clients that do not like the certificate go away

        self.server = Server((address, 0), Handler)
        self.port = self.server.server_port
        self.name = f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
