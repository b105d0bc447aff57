"""Hostile layers, unpacked as root beside a canary: nothing outside a layer's directory is touched, and errors name the entry
and the limit."""

import gzip
import hashlib
import json
import shutil
import subprocess
import unittest
from pathlib import Path

from rig import canary, hostile_layers, images, layers, odd_layers, packages, tars, testing, trees, unpacking
from rig.containerd import Containerd
from rig.on_containerd import VERSION
from rig.on_pair import OnPair
from rig.program import Nodeproof
from rig.registry import Registry
from rig.unpacking import HOST

MEBIBYTE = 1 << 20


class Attacks(OnPair):
    @classmethod
    def make(cls):
        cls.canary = cls.keep(canary.Canary)
        lower, made = layers.from_tar(odd_layers.LOWER), {}
        for sentence, content in hostile_layers.hostile(cls.canary.name).items():
            made[sentence] = unpacking.image_of([layers.from_tar(content)])
            made[sentence + ", above another layer"] = unpacking.image_of([lower, layers.from_tar(content)])
        cls.bystander = unpacking.image_of([lower])
        reference = next(iter(unpacking.push(cls.registry, {"bystander": cls.bystander}, "bystander").values()))
        unpacking.pull_by_ctr(cls.pair.found, [reference])
        cls.bystanders_tree = cls.tree_of_the_bystander()
        return made

    @classmethod
    def tree_of_the_bystander(cls) -> list:
        return trees.Trees(cls.pair.found).chain(trees.chain_ids(unpacking.diff_ids(cls.bystander))[-1])

    def test_the_victims_are_as_they_were(self):
        self.assertEqual([], self.canary.differences())

    def test_nothing_was_made_outside_of_the_layers(self):
        self.assertEqual([], canary.marked(self.pair.found))
        self.assertEqual([], canary.strangers(self.pair.found))

    def test_other_snapshots_are_as_they_were(self):
        self.assertEqual(self.bystanders_tree, self.tree_of_the_bystander())

    def test_what_containerd_refuses_is_refused(self):
        self.assertGreater(len(self.pair.refused), 10)
        # Harmless, and not to be told from the outside of the library that reads the tar.
        self.justified = {"a name of a zero byte": "it is cut there", "an attribute without a name": "it is passed over",
                          "a sparse map that goes backwards": "the file is what its blocks say, in their order"}
        self.assert_refused_alike()

    def test_what_both_accept_is_equal(self):
        # A mark of a user's overlayfs is written by containerd; here it stands for a folder of somebody else.
        self.justified = {"attributes of an overlayfs mounted by a user": "such marks are refused"}
        self.assert_equal_trees()

    def test_no_mark_of_overlayfs_comes_out_of_a_tar(self):
        for name in self.pair.images:
            if not name.startswith("attributes of"):
                continue
            chain = self.pair.chains(name)[-1]
            if self.pair.unpacked_by(name).get("by") != "nodeproof" or chain not in self.pair.found.snapshots():
                continue
            with self.subTest(name):
                marks = [(path, key) for tree in trees.Trees(self.pair.found).chain(chain) for path, entry in tree.items()
                         for key, _ in entry.xattrs if ".overlay." in key]
                self.assertEqual([], marks)

    def test_nothing_is_left_of_the_staging(self):
        known = trees.chain_ids(unpacking.diff_ids(self.bystander))
        self.pair.images["bystander"] = self.bystander
        self.addCleanup(self.pair.images.pop, "bystander")
        self.assertLessEqual(set(known), set(self.pair.found.snapshots()))
        self.assert_nothing_staged()

    def test_an_error_names_the_entry(self):
        for name, entry in {"a hard link to a file of the system": "h", "a name that is too long for any file system": "nnnn",
                            "a file below a device": "full"}.items():
            with self.subTest(name):
                findings = self.pair.reported(name)["findings"]
                self.assertTrue(any(entry in finding["message"] for finding in findings), findings)


