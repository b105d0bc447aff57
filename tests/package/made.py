"""The packages of this build, made once for all tests of the folder, and their contents."""

import functools
import gzip
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OWN = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
# Those that are built: the other one is packed where it is, too.
ARCHITECTURES = [a for a in ("amd64", "arm64") if (ROOT / f"build/{a}-release/nodeproof").exists()]
sys.path.insert(0, str(ROOT / "cross"))

_scratch = tempfile.TemporaryDirectory(prefix="nodeproof-packages-")


def make(folder: Path, *options: str) -> dict[str, Path]:
    """Path by suffix and architecture, "arm64.deb", "arm64.tar.gz"; "image" is of all."""
    done = subprocess.run([ROOT / "cross/package", "--out", folder, *options], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    found = {}
    for line in done.stdout.split():
        if line.endswith("-oci.tar"):
            found["image"] = Path(line)
            continue
        architecture = next(a for a in ARCHITECTURES if a in Path(line).name)
        found[architecture + (".deb" if line.endswith(".deb") else ".tar.gz")] = Path(line)
    return found


@functools.cache
def packages() -> dict[str, Path]:
    return {name: path for name, path in everything().items() if name != "image"}


@functools.cache
def everything() -> dict[str, Path]:
    return make(Path(_scratch.name) / "one", "--image", *ARCHITECTURES)


def image() -> Path:
    return everything()["image"]


@functools.cache
def next_version() -> Path:
    return make(Path(_scratch.name) / "next", "--deb-version", "99.0.0", OWN)[f"{OWN}.deb"]


@functools.cache
def members(path: Path) -> dict[str, tarfile.TarInfo]:
    return {m.name.removeprefix("./"): m for m in _tar(path).getmembers()}


def _tar(path: Path) -> tarfile.TarFile:
    data = path.read_bytes()
    if path.suffix == ".deb":
        data = subprocess.run(["dpkg-deb", "--fsys-tarfile", path], capture_output=True, check=True).stdout
    return tarfile.open(fileobj=io.BytesIO(data))


@functools.cache
def content(path: Path, name: str) -> bytes:
    """Of one file, unpacked where it is compressed."""
    tar = _tar(path)
    member = next(m for m in tar.getmembers() if m.name.removeprefix("./") == name)
    data = tar.extractfile(member).read()
    return gzip.decompress(data) if name.endswith(".gz") else data


def sbom(architecture: str) -> dict:
    return json.loads(content(packages()[f"{architecture}.deb"], "usr/share/doc/nodeproof/sbom.spdx.json"))
