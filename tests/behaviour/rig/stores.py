"""All that a containerd keeps of its images, to be compared with another's."""

import hashlib
import re

from .containerd import Containerd


def _rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()[1:]]


def _file_digest(path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def store_of(containerd: Containerd) -> dict:
    """Blobs by digest with what their bytes hash to, their labels, snapshots with parent and kind, image records, and
    what a pull leaves only by mistake. Registries are told apart by their repositories alone."""
    folder = containerd.root / "io.containerd.content.v1.content/blobs/sha256"
    blobs = {path.name: _file_digest(path) for path in folder.iterdir()}
    labels = {row[0]: sorted(row[-1].split(",")) for row in _rows(containerd.ctr("content", "ls"))}
    return {
        "blobs": blobs,
        "labels": labels,
        "snapshots": sorted(_rows(containerd.ctr("snapshots", "ls"))),
        "images": {re.sub(r"^127\.0\.0\.1:\d+", "registry", name): digest for name, digest in containerd.images().items()},
        "ingests": containerd.ingests(),
        "leases": containerd.leases(),
        "mounts": containerd.mounts(),
    }
