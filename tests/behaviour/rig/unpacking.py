"""The same images pulled into two fresh containerds, one by ctr and one by nodeproof, and what became of their layers."""

import concurrent.futures
import re
import time
from pathlib import Path

from . import images, layers, packages, program, programs, trees
from .containerd import Containerd
from .program import Nodeproof, Outcome
from .registry import Registry

HOST = packages.host_architecture()
RUN = {"Entrypoint": ["/app"]}


def app() -> layers.Layer:
    """On top of everything, so that the program finds nothing to say against an image but its layers."""
    return layers.from_files(layers.File("app", programs.good(HOST)))


def image_of(parts: list[layers.Layer]) -> images.Image:
    return images.index(images.variant(HOST, [*parts, app()], RUN))


def push(registry: Registry, found: dict[str, images.Image], prefix: str) -> dict[str, str]:
    """Name -> reference; names may be sentences."""
    client, references = images.Client(registry.url), {}
    for number, (name, image) in enumerate(found.items()):
        client.push(f"{prefix}/{number}", "1", image)
        references[name] = f"{registry.name}/{prefix}/{number}:1"
    return references


def diff_ids(image: images.Image) -> list[str]:
    variant = image.variant(HOST)
    return [layer.diff_id for layer in variant.layers]


def config(containerd: Containerd, references, unpack: str = "", snapshotter: str = "", **pull) -> dict:
    """Smoke tests that only look at a file: no container is started."""
    looks = [{"name": "is there", "file": {"path": "/app"}}]
    how = {"unpack": unpack} if unpack else {}
    return {"containerd": {"address": str(containerd.socket), "namespace": "k8s.io", "snapshotter": snapshotter},
            "pull": {"keep_free": "0B", **how, **pull},
            "images": [{"reference": reference, "smoke": looks} for reference in references]}


def pull_by_ctr(containerd: Containerd, references, snapshotter: str = "overlayfs") -> dict[str, str]:
    """Reference -> why ctr failed; "" = it did not."""
    # containerd 2's transfer service unpacks for its own snapshotter alone.
    local = ["--local"] if containerd.version == "2" and snapshotter != "overlayfs" else []

    def pull(reference: str) -> tuple[str, str]:
        done = containerd.run_ctr("images", "pull", *local, "--plain-http", "--snapshotter", snapshotter, reference)
        return reference, "" if done.returncode == 0 else done.stderr.strip()[-900:] or "it failed"

    with concurrent.futures.ThreadPoolExecutor(2) as both:
        return dict(both.map(pull, references))


def snapshot_folders(containerd: Containerd, snapshotter: str = "overlayfs") -> list[str]:
    """On the disk, whether containerd knows them or not."""
    place = containerd.root / f"io.containerd.snapshotter.v1.{snapshotter}/snapshots"
    return sorted(path.name for path in place.iterdir()) if place.exists() else []


class Pair:
    """Images by name, unpacked by containerd itself (`reference`) and by nodeproof (`found`)."""

    def __init__(self, registry: Registry, reference: Containerd, found: Containerd, snapshotter: str = ""):
        self.registry, self.reference, self.found = registry, reference, found
        self.snapshotter = snapshotter
        self.images: dict[str, images.Image] = {}
        self.references: dict[str, str] = {}
        self.refused: dict[str, str] = {}  # name -> why containerd does not take it
        self.since = time.time_ns() - 2 * 10**9  # the kernel's clock of file times is coarse
        self.outcome: Outcome | None = None
        self._trees: dict[Containerd, trees.Trees] = {}

    def pull(self, nodeproof: Nodeproof, found: dict[str, images.Image], prefix: str, **more) -> None:
        self.images, self.references = found, push(self.registry, found, prefix)
        kind = self.snapshotter or "overlayfs"
        failed = pull_by_ctr(self.reference, self.references.values(), kind)
        self.refused = {name: failed[reference] for name, reference in self.references.items() if failed[reference]}
        self.outcome = nodeproof.check(config(self.found, self.references.values(), snapshotter=self.snapshotter, **more))
        if not self.outcome.report:  # which says what a crash left
            raise RuntimeError("an empty report")
        self._trees = {side: trees.Trees(side, kind) for side in (self.reference, self.found)}

    def chains(self, name: str) -> list[str]:
        return trees.chain_ids(diff_ids(self.images[name]))

    def wrongly_committed(self, name: str) -> list[int]:
        """Which layers of a refused image nodeproof committed though containerd takes none of them: the refused one, as
        containerd names it, and all above."""
        found = re.search(r"failed to extract layer (sha256:[0-9a-f]{64})", self.refused[name])
        ids = diff_ids(self.images[name])
        first = ids.index(found[1]) if found else len(ids) - 1
        return [number for number, chain in enumerate(self.chains(name))
                if number >= first and self._trees[self.found].has(chain)]

    def differences(self, name: str) -> list[str]:
        top = self.chains(name)[-1]
        if not self._trees[self.found].has(top):
            return [f"not unpacked: {self.reported(name)['findings'][:2]}"]
        return trees.chain_differences(self._trees[self.reference].chain(top), self._trees[self.found].chain(top), self.since)

    def reported(self, name: str) -> dict:
        return self.outcome.image(self.references[name])

    def unpacked_by(self, name: str) -> dict:
        return self.reported(name).get("pull", {}).get("unpack", {})


def driver() -> Path:
    return program.binary().parent / "containerd_driver"
