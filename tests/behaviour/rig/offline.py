"""Image layouts as the usual tools write them: what is carried to a site without a network."""

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

from . import images, layers, packages, programs
from .containerd import Containerd
from .registry import Registry
from .skopeo import Skopeo

DOMAIN = "registry.test"  # nothing answers there


def noise(seed: str, size: int) -> bytes:
    """Bytes that do not compress."""
    return hashlib.shake_256(seed.encode()).digest(size)


def _large_tar(seed: str, size: int) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("data/noise")
        info.size = size
        archive.addfile(info, io.BytesIO(noise(seed, size)))
    return raw.getvalue()


def large_layer(seed: str, size: int) -> layers.Layer:
    return layers.generated(f"offline {seed} {size}", lambda: _large_tar(seed, size))


def image(seed: str, architectures=packages.ARCHITECTURES, more=()) -> images.Image:
    """A static program that exits with 0, and a layer of its own, for each architecture."""
    def variant(architecture: str) -> images.Variant:
        program = layers.from_files(layers.File("app", programs.good(architecture)))
        own = layers.from_files(layers.File("data/own", noise(f"{seed} {architecture}", 20_000), mode=0o644))
        return images.variant(architecture, [program, own, *more], {"Entrypoint": ["/app"]})
    return images.index(*(variant(architecture) for architecture in architectures))


def requirement(reference: str) -> dict:
    return {"reference": reference, "smoke": [{"name": "starts", "args": ["/app"], "timeout": "30s"}]}


class Packer:
    """Writes images as layouts below `folder`. The registry and the containerd it needs for that end with it."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __enter__(self):
        self.registry = Registry().__enter__()
        self.skopeo = Skopeo().__enter__()
        return self

    def __exit__(self, *_):
        self.skopeo.__exit__()
        self.registry.__exit__()

    def copy(self, source: images.Image, destination: str, *arguments) -> None:
        """By skopeo: oci:PLACE[:NAME] or oci-archive:PLACE[:NAME], PLACE below our folder."""
        kind, place = destination.split(":", 1)
        pushed = self._push(source)
        done = self.skopeo("copy", *(arguments or ["--all"]), "--src-tls-verify=false", f"docker://{pushed}",
                           f"{kind}:{self.folder}/{place}")
        assert done.returncode == 0, done.stderr.decode()

    def export(self, source: images.Image, name: str, place: str, *arguments) -> None:
        """By ctr images export, under this name."""
        pushed = self._push(source)
        with Containerd("1.6") as other:
            other.ctr("images", "pull", "--plain-http", "--all-platforms", pushed)
            other.ctr("images", "tag", pushed, name)
            other.ctr("images", "export", *arguments, str(self.folder / place), name)

    def umoci(self, *arguments) -> None:
        tree = packages.unpacked("umoci", packages.debs("bookworm", packages.host_architecture(), ["umoci"], "umoci_"))
        subprocess.run([tree / "usr/bin/umoci", *arguments], check=True, capture_output=True)

    def _push(self, source: images.Image) -> str:
        images.Client(self.registry.url).push("packer", "1", source)
        return f"{self.registry.name}/packer:1"
