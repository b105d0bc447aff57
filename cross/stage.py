"""The files of a package as a value, and two ways to write them that give the same bytes every time."""

import gzip
import io
import os
import tarfile
from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    data: bytes
    mode: int = 0o644


Tree = dict[str, File]  # by path below the prefix: "bin/nodeproof"; a folder that is empty ends in "/"


def zipped(data: bytes) -> File:
    """As gzip -9n does it: without a name or a time."""
    return File(gzip.compress(data, 9, mtime=0))


def folders_of(tree: Tree) -> list[str]:
    found = set()
    for path in tree:
        parts = path.split("/")[:-1]
        found |= {"/".join(parts[: i + 1]) for i in range(len(parts))}
    return sorted(found)


def write_folder(tree: Tree, root: str, epoch: int) -> None:
    for folder in folders_of(tree):
        os.makedirs(os.path.join(root, folder), exist_ok=True)
        os.chmod(os.path.join(root, folder), 0o755)
    for path, file in tree.items():
        if path.endswith("/"):
            continue
        with open(os.path.join(root, path), "wb") as f:
            f.write(file.data)
        os.chmod(f.name, file.mode)
    os.chmod(root, 0o755)
    for where, _, names in os.walk(root, topdown=False):
        for name in names:
            os.utime(os.path.join(where, name), (epoch, epoch))
        os.utime(where, (epoch, epoch))


def tar_of(tree: Tree, epoch: int) -> bytes:
    """Uncompressed: folders and files in the order of their names, of root, at one time."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted({*folders_of(tree), *(p for p in tree if not p.endswith("/"))}):
            info = tarfile.TarInfo(path)
            info.mtime = epoch
            file = tree.get(path)
            if file is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            else:
                info.mode, info.size = file.mode, len(file.data)
                tar.addfile(info, io.BytesIO(file.data))
    return out.getvalue()
