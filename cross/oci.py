"""An OCI image layout (image-spec 1.1) with one layer per architecture, as one uncompressed tar."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timezone

from stage import File, Tree, tar_of, zipped

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(frozen=True)
class Variant:
    arch: str
    files: Tree  # below "/"


@dataclass(frozen=True)
class Image:
    name: str     # "localhost/nodeproof:0.1.0"
    version: str
    commit: str
    epoch: int
    variants: tuple[Variant, ...]


def blob(tree: Tree, data: bytes, media_type: str) -> dict:
    """Adds it to the layout; gives its descriptor."""
    digest = hashlib.sha256(data).hexdigest()
    tree[f"blobs/sha256/{digest}"] = File(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}


def as_json(document: dict) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def annotations(image: Image) -> dict:
    return {"org.opencontainers.image.title": "nodeproof", "org.opencontainers.image.version": image.version,
            "org.opencontainers.image.revision": image.commit, "org.opencontainers.image.licenses": "Apache-2.0"}


def add_variant(tree: Tree, image: Image, variant: Variant) -> dict:
    layer = tar_of(variant.files, image.epoch)
    platform = {"architecture": variant.arch, "os": "linux", **({"variant": "v8"} if variant.arch == "arm64" else {})}
    created = datetime.fromtimestamp(image.epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    config = {**platform, "created": created,
              "config": {"Entrypoint": ["/usr/bin/nodeproof"], "Cmd": ["daemon"], "Labels": annotations(image)},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
              "history": [{"created": created, "created_by": "cross/package --image"}]}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                "config": blob(tree, as_json(config), "application/vnd.oci.image.config.v1+json"),
                "layers": [blob(tree, zipped(layer).data, "application/vnd.oci.image.layer.v1.tar+gzip")],
                "annotations": annotations(image)}
    return {**blob(tree, as_json(manifest), MANIFEST), "platform": platform}


def layout(image: Image) -> bytes:
    tree: Tree = {"oci-layout": File(b'{"imageLayoutVersion":"1.0.0"}')}
    entries = [add_variant(tree, image, variant) for variant in image.variants]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries, "annotations": annotations(image)}
    named = {**blob(tree, as_json(index), INDEX),
             "annotations": {"io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": image.name.rpartition(":")[2]}}
    tree["index.json"] = File(as_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [named]}))
    return tar_of(tree, image.epoch)
