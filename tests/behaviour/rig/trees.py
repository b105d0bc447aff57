"""What the directories of unpacked snapshots hold, to be compared with another containerd's."""

import hashlib
import itertools
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from .containerd import Containerd

# Marks that a mounted overlayfs itself leaves in its upper directory, which no layer asks for.
KERNEL_MARKS = {"trusted.overlay.origin", "trusted.overlay.impure", "trusted.overlay.nlink", "trusted.overlay.uuid"}
KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink", stat.S_IFCHR: "character device",
         stat.S_IFBLK: "block device", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket"}
SHOWN = 60  # differences
_views = itertools.count()


@dataclass(frozen=True)
class Entry:
    kind: str
    mode: str
    owner: tuple[int, int]
    size: int  # of regular files
    sha256: str
    target: str
    rdev: tuple[int, int]
    xattrs: tuple
    links: tuple[str, ...]  # all paths of the inode, where there are several
    nlink: int  # of what is not a directory: a link from outside shows
    mtime: int  # ns


def _digest(path: bytes) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _xattrs(path: bytes) -> tuple:
    names = sorted(set(os.listxattr(path, follow_symlinks=False)) - KERNEL_MARKS)
    return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in names)


def _walk(root: bytes) -> list[bytes]:
    found, todo = [b"."], [b"."]
    while todo:
        folder = todo.pop()
        with os.scandir(os.path.join(root, folder)) as entries:
            for entry in entries:
                path = entry.name if folder == b"." else os.path.join(folder, entry.name)
                found.append(path)
                if entry.is_dir(follow_symlinks=False):
                    todo.append(path)
    return sorted(found)


def shown(path: bytes) -> str:
    """Any bytes, in one line of ASCII; two names never look the same."""
    return path.decode("latin-1").encode("unicode_escape").decode("ascii")


def tree_of(folder) -> dict[str, Entry]:
    """One layer's directory: path -> what is there. The directory itself is "."."""
    root = os.fsencode(folder)
    paths = _walk(root)
    stats = {path: os.lstat(os.path.join(root, path)) for path in paths}
    inodes: dict[int, list[bytes]] = {}
    for path, found in stats.items():
        if not stat.S_ISDIR(found.st_mode):
            inodes.setdefault(found.st_ino, []).append(path)
    entries: dict[str, Entry] = {}
    for path, found in stats.items():
        group = inodes.get(found.st_ino, [path])
        entries[shown(path)] = (_entry(os.path.join(root, path), found, group) if path == group[0]
                                else entries[shown(group[0])])
    return entries


def _entry(path: bytes, found: os.stat_result, group: list[bytes]) -> Entry:
    kind = stat.S_IFMT(found.st_mode)
    regular, device = kind == stat.S_IFREG, kind in (stat.S_IFCHR, stat.S_IFBLK)
    return Entry(
        kind=KINDS[kind], mode=oct(stat.S_IMODE(found.st_mode)), owner=(found.st_uid, found.st_gid),
        size=found.st_size if regular else 0, sha256=_digest(path) if regular else "",
        target=shown(os.readlink(path)) if kind == stat.S_IFLNK else "",
        rdev=(os.major(found.st_rdev), os.minor(found.st_rdev)) if device else (0, 0), xattrs=_xattrs(path),
        links=tuple(map(shown, group)) if len(group) > 1 else (),
        nlink=0 if kind == stat.S_IFDIR else found.st_nlink, mtime=found.st_mtime_ns)


def folders(containerd: Containerd, chain: str, snapshotter: str = "overlayfs") -> list[Path]:
    """The directories of a committed snapshot and all below it, the bottom one first, as containerd mounts them; of a
    snapshotter that copies, the one with everything."""
    key = f"trees-{os.getpid()}-{next(_views)}"
    snapshots = ["snapshots", "--snapshotter", snapshotter]
    line = containerd.ctr(*snapshots, "view", "--target", "/nowhere", key, chain).strip()
    containerd.run_ctr(*snapshots, "rm", key)  # fails where the garbage collection was faster
    words = line.split()
    if words[2] == "bind":
        return [Path(words[3])]
    lower = next(option for option in words[-1].split(",") if option.startswith("lowerdir="))
    return [Path(place) for place in reversed(lower.removeprefix("lowerdir=").split(":"))]


def chain_ids(diff_ids: list[str]) -> list[str]:
    """image-spec config.md, "Layer ChainID"; the bottom one first."""
    found = []
    for diff_id in diff_ids:
        above = f"{found[-1]} {diff_id}".encode() if found else b""
        found.append("sha256:" + hashlib.sha256(above).hexdigest() if above else diff_id)
    return found


class Trees:
    """The trees of one containerd's snapshots, each layer read once."""

    def __init__(self, containerd: Containerd, snapshotter: str = "overlayfs"):
        self._containerd, self._snapshotter = containerd, snapshotter
        self._committed = {key for key, kind in self._snapshots().items() if kind == "Committed"}
        self._read: dict[Path, dict[str, Entry]] = {}

    def has(self, chain: str) -> bool:
        return chain in self._committed

    def chain(self, chain: str) -> list[dict[str, Entry]]:
        """One tree per layer, the bottom one first."""
        found = folders(self._containerd, chain, self._snapshotter)
        for folder in found:
            if folder not in self._read:
                self._read[folder] = tree_of(folder)
        return [self._read[folder] for folder in found]

    def _snapshots(self) -> dict[str, str]:
        lines = self._containerd.ctr("snapshots", "--snapshotter", self._snapshotter, "ls").splitlines()[1:]
        return {line.split()[0]: line.split()[-1] for line in lines}


def _untimed(entry: Entry, since: int) -> bool:
    """THE ONE EXCEPTION: what the layer has no entry for (its root, directories that only paths imply) and whiteouts carry
    the time at which containerd happened to write them; no other writer has the same."""
    made_now = since <= entry.mtime <= since + 86_400 * 10**9
    whiteout = entry.kind == "character device" and entry.rdev == (0, 0)
    return made_now and (entry.kind == "directory" or whiteout)


def differences(reference: dict[str, Entry], found: dict[str, Entry], since: int) -> list[str]:
    """Lines that say where `found` is not as the reference, which was unpacked after `since` (ns of the epoch)."""
    lines = [f"{path}: missing" for path in sorted(reference.keys() - found.keys())]
    lines += [f"{path}: only here, {found[path]}" for path in sorted(found.keys() - reference.keys())]
    for path in sorted(reference.keys() & found.keys()):
        wanted, got = reference[path], found[path]
        if wanted == got:
            continue
        for name in Entry.__dataclass_fields__:
            if name == "mtime" and _untimed(wanted, since):
                continue
            if getattr(wanted, name) != getattr(got, name):
                lines.append(f"{path}: {name} {getattr(got, name)!r}, wanted {getattr(wanted, name)!r}")
    return lines


def chain_differences(reference: list, found: list, since: int) -> list[str]:
    """As differences(), of all layers of a chain."""
    if len(reference) != len(found):
        return [f"{len(found)} layers, wanted {len(reference)}"]
    lines = []
    for number, (wanted, got) in enumerate(zip(reference, found)):
        lines += [f"layer {number}: {line}" for line in differences(wanted, got, since)]
    return lines[:SHOWN] + ([f"... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else [])
