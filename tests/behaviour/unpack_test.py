"""Layers that nodeproof unpacked are what containerd makes of them: trees compared entry by entry, and what a containerd does
with them afterwards; one version per run (NODEPROOF_CONTAINERD)."""

import os
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

from rig import catalogue, images, layers, odd_layers, packages, processes, testing, trees, unpacking
from rig.containerd import Containerd
from rig.on_containerd import VERSION
from rig.on_pair import OnPair
from rig.program import Nodeproof
from rig.registry import Registry
from rig.unpacking import HOST

# Each a list of layers of packages; the first layer is always bash and coreutils. arm64's are files like others here.
DEBIAN = {
    "amd64": (["python3-minimal"], ["openssl"], ["nginx-light"], ["redis-server"], ["procps", "iproute2"], ["passwd", "mount"],
              ["busybox-static"], ["ripgrep"], ["perl-base", "adduser"], ["dbus"], ["openssl", "python3-minimal"],
              ["util-linux", "kmod"], ["tini", "redis-tools"]),
    "arm64": (["python3-minimal"], ["openssl"], ["nginx-light"], ["redis-tools"], ["procps"], ["passwd", "mount"], ["dbus"]),
}


def debian_images() -> dict[str, images.Image]:
    """Twenty; every package is a layer, and the last one but the program removes some of what is below."""
    found = {}
    for architecture, sets in DEBIAN.items():
        for names in sets:
            parts = [catalogue.base(architecture), *(catalogue.addition(architecture, name) for name in names)]
            gone = [layers.File("usr/bin/.wh.tac", mode=0o644), layers.File("usr/share/.wh..wh..opq", mode=0o644),
                    layers.File("usr/share/instead", b"of all that"), layers.File("usr/lib/new/file", b"below what is implied")]
            found[f"{architecture} with {' and '.join(names)}"] = unpacking.image_of([*parts, layers.from_files(*gone)])
    return found


class Comparing(unittest.TestCase):
    """The comparison itself: it sees each thing that can differ."""

    MADE = 1_500_000_000

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory(dir="/dev/shm")))
        (self.folder / "dir").mkdir()
        (self.folder / "dir/file").write_text("content", encoding="utf-8")
        (self.folder / "dir/other").write_text("content", encoding="utf-8")
        os.link(self.folder / "dir/file", self.folder / "linked")
        (self.folder / "sym").symlink_to("dir")
        os.mknod(self.folder / "gone", stat.S_IFCHR, 0)
        for path in (*self.folder.rglob("*"), self.folder):
            os.utime(path, (self.MADE, self.MADE), follow_symlinks=False)
        self.before = trees.tree_of(self.folder)

    def told(self, change, since: int = 1 << 62) -> list[str]:
        change()
        return trees.differences(self.before, trees.tree_of(self.folder), since)

    def write_keeping_the_time(self, text: str) -> None:
        (self.folder / "dir/other").write_text(text, encoding="utf-8")
        os.utime(self.folder / "dir/other", (self.MADE, self.MADE))

    def test_nothing_is_told_of_what_is_equal(self):
        self.assertEqual([], self.told(lambda: None))

    def test_each_change_is_told(self):
        def other() -> Path:
            return self.folder / "dir/other"

        attribute = {"size": lambda: self.write_keeping_the_time("longer content"), "sha256": lambda: self.write_keeping_the_time("CONTENT"),
                     "mode": lambda: other().chmod(0o4644), "owner": lambda: os.chown(other(), 0, 5), "xattrs": lambda: os.setxattr(other(), "user.x", b""),
                     "mtime": lambda: os.utime(other(), ns=(0, self.MADE * 10**9 + 1))}
        for name, change in attribute.items():
            with self.subTest(name):
                self.assertRegex("\n".join(self.told(change)), f"dir/other: {name} ")
                self.setUp()

    def test_links_targets_devices_and_kinds_are_told(self):
        def swap(path: str, make) -> None:
            (self.folder / path).unlink()
            make(self.folder / path)

        changes = {"links": lambda: swap("linked", lambda path: path.write_text("content")),
                   "target": lambda: swap("sym", lambda path: path.symlink_to("dir2")),
                   "rdev": lambda: swap("gone", lambda path: os.mknod(path, stat.S_IFCHR, os.makedev(1, 3))),
                   "kind": lambda: swap("sym", lambda path: path.mkdir()),
                   "missing": lambda: (self.folder / "gone").unlink(), "only here": lambda: (self.folder / "dir/new").touch(),
                   "nlink": lambda: os.link(self.folder / "dir/other", self.enterContext(tempfile.TemporaryDirectory(dir="/dev/shm")) + "/out")}
        for name, change in changes.items():
            with self.subTest(name):
                self.assertIn(name, "\n".join(self.told(change)))
                self.setUp()

    def test_a_mark_of_an_opaque_folder_counts(self):
        self.assertIn("trusted.overlay.opaque", "\n".join(self.told(lambda: os.setxattr(self.folder / "dir", "trusted.overlay.opaque", b"y"))))

    def test_times_of_the_unpacking_itself_are_not_compared_and_all_others_are(self):
        def touch() -> None:
            os.utime(self.folder / "dir", (1, 1))
            os.utime(self.folder / "dir/other", (1, 1))
        self.assertEqual(1, len(self.told(touch, since=self.MADE * 10**9)))


