"""skopeo, an independent reader and writer of registries, as Debian 12 ships it."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import packages


class Skopeo:
    """Use as a context manager: its home and what it copies to are gone afterwards."""

    def __init__(self):
        self.tree = packages.skopeo_tree()
        self.folder = Path(tempfile.mkdtemp(prefix="nodeproof-skopeo-"))
        libraries = [str(path) for path in (*self.tree.glob("lib/*-linux-gnu"), *self.tree.glob("usr/lib/*-linux-gnu"))]
        self.environment = {"HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.folder), "PATH": os.environ["PATH"],
                            "LD_LIBRARY_PATH": ":".join(libraries)}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def __call__(self, *arguments) -> subprocess.CompletedProcess:
        command = [self.tree / "usr/bin/skopeo", "--insecure-policy", *arguments]
        return subprocess.run(command, capture_output=True, env=self.environment, timeout=120, check=False)

    def raw(self, reference: str) -> bytes:
        """The tag's document, byte for byte."""
        return self._must("inspect", "--raw", "--tls-verify=false", f"docker://{reference}")

    def copy_all(self, reference: str) -> Path:
        """Every platform into a directory: it reads and hashes every blob."""
        place = self.folder / "copy"
        shutil.rmtree(place, ignore_errors=True)
        self._must("copy", "--all", "--src-tls-verify=false", f"docker://{reference}", f"dir:{place}")
        return place

    def _must(self, *arguments) -> bytes:
        done = self(*arguments)
        if done.returncode != 0:
            raise AssertionError(f"skopeo {' '.join(map(str, arguments))}: {done.stderr.decode()[-2000:]}")
        return done.stdout
