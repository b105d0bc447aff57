"""Images that nodeproof unpacked, beside containerd's own; one version per run (NODEPROOF_CONTAINERD)."""

import unittest

from . import images, packages, processes, testing, unpacking
from .containerd import Containerd
from .on_containerd import VERSION
from .program import Nodeproof
from .registry import Registry
from .unpacking import Pair


class OnPair(testing.RigTest):
    """Images of make(), pulled once by each side."""

    snapshotter = ""
    justified: dict[str, str] = {}  # how an image's name begins -> why its tree is another one

    @classmethod
    def make(cls) -> dict[str, images.Image]:
        raise NotImplementedError

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        sides = [cls.keep(Containerd, VERSION) for _ in range(2)]
        cls.pair = Pair(cls.registry, *sides, snapshotter=cls.snapshotter)
        try:
            made = cls.make()
        except packages.Unavailable as error:
            raise unittest.SkipTest(str(error)) from error
        cls.pair.pull(cls.keep(Nodeproof), made, cls.__name__.lower())

    def is_justified(self, name: str) -> bool:
        return name.startswith(tuple(self.justified))

    def assert_equal_trees(self):
        for name in self.pair.images:
            if name in self.pair.refused or self.is_justified(name):
                continue
            with self.subTest(name):
                self.assertEqual([], self.pair.differences(name))

    def assert_refused_alike(self):
        for name, why in self.pair.refused.items():
            if self.is_justified(name):
                continue
            with self.subTest(name, containerd=why):
                found = self.pair.reported(name)
                self.assertNotEqual("ready", found["verdict"])
                self.assertEqual([], self.pair.wrongly_committed(name))

    def assert_nothing_staged(self):
        """Committed snapshots with the names of chains only, and as many folders as containerd knows."""
        side = self.pair.found
        snapshots = side.ctr("snapshots", "--snapshotter", self.snapshotter or "overlayfs", "ls").splitlines()[1:]
        chains = {chain for name in self.pair.images for chain in self.pair.chains(name)}
        self.assertEqual({"Committed"}, {line.split()[-1] for line in snapshots})
        self.assertLessEqual({line.split()[0] for line in snapshots}, chains)
        kind = self.snapshotter or "overlayfs"
        processes.wait_until(lambda: len(unpacking.snapshot_folders(side, kind)) == len(snapshots), "folders of snapshots alone")
        self.assertEqual([], side.ingests())
        self.assertEqual([], side.mounts())