class OddLayers(OnPair):
    """What is allowed, or refused by containerd itself."""

    justified = odd_layers.JUSTIFIED

    @classmethod
    def make(cls):
        return {name: unpacking.image_of(parts) for name, parts in odd_layers.corpus().items()}

    def test_the_trees_are_equal(self):
        self.assert_equal_trees()

    def test_what_containerd_refuses_is_refused(self):
        self.assertGreater(len(self.pair.refused), 5)
        self.assert_refused_alike()

    def test_nothing_is_left_of_the_staging(self):
        self.assert_nothing_staged()

    def test_the_report_says_who_unpacked_and_why_not_nodeproof(self):
        told = {}
        for name in self.pair.images:
            if name in self.pair.refused:
                continue
            with self.subTest(name):
                found = self.pair.unpacked_by(name)
                self.assertIn(found.get("by"), ("nodeproof", "containerd", "both"))
                self.assertEqual(found["by"] == "nodeproof", not found.get("reasons"), found)
                told[name] = found
        ordinary = [name for name, found in told.items() if found["by"] == "nodeproof"]
        self.assertGreater(len(ordinary), len(told) * 3 // 4, [(name, found["reasons"]) for name, found in told.items()
                                                              if found["by"] != "nodeproof"])


class Fixtures(OnPair):
    """All images of the catalogue, good and bad."""

    @classmethod
    def make(cls):
        found = {case.name: catalogue.build(case.name, HOST) for case in catalogue.CASES}
        return {name: image for name, image in found.items() if any(v.platform["architecture"] == HOST for v in image.variants)}

    def test_the_trees_are_equal(self):
        self.assertEqual({}, self.pair.refused)
        self.assert_equal_trees()

    def test_nothing_is_left_of_the_staging(self):
        self.assert_nothing_staged()

    def test_nodeproof_unpacked_all_of_it(self):
        told = {name: self.pair.unpacked_by(name) for name in self.pair.images}
        # Nothing is told of an image all of whose layers were there for another one.
        self.assertEqual({}, {name: found for name, found in told.items() if found.get("by") not in ("nodeproof", None)})
        self.assertGreater(sum(found.get("by") == "nodeproof" for found in told.values()), len(told) // 2)


class Debian(Fixtures):
    """Twenty images of ordinary packages, in several layers."""

    @classmethod
    def make(cls):
        found = debian_images()
        assert len(found) == 20
        return found


@unittest.skipIf(os.environ.get("NODEPROOF_LATE") and VERSION != "1.7", "late: with containerd 1.7 alone")
class Native(OnPair):
    """A snapshotter that copies what is below."""

    snapshotter = "native"
    justified = odd_layers.JUSTIFIED

    @classmethod
    def make(cls):
        some = {name: parts for name, parts in odd_layers.corpus().items() if "hundred thousand" not in name}
        return {name: unpacking.image_of(parts) for name, parts in some.items()}

    def test_the_trees_are_equal(self):
        self.assert_equal_trees()

    def test_what_containerd_refuses_is_refused(self):
        self.assert_refused_alike()

    def test_nothing_is_left_of_the_staging(self):
        self.assert_nothing_staged()


class Afterwards(testing.RigTest):
    """containerd and a kubelet go on with it as with their own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)

    def setUp(self):
        self.containerd = self.enterContext(self.opened(Containerd, VERSION))
        self.nodeproof = self.enterContext(Nodeproof())
        own = layers.from_files(layers.File("own", b"of its own"))
        base = layers.from_tar(odd_layers.LOWER)
        found = {"small": unpacking.image_of([base]), "larger": unpacking.image_of([base, own])}
        busybox = unpacking.image_of([catalogue.addition(HOST, "busybox-static")])
        self.images = found | {"busybox": busybox}
        self.references = unpacking.push(self.registry, self.images, "afterwards")

    def opened(self, make, *arguments):
        try:
            return make(*arguments)
        except packages.Unavailable as error:
            self.skipTest(str(error))

    def pull(self, unpack: str = "") -> dict:
        outcome = self.nodeproof.check(unpacking.config(self.containerd, self.references.values(), unpack))
        for name in ("small", "larger"):
            self.assertEqual("ready", outcome.image(self.references[name])["verdict"], outcome.stdout)
        return {name: outcome.image(reference) for name, reference in self.references.items()}

    def assert_checked(self):
        for reference in self.references.values():
            lines = self.containerd.ctr("images", "check", f"name=={reference}").splitlines()[1:]
            self.assertEqual(1, len(lines), lines)
            self.assertIn("complete", lines[0])
            self.assertTrue(lines[0].rstrip().endswith("true"), lines[0])

    def test_ctr_finds_it_whole_and_runs_it(self):
        self.pull()
        self.assert_checked()
        self.assertEqual("", self.containerd.ctr("run", "--rm", self.references["larger"], "nodeproof-test-unpacked"))
        said = self.containerd.ctr("run", "--rm", self.references["busybox"], "nodeproof-test-busybox", "/bin/busybox", "echo", "hello")
        self.assertEqual("hello\n", said)
        self.assertEqual([], self.containerd.mounts())

    def test_a_kubelet_finds_it_and_fetches_nothing(self):
        self.pull()
        asked = len([path for method, path, _ in self.registry.requests() if method == "GET" and "/blobs/" in path])
        done = subprocess.run([unpacking.driver(), self.containerd.socket, "cri-pull", self.references["larger"]],
                              capture_output=True, text=True, timeout=120)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertNotIn('"error"', done.stdout)
        self.assertEqual(asked, len([path for method, path, _ in self.registry.requests() if method == "GET" and "/blobs/" in path]))

    def test_ctr_has_nothing_left_to_unpack_and_mounts_it(self):
        self.pull()
        before = self.containerd.snapshots()
        self.containerd.ctr("snapshots", "unpack", self.images["larger"].top.digest)
        self.containerd.ctr("images", "pull", "--plain-http", self.references["larger"])
        self.assertEqual(before, self.containerd.snapshots())
        place = self.containerd.folder / "mounted"
        place.mkdir()
        self.containerd.ctr("images", "mount", self.references["larger"], str(place))
        seen = subprocess.run([*self.containerd.inside(), "ls", place], capture_output=True, text=True, check=True).stdout.split()
        self.containerd.ctr("images", "unmount", "--rm", str(place))
        self.assertEqual(["abs", "app", "d", "f", "gone", "link", "low", "out", "own"], sorted(seen))

    def test_an_image_above_it_is_unpacked_by_ctr(self):
        self.pull()
        more = layers.from_tar(odd_layers.SINGLE["folders that only paths imply"])
        above = images.index(images.variant(HOST, [layers.from_tar(odd_layers.LOWER), more], unpacking.RUN))
        images.Client(self.registry.url).push("above", "1", above)
        self.containerd.ctr("images", "pull", "--plain-http", f"{self.registry.name}/above:1")
        chain = trees.chain_ids(unpacking.diff_ids(above))
        self.assertIn(chain[-1], self.containerd.snapshots())
        self.assertEqual(2, len(trees.Trees(self.containerd).chain(chain[-1])))

    def test_it_goes_with_its_names_and_leaves_nothing_on_the_disk(self):
        self.pull()
        self.containerd.ctr("images", "rm", "--sync", *self.containerd.images())
        self.assertEqual((set(), {}, []), (self.containerd.content(), self.containerd.snapshots(), self.containerd.leases()))
        processes.wait_until(lambda: not unpacking.snapshot_folders(self.containerd), "folders of snapshots that are gone")

    def test_one_image_less_leaves_the_others_whole(self):
        self.pull()
        self.containerd.ctr("images", "rm", "--sync", *(name for name in self.containerd.images()
                                                        if name != self.references["larger"]))
        self.assertEqual(set(trees.chain_ids(unpacking.diff_ids(self.images["larger"]))), set(self.containerd.snapshots()))

    def test_labels_are_those_that_containerd_sets(self):
        self.pull()
        other = self.enterContext(Containerd(VERSION))
        unpacking.pull_by_ctr(other, self.references.values())
        layer_labels = []
        for side in (self.containerd, other):
            rows = [line.split() for line in side.ctr("content", "ls").splitlines()[1:]]
            digests = {layer.digest for image in self.images.values() for layer in image.variant(HOST).layers}
            layer_labels.append({row[0]: [text for text in row[-1].split(",") if text.startswith("containerd.io/uncompressed")]
                                 for row in rows if row[0] in digests})
        self.assertEqual(layer_labels[1], layer_labels[0])

    def test_who_unpacks_is_configured(self):
        pulled = self.pull("containerd")
        self.assertEqual({"containerd"}, {image["pull"]["unpack"]["by"] for image in pulled.values() if "unpack" in image["pull"]})
        self.assert_checked()


if __name__ == "__main__":
    testing.main()
