"""Victims that hostile layers name, and the proof that nothing outside a layer's directory was touched."""

import os
import shutil
import tempfile
from pathlib import Path

from . import trees
from .containerd import Containerd

MARK = "escaped"  # stands in the name of whatever an attack would make
LOOKED_AT = ("/", "/tmp", "/var/tmp", "/dev", "/dev/shm", "/run", "/etc", "/root", "/proc/self/cwd")


class Canary:
    """A context manager: a folder with files, folders, links and a device, which is compared before and after."""

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="nodeproof-canary-"))
        (self.folder / "dir/deeper").mkdir(parents=True)
        for name in ("file", "dir/file", "dir/deeper/file"):
            (self.folder / name).write_text(f"the canary's {name}", encoding="utf-8")
        (self.folder / "link").symlink_to("file")
        os.link(self.folder / "file", self.folder / "linked")
        os.mkfifo(self.folder / "fifo")
        self.name = str(self.folder)  # absolute
        self._before = self.seen()
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def seen(self) -> dict:
        # Links of a file from outside show in its nlink.
        return trees.tree_of(self.folder)

    def differences(self) -> list[str]:
        return trees.differences(self._before, self.seen(), since=1 << 62)


def marked(*containerds: Containerd) -> list[str]:
    """Paths with the mark outside of all layers' directories: below containerd's folders, and in the host's usual ones."""
    found = [f"{place}/{name}" for place in LOOKED_AT if os.path.isdir(place) for name in os.listdir(place) if MARK in name]
    for containerd in containerds:
        for above, folders, files in os.walk(containerd.folder):
            if Path(above).name == "fs" and Path(above).parent.parent.name == "snapshots":
                folders.clear()
                continue
            found += [f"{above}/{name}" for name in [*folders, *files] if MARK in name]
    return found


def strangers(containerd: Containerd) -> list[str]:
    """Of each snapshot's folder, what containerd does not make there."""
    place = containerd.root / "io.containerd.snapshotter.v1.overlayfs/snapshots"
    return [f"{folder.name}/{path.name}" for folder in place.iterdir() for path in folder.iterdir()
            if path.name not in ("fs", "work")]
