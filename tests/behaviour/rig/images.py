"""OCI images of the layers, and pushing them through a registry's HTTP API."""

import base64
import http.client
import json
import ssl
import urllib.parse
from dataclasses import dataclass, field

from .layers import Layer, sha256

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


@dataclass(frozen=True)
class Document:
    """An index, manifest or config: its exact bytes."""

    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        return sha256(self.data)

    def descriptor(self, **more) -> dict:
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data), **more}


@dataclass(frozen=True)
class Variant:
    """One platform's image. `platform` is what the index says; the config may say otherwise."""

    platform: dict
    manifest: Document
    config: Document
    layers: tuple[Layer, ...]
    annotations: dict = field(default_factory=dict)  # of its entry in the index


@dataclass
class Image:
    """What one tag names: an index over variants, or a single manifest."""

    top: Document
    variants: list[Variant] = field(default_factory=list)

    def variant(self, architecture: str) -> Variant:
        return next(v for v in self.variants if v.platform["architecture"] == architecture)


def platform(architecture: str) -> dict:
    found = {"architecture": architecture, "os": "linux"}
    return found | {"variant": "v8"} if architecture == "arm64" else found


def document(media_type: str, value: dict) -> Document:
    return Document(media_type, json.dumps(value, separators=(",", ":")).encode())


def variant(architecture: str, layers, run: dict, config_architecture: str = "") -> Variant:
    """`run` is the config's own "config" object: Entrypoint, Cmd, Env, User ..."""
    config = document(
        CONFIG,
        {
            **platform(config_architecture or architecture),
            "created": "2024-01-01T00:00:00Z",
            "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], **run},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        },
    )
    manifest = document(
        MANIFEST,
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(),
            "layers": [layer.descriptor() for layer in layers],
        },
    )
    return Variant(platform(architecture), manifest, config, tuple(layers))


def index(*variants: Variant) -> Image:
    entries = [v.manifest.descriptor(platform=v.platform, **({"annotations": v.annotations} if v.annotations else {}))
               for v in variants]
    top = document(INDEX, {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
    return Image(top, list(variants))


def single(only: Variant) -> Image:
    return Image(only.manifest, [only])


class Client:
    """As much of the distribution API as pushing and deleting needs."""

    def __init__(self, url: str, ca=None, credentials: tuple[str, str] | None = None):
        self.address = urllib.parse.urlsplit(url)
        self.context = ssl.create_default_context(cafile=ca) if self.address.scheme == "https" else None
        self.credentials = credentials
        self.authorization = {}
        if credentials:
            self.authorization = {"Authorization": "Basic " + _basic(credentials)}

    def push(self, repository: str, tag: str, image: Image) -> None:
        for part in image.variants:
            for layer in part.layers:
                self._blob(repository, layer.digest, layer.path.read_bytes)
            self._blob(repository, part.config.digest, lambda part=part: part.config.data)
            self._document(repository, part.manifest.digest, part.manifest)
        self._document(repository, tag, image.top)

    def delete(self, repository: str, digest: str) -> None:
        self._request("DELETE", f"/v2/{repository}/manifests/{digest}", repository, expect=(202,))

    def _document(self, repository: str, name: str, content: Document) -> None:
        headers = {"Content-Type": content.media_type}
        self._request("PUT", f"/v2/{repository}/manifests/{name}", repository, content.data, headers, (201,))

    def _blob(self, repository: str, digest: str, read) -> None:
        if self._request("HEAD", f"/v2/{repository}/blobs/{digest}", repository, expect=(200, 404))[0] == 200:
            return
        _, headers = self._request("POST", f"/v2/{repository}/blobs/uploads/", repository, b"", expect=(202,))
        place = urllib.parse.urlsplit(headers["Location"])
        path = f"{place.path}?{place.query}&digest={digest}" if place.query else f"{place.path}?digest={digest}"
        self._request("PUT", path, repository, read(), {"Content-Type": "application/octet-stream"}, (201,))

    def _request(self, method: str, path: str, repository: str, body=None, headers=None, expect=(200,)):
        status, found = self._once(method, path, body, headers or {})
        if status == 401 and self.credentials and "Bearer" in found.get("WWW-Authenticate", ""):
            self._fetch_token(found["WWW-Authenticate"], repository)
            status, found = self._once(method, path, body, headers or {})
        if status not in expect:
            raise RuntimeError(f"{method} {path}: {status}")
        return status, found

    def _once(self, method: str, path: str, body, headers: dict):
        connection = _connect(self.address, self.context)
        try:
            connection.request(method, path, body, headers | self.authorization)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.headers
        finally:
            connection.close()

    def _fetch_token(self, challenge: str, repository: str) -> None:
        fields = dict(part.split("=", 1) for part in challenge.removeprefix("Bearer ").split(",") if "=" in part)
        realm = urllib.parse.urlsplit(fields["realm"].strip('"'))
        query = urllib.parse.urlencode(
            {"service": fields["service"].strip('"'), "scope": f"repository:{repository}:pull,push,delete"}
        )
        connection = _connect(realm, self.context)
        try:
            connection.request("GET", f"{realm.path}?{query}", headers={"Authorization": "Basic " + _basic(self.credentials)})
            token = json.loads(connection.getresponse().read())["token"]
        finally:
            connection.close()
        self.authorization = {"Authorization": "Bearer " + token}


def _basic(credentials: tuple[str, str]) -> str:
    return base64.b64encode(":".join(credentials).encode()).decode()


def _connect(address, context):
    if address.scheme == "https":
        return http.client.HTTPSConnection(address.hostname, address.port, context=context, timeout=60)
    return http.client.HTTPConnection(address.hostname, address.port, timeout=60)
