"""Killed, out of room, and refused by the kernel while layers are unpacked: nothing half is committed, the next run converges,
and what went wrong is told, never left to containerd in silence."""

import os
import random
import shutil
import signal
import subprocess
import time
import unittest

from rig import images, layers, odd_layers, packages, processes, tars, testing, trees, unpacking
from rig.containerd import Containerd
from rig.on_containerd import MEGABYTE, VERSION, new_seed
from rig.program import Nodeproof, Outcome
from rig.proxy import Proxy
from rig.registry import Registry
from rig.unpacking_processes import Family, Injected

WHO = ("main", "broker", "writer")
FILES = 60


def own_layer(seed: str, size: int = 6 * MEGABYTE) -> layers.Layer:
    """Files in folders of LOWER, with and without entries for these."""
    def make() -> bytes:
        parts = [tars.folder("low", 0o701), tars.whiteout("low/file"), tars.folder(f"low/deep/{seed}", 0o750)]
        for i in range(FILES):
            parts.append(tars.folder(f"low/deep/{seed}/{i}"))
            parts.append(tars.file(f"low/deep/{seed}/{i}/file", tars.noise(f"{seed} {i}", size // FILES)))
        return tars.tar(*parts, tars.file(f"own/{seed}", seed.encode()), tars.opaque("gone"), tars.file("gone/new"))
    return layers.generated(f"unpack fault 3 {seed} {size}", make)


def lower(seed: str) -> layers.Layer:
    """Another one each time: what is there already is not unpacked."""
    return layers.from_tar(odd_layers.LOWER[:-len(tars.END)] + tars.tar(tars.file(f"seed/{seed}")))


def half_written(containerd: Containerd) -> bool:
    place = containerd.root / "io.containerd.snapshotter.v1.overlayfs/snapshots"
    return any(path.stat().st_size > 0 for path in place.glob("*/fs/low/deep/*/*/file"))


class OnFaults(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.proxy = cls.keep(Proxy, cls.registry.port)
        cls.reference = cls.keep(Containerd, VERSION)

    def setUp(self):
        self.since = time.time_ns() - 2 * 10**9
        self.proxy.rate = 0
        self.nodeproof = self.enterContext(Nodeproof())

    def publish(self, name: str, *parts: layers.Layer) -> tuple[images.Image, str]:
        """Containerd unpacks it, too, elsewhere."""
        image = unpacking.image_of(list(parts))
        images.Client(self.registry.url).push(name, "1", image)
        direct = f"{self.registry.name}/{name}:1"
        self.assertEqual({direct: ""}, unpacking.pull_by_ctr(self.reference, [direct]))
        return image, f"{self.proxy.name}/{name}:1"

    def start(self, containerd: Containerd, reference: str, rate: int = 3 * MEGABYTE) -> tuple[subprocess.Popen, object]:
        self.proxy.rate = rate
        config = self.nodeproof.write_config(unpacking.config(containerd, [reference]))
        process = self.nodeproof.start("check", "-c", config, "-o", "json")
        self.addCleanup(self.end, process)
        return process, config

    def end(self, process: subprocess.Popen) -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    def outcome(self, process: subprocess.Popen) -> Outcome:
        self.proxy.rate = 0
        out, err = process.communicate(timeout=120)
        return Outcome(process.returncode, out, err)

    def assert_nothing_half(self, containerd: Containerd, image: images.Image):
        """Every committed snapshot is as containerd's."""
        theirs, ours = trees.Trees(self.reference), trees.Trees(containerd)
        for chain in trees.chain_ids(unpacking.diff_ids(image)):
            if ours.has(chain):
                self.assertEqual([], trees.chain_differences(theirs.chain(chain), ours.chain(chain), self.since))

    def assert_converges(self, containerd: Containerd, image: images.Image, reference: str):
        self.proxy.rate = 0
        found = self.nodeproof.check(unpacking.config(containerd, [reference])).image(reference)
        self.assertEqual("ready", found["verdict"], found["findings"])
        self.assertIn(found.get("pull", {}).get("unpack", {}).get("by"), (None, "nodeproof"), found["pull"])
        self.assertIn(trees.chain_ids(unpacking.diff_ids(image))[-1], containerd.snapshots())
        self.assert_nothing_half(containerd, image)
        self.assert_nothing_left(containerd)

    def assert_nothing_left(self, containerd: Containerd):
        self.assertEqual(([], []), (containerd.ingests(), containerd.leases()))
        self.assertLessEqual(set(containerd.snapshots().values()), {"Committed"})
        processes.wait_until(lambda: len(unpacking.snapshot_folders(containerd)) == len(containerd.snapshots()),
                             "folders of snapshots that containerd knows alone")
        self.assertLessEqual(set(containerd.mounts()), {str(containerd.root)})

    def assert_told(self, outcome: Outcome, reference: str, without_broker: bool = False):
        """Not ready and why; or else all was mended by nodeproof itself. Without a broker containerd unpacks, and that is
        said."""
        found = outcome.image(reference)
        unpack = found.get("pull", {}).get("unpack", {})
        if without_broker and unpack.get("by") in ("containerd", "both"):
            self.assertTrue(any("process that writes layers" in reason for reason in unpack["reasons"]), unpack)
        else:
            self.assertIn(unpack.get("by"), (None, "nodeproof"), unpack)
        if found["verdict"] != "ready":
            self.assertTrue(any(finding["severity"] in ("fail", "unknown") for finding in found["findings"]), found)


class Killed(OnFaults):
    """Each process with SIGKILL, at each step."""

    def setUp(self):
        super().setUp()
        self.containerd = self.enterContext(Containerd(VERSION))

    def staged(self) -> bool:
        return "Active" in self.containerd.snapshots().values()

    def kill_at(self, who: str, step: str, ready) -> None:
        name = f"{who}-{step}"
        image, reference = self.publish(name, lower(name), own_layer(name), own_layer(f"{name} 2"))
        process, _ = self.start(self.containerd, reference)
        family = Family(process)
        processes.wait_until(lambda: ready(image), step, process)
        pid = family.wait_for(who)
        family.writers()
        os.kill(pid, signal.SIGKILL)
        if who == "main":
            process.communicate(timeout=60)
        else:
            self.assert_told(self.outcome(process), reference, without_broker=who == "broker")
        family.wait_for_their_end()
        self.assert_nothing_half(self.containerd, image)
        self.assert_converges(self.containerd, image, reference)

    def each(self, step: str, ready, *those: str) -> None:
        for who in those or WHO:
            with self.subTest(killed=who):
                self.kill_at(who, step, ready)

    def test_before_the_first_byte(self):
        self.each("nothing", lambda _: True, "main", "broker")

    def test_when_a_layer_is_staged(self):
        self.each("staged", lambda _: self.staged())

    def test_in_the_middle_of_a_layer(self):
        self.each("middle", lambda _: half_written(self.containerd))

    def test_between_layers(self):
        def first_committed(image) -> bool:
            return trees.chain_ids(unpacking.diff_ids(image))[0] in self.containerd.snapshots()
        self.each("between", first_committed)

    def test_at_any_time_of_many_small_layers(self):
        # Most of the time goes into giving staged layers their places.
        seed = new_seed()
        for turn in range(8):
            with self.subTest(NODEPROOF_SEED=seed, turn=turn):
                wanted = random.Random(f"{seed} {turn}").randrange(1, 20)
                parts = [own_layer(f"small {seed} {turn} {i}", FILES * 200) for i in range(20)]
                image, reference = self.publish(f"small-{turn}", lower(f"{seed} {turn}"), *parts)
                chain = trees.chain_ids(unpacking.diff_ids(image))[wanted]
                place = self.containerd.root / "io.containerd.snapshotter.v1.overlayfs/metadata.db"
                process, _ = self.start(self.containerd, reference, rate=0)
                # The database is looked at, for ctr would be slower than all of it.
                processes.wait_until(lambda: process.poll() is not None or (place.exists() and chain.encode() in place.read_bytes()),
                                     "that layer")
                if process.poll() is None:
                    os.kill(process.pid, signal.SIGKILL)
                process.communicate()
                self.assert_nothing_half(self.containerd, image)
                self.assert_converges(self.containerd, image, reference)


class Full(OnFaults):
    """A containerd whose disk has 64 MiB and a few inodes."""

    OPTIONS = "size=64m,nr_inodes=3000"

    def setUp(self):
        super().setUp()
        try:
            self.containerd = Containerd(VERSION)
        except packages.Unavailable as error:
            self.skipTest(str(error))
        self.addCleanup(shutil.rmtree, self.containerd.folder, ignore_errors=True)
        self.containerd.root.mkdir()
        self.mount(self.OPTIONS)
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.containerd.root], check=True)
        self.addCleanup(self.containerd.stop)
        self.containerd.__enter__()

    def mount(self, options: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.containerd.root], check=True)

    def roomier(self) -> None:
        """Seen by containerd at once: it is the same file system."""
        subprocess.run([*self.containerd.inside(), "mount", "-o", "remount,size=512m,nr_inodes=100000", self.containerd.root], check=True)

    def assert_told_and_converges(self, name: str, part: layers.Layer):
        used = shutil.disk_usage(self.containerd.root).used
        image, reference = self.publish(name, lower(name), part)
        found = self.nodeproof.check(unpacking.config(self.containerd, [reference])).image(reference)
        self.assertEqual(["NoSpace"], [finding["code"] for finding in found["findings"] if finding["severity"] in ("fail", "unknown")][:1], found)
        self.assertNotIn(found.get("pull", {}).get("unpack", {}).get("by"), ("containerd", "both"))
        self.assert_nothing_half(self.containerd, image)
        self.assert_nothing_left(self.containerd)
        self.assertLess(shutil.disk_usage(self.containerd.root).used, used + 2 * MEGABYTE)
        self.roomier()
        self.assert_converges(self.containerd, image, reference)

    def test_no_room_for_the_bytes(self):
        part = layers.generated("unpack zeros 1", lambda: tars.tar(*(tars.file(f"zeros/{i}", bytes(MEGABYTE)) for i in range(160))))
        self.assert_told_and_converges("bytes", part)

    def test_no_room_for_the_inodes(self):
        part = layers.generated("unpack inodes 1", lambda: tars.tar(*(tars.file(f"many/{i}", b"") for i in range(20_000))))
        self.assert_told_and_converges("inodes", part)


class Refused(OnFaults):
    """System calls that fail: what the kernel says of a broken disk, and of missing rights."""

    STALL = 5 * MEGABYTE  # in the middle of the two large layers, or of one

    def setUp(self):
        super().setUp()
        self.proxy = self.enterContext(Proxy(self.registry.port, stall=self.STALL))
        self.containerd = self.enterContext(Containerd(VERSION))

    def at_work(self, process: subprocess.Popen, those: tuple[str, ...]) -> list[int]:
        """While nothing more comes: whoever writes now has some left to write when it goes on."""
        family = Family(process)
        processes.wait_until(lambda: self.proxy.sent >= self.STALL and half_written(self.containerd), "half a layer", process)
        look = {"main": lambda: [process.pid], "broker": family.brokers, "writer": family.writers}
        return [pid for who in those for pid in look[who]()]

    def injected(self, name: str, calls: str, error: str, those: tuple[str, ...]) -> tuple[images.Image, str, Outcome]:
        image, reference = self.publish(name, lower(name), own_layer(name), own_layer(f"{name} 2"))
        process, _ = self.start(self.containerd, reference, rate=0)
        log = self.nodeproof.folder / f"{name}.strace"
        try:
            with Injected(self.at_work(process, those), calls, error, log) as injected:
                self.proxy.go_on()
                outcome = self.outcome(process)
                self.assertGreater(injected.hits(), 0, f"no {calls} was seen")
        except packages.Unavailable as refused:
            raise unittest.SkipTest(str(refused)) from refused
        return image, reference, outcome

    def assert_error_is_told(self, name: str, calls: str, those: tuple[str, ...], error: str = "EIO"):
        image, reference, outcome = self.injected(name, calls, error, those)
        self.assertNotEqual("ready", outcome.image(reference)["verdict"])
        self.assert_told(outcome, reference)
        self.assert_nothing_half(self.containerd, image)
        self.assert_converges(self.containerd, image, reference)

    def test_writing_fails(self):
        self.assert_error_is_told("write", "write,pwrite64,writev", ("writer",))

    def test_making_folders_fails(self):
        self.assert_error_is_told("mkdir", "mkdir,mkdirat", ("writer",))

    def test_setting_owners_and_modes_fails(self):
        self.assert_error_is_told("chmod", "fchmod,fchmodat,chmod,fchown,fchownat,lchown,chown", ("writer",))

    def test_the_disk_cannot_be_synced(self):
        self.assert_error_is_told("syncfs", "syncfs,sync", ("main", "broker", "writer"))

    def test_the_folders_cannot_change_places(self):
        self.assert_error_is_told("rename", "renameat2", ("broker",))

    def test_a_quota_is_reached(self):
        self.assert_error_is_told("quota", "write,pwrite64,writev", ("writer",), "EDQUOT")

    def test_what_may_not_be_done_is_left_to_containerd_and_said(self):
        image, reference, outcome = self.injected("rights", "renameat2", "EINVAL", ("broker",))
        found = outcome.image(reference)
        self.assertEqual("ready", found["verdict"], found["findings"])
        self.assertIn(found["pull"]["unpack"]["by"], ("both", "containerd"))
        self.assertTrue(found["pull"]["unpack"]["reasons"])
        self.assert_nothing_half(self.containerd, image)
        self.assert_nothing_left(self.containerd)


if __name__ == "__main__":
    testing.main()