def repeated(member: bytes, count: int) -> layers.Layer:
    """A layer of a tar that is `count` times the same, as many gzip members; made without ever holding all of it."""
    def make(folder: Path) -> None:
        packed, digest, plain = gzip.compress(member, mtime=0), hashlib.sha256(), hashlib.sha256()
        with open(folder / "layer", "wb") as file:
            for _ in range(count):
                file.write(packed)
                digest.update(packed)
                plain.update(member)
        (folder / "digests").write_text(f"sha256:{digest.hexdigest()} sha256:{plain.hexdigest()}", encoding="ascii")

    place = packages.cached("layer", f"repeated 1 {layers.sha256(member)} {count}", make)
    digest, diff_id = (place / "digests").read_text(encoding="ascii").split()
    return layers.Layer(place / "layer", digest, (place / "layer").stat().st_size, diff_id)


class Limits(testing.RigTest):
    """What would take all of a disk or of a day. containerd's root is small, so that nothing worse can happen; containerd
    itself is never asked, for it has no limits."""

    SIZE = 6 << 30  # of which only what is written is taken

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        try:
            cls.containerd = Containerd(VERSION)
        except packages.Unavailable as error:
            raise unittest.SkipTest(str(error)) from error
        cls.addClassCleanup(shutil.rmtree, cls.containerd.folder, ignore_errors=True)
        cls.containerd.root.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={cls.SIZE},nr_inodes=1200000", "tmpfs", cls.containerd.root], check=True)
        cls.addClassCleanup(subprocess.run, ["umount", "--lazy", cls.containerd.root], check=True)
        cls.addClassCleanup(cls.containerd.stop)
        cls.containerd.__enter__()

    def refused(self, name: str, *parts: layers.Layer, for_containerd: bool = False) -> str:
        """What the report says of the image; nothing of its layers is committed or left. `for_containerd`: it may have
        been given the layer, and taken it."""
        image = images.index(images.variant(HOST, parts, unpacking.RUN))
        images.Client(self.registry.url).push(name, "1", image)
        reference = f"{self.registry.name}/{name}:1"
        with Nodeproof() as nodeproof:
            found = nodeproof.check(unpacking.config(self.containerd, [reference])).image(reference)
        self.assertNotEqual("ready", found["verdict"])
        if not for_containerd:
            self.assertNotEqual("containerd", found.get("pull", {}).get("unpack", {}).get("by"))
            self.assertEqual(set(), set(trees.chain_ids(unpacking.diff_ids(image))) & set(self.containerd.snapshots()))
        self.assertEqual({}, {key: kind for key, kind in self.containerd.snapshots().items() if kind != "Committed"})
        return json.dumps(found["findings"])

    def test_ten_million_entries(self):
        block = b"".join(tars.member(tars.file(f"many/{number:05}", b"")) for number in range(10_000))
        self.assertRegex(self.refused("entries", repeated(block, 1000)), "more than 1000000 entries")

    def test_a_bomb(self):
        size = 8 << 30
        head = tars.header(tars.file("zeros"), size, b"zeros", b"")
        member = repeated(bytes(64 * MEBIBYTE), size // (64 * MEBIBYTE))
        packed = gzip.compress(head, mtime=0) + member.path.read_bytes()
        diff_id = layers.sha256(b"never read to its end")
        place = packages.cached("layer", f"bomb 1 {size}", lambda folder: (folder / "layer").write_bytes(packed))
        bomb = layers.Layer(place / "layer", layers.sha256(packed), len(packed), diff_id)
        self.assertRegex(self.refused("bomb", bomb), "more than 200 times its size")

    def test_a_sparse_file_larger_than_any_disk(self):
        member = tars.file("sparse", b"x" * 512, records={
            "GNU.sparse.size": str(1 << 60), "GNU.sparse.numblocks": "1", "GNU.sparse.name": "sparse", "GNU.sparse.map": "0,512"})
        self.assertIn("sparse", self.refused("sparse", layers.from_tar(tars.tar(member))))

    def test_a_path_of_too_many_folders(self):
        deep = layers.from_tar(hostile_layers.deep(1500))
        self.assertRegex(self.refused("deep", deep, for_containerd=True), "(too many|more than 512) (folders|directories) in its path")

    def test_a_path_longer_than_a_path_can_be(self):
        long = "/".join(["d" * 200] * 25)
        self.assertRegex(self.refused("long", layers.from_tar(tars.tar(tars.file(long)))), "too long a path|more than 4096 bytes")


if __name__ == "__main__":
    testing.main()
