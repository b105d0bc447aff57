"""For tests of containerd_driver on a real containerd, of the version that NODEPROOF_CONTAINERD names."""

import io
import json
import os
import random
import subprocess
import tarfile
from pathlib import Path

from rig import images, layers, packages, processes, testing
from rig.containerd import Containerd
from rig.registry import Registry

VERSION = os.environ.get("NODEPROOF_CONTAINERD", "1.6")
DRIVER = Path(os.environ["NODEPROOF_BUILD"]) / "containerd_driver"
HOST = packages.host_architecture()
MEGABYTE = 1 << 20


def tar_of(name: str, data: bytes) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return raw.getvalue()


def noise(seed: str, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


def layer(seed: str, size: int = 1000) -> layers.Layer:
    """Incompressible, so that its blob is as large as its file."""
    return layers.generated(f"noise {seed} {size}", lambda: tar_of(f"data/{seed}", noise(seed, size)))


def new_seed() -> int:
    """Another one each time; NODEPROOF_SEED repeats what failed."""
    return int(os.environ.get("NODEPROOF_SEED") or random.SystemRandom().randrange(1 << 32))


class OnContainerd(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.containerd = cls.keep(Containerd, VERSION)

    def start(self, *arguments: str, **more) -> subprocess.Popen:
        return subprocess.Popen([DRIVER, self.containerd.socket, *map(str, arguments)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **more)

    def answer(self, process: subprocess.Popen) -> dict:
        out, err = process.communicate(timeout=240)
        self.assertIn(process.returncode, (0, 1), err)
        return json.loads(out)

    def drive(self, *arguments: str) -> dict:
        found = self.answer(self.start(*arguments))
        self.assertNotIn("error", found)
        return found

    def push(self, name: str, image: images.Image) -> str:
        images.Client(self.registry.url).push(name, "1", image)
        return f"{self.registry.name}/{name}:1"

    def assert_checked(self, *references: str):
        """ctr reads every blob the image needs and looks for its snapshots."""
        for reference in references:
            lines = self.containerd.ctr("images", "check", f"name=={reference}").splitlines()[1:]
            self.assertEqual(1, len(lines), lines)
            self.assertIn("complete", lines[0])
            self.assertTrue(lines[0].rstrip().endswith("true"), lines[0])

    def ingested(self) -> int:
        """Bytes in unfinished blobs."""
        folder = self.containerd.root / "io.containerd.content.v1.content" / "ingest"
        return sum(part.stat().st_size for part in folder.glob("*/data"))

    def wait_for_bytes(self, process: subprocess.Popen, least: int = MEGABYTE):
        processes.wait_until(lambda: self.ingested() >= least, "an ingest that grows", process)
