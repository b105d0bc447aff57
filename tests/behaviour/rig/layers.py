"""Layers: deterministic gzip-compressed tars made from Debian packages or from bytes, kept by their recipe."""

import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from . import packages

UNWANTED = ("usr/share/doc/", "usr/share/man/", "usr/share/locale/", "usr/share/lintian/", "usr/share/info/")
MERGED = ("bin", "sbin", "lib", "lib64")  # Debian 12's packages still say bin/bash; a real root has usr/bin/bash


@dataclass(frozen=True)
class Layer:
    path: Path  # the compressed file
    digest: str
    size: int
    diff_id: str
    media_type: str = "application/vnd.oci.image.layer.v1.tar+gzip"

    def descriptor(self) -> dict:
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


@dataclass(frozen=True)
class File:
    """One member of a hand-made layer; a path whose name starts with `.wh.` is a whiteout."""

    path: str
    data: bytes = b""
    mode: int = 0o755
    link: str = ""  # target of a symbolic link
    folder: bool = False


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _member(name: str, mode: int, kind: bytes, size: int = 0, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode, info.type, info.size, info.linkname = mode, kind, size, link
    return info


def _store(folder: Path, members: list) -> None:
    """members: (TarInfo, bytes) in order; writes layer.tar.gz and its digests."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    _store_tar(folder, raw.getvalue())


def _store_tar(folder: Path, tar: bytes, level: int = 6) -> None:
    packed = gzip.compress(tar, compresslevel=level, mtime=0)
    (folder / "layer.tar.gz").write_bytes(packed)
    facts = {"digest": sha256(packed), "size": len(packed), "diff_id": sha256(tar)}
    (folder / "layer.json").write_text(json.dumps(facts), encoding="utf-8")


def _load(folder: Path) -> Layer:
    facts = json.loads((folder / "layer.json").read_text(encoding="utf-8"))
    return Layer(folder / "layer.tar.gz", facts["digest"], facts["size"], facts["diff_id"])


def from_files(*files: File) -> Layer:
    members = []
    for file in files:
        kind = tarfile.SYMTYPE if file.link else tarfile.DIRTYPE if file.folder else tarfile.REGTYPE
        members.append((_member(file.path, file.mode, kind, len(file.data), file.link), file.data))
    return _load(packages.cached("layer", f"files 1 {files!r}", lambda folder: _store(folder, members)))


def from_tar(tar: bytes, level: int = 6) -> Layer:
    """A layer of exactly these bytes, which need not be a good tar."""
    key = f"tar 1 {level} {sha256(tar)}"
    return _load(packages.cached("layer", key, lambda folder: _store_tar(folder, tar, level)))


def generated(key: str, make_tar) -> Layer:
    """A layer of the tar that make_tar() gives, kept under `key`; for what takes long to make."""
    return _load(packages.cached("layer", "generated 1 " + key, lambda folder: _store_tar(folder, make_tar(), 1)))


def stored(blob: bytes, tar: bytes, media_type: str = Layer.media_type) -> Layer:
    """A layer of exactly this blob, which is to be inflated to `tar`."""
    place = packages.cached("layer", f"stored 1 {sha256(blob)}", lambda folder: (folder / "layer").write_bytes(blob))
    return Layer(place / "layer", sha256(blob), len(blob), sha256(tar), media_type)


def zstd(layer: Layer) -> Layer:
    """The same layer with the other compression."""
    tar = gzip.decompress(layer.path.read_bytes())
    path = layer.path.with_name("layer.tar.zst")
    if not path.exists():
        packed = subprocess.run(["zstd", "-q", "-c", "-15"], input=tar, capture_output=True, check=True).stdout
        part = Path(f"{path}.{os.getpid()}")
        part.write_bytes(packed)
        part.rename(path)
    data = path.read_bytes()
    return Layer(path, sha256(data), len(data), layer.diff_id, "application/vnd.oci.image.layer.v1.tar+zstd")


def _merged(name: str) -> str:
    first = name.split("/", 1)[0]
    return "usr/" + name if first in MERGED else name


def _package_members(file: Path) -> list:
    stream = subprocess.run(["dpkg-deb", "--fsys-tarfile", file], check=True, capture_output=True).stdout
    found = []
    with tarfile.open(fileobj=io.BytesIO(stream)) as archive:
        for info in archive:
            name = info.name.removeprefix("./").strip("/")
            if name in ("", ".") or (name + "/").startswith(UNWANTED):
                continue
            data = archive.extractfile(info).read() if info.isreg() else b""
            link = _merged(info.linkname.removeprefix("./")) if info.islnk() else info.linkname
            found.append((_member(_merged(name), info.mode, info.type, len(data), link), data))
    return found


def _from_packages(folder: Path, debs: list, extra: tuple, without: tuple) -> None:
    tree = {"usr": (_member("usr", 0o755, tarfile.DIRTYPE), b"")}
    for name in MERGED:
        tree["usr/" + name] = (_member("usr/" + name, 0o755, tarfile.DIRTYPE), b"")
        tree[name] = (_member(name, 0o777, tarfile.SYMTYPE, link="usr/" + name), b"")
    for file in debs:
        for info, data in _package_members(file):
            if info.name in MERGED or info.name in without or (info.isdir() and info.name in tree):
                continue
            tree[info.name] = (info, data)
    for file in extra:
        tree[file.path] = (_member(file.path, file.mode, tarfile.REGTYPE, len(file.data)), file.data)
    # A hard link must follow its target; otherwise sorted by name.
    order = sorted(tree.items(), key=lambda item: (item[1][0].islnk(), item[0]))
    _store(folder, [member for _, member in order])


def package_file(debs: list, path: str) -> bytes:
    """The content of one regular file of these packages, by its path in a merged root."""
    return next(data for deb in debs for info, data in _package_members(deb) if info.name == path and info.isreg())


def from_packages(debs: list, extra: tuple = (), without: tuple = ()) -> Layer:
    """One layer of packages, `without` some paths, as a Debian root with merged /usr; no maintainer script has run."""
    key = "packages 1 " + " ".join(file.name for file in debs) + repr(extra) + repr(without)
    return _load(packages.cached("layer", key, lambda folder: _from_packages(folder, debs, extra, without)))
