"""Pulling a set of images: planned, resumed, joined with a kubelet's own pull; on a real containerd, one version per
run (NODEPROOF_CONTAINERD)."""

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from rig import images, layers, packages, processes, program, programs, testing
from rig.containerd import Containerd
from rig.on_containerd import HOST, MEGABYTE, VERSION, OnContainerd, layer, new_seed, tar_of
from rig.program import Nodeproof
from rig.proxy import Proxy
from rig.registry import Registry
from rig.stores import store_of
from rig.stormy import FAULTS, StormyRegistry

# killing_store.hpp's
STEPS = ("lease", "began", "half", "before-commit", "committed", "before-unpack", "unpacked", "before-manifest",
         "manifest", "before-sync", "synced")


def plain_layer(seed: str, size: int) -> layers.Layer:
    """Not compressed and not kept: for what is large."""
    data = tar_of(f"data/{seed}", random.Random(seed).randbytes(size))
    path = Path(tempfile.mkstemp(prefix="nodeproof-layer-", dir="/dev/shm")[1])
    path.write_bytes(data)
    digest = layers.sha256(data)
    return layers.Layer(path, digest, len(data), digest, "application/vnd.oci.image.layer.v1.tar")


class Pulls(OnContainerd):
    def pull(self, *arguments: str) -> list[dict]:
        found = self.drive("set", *arguments)["images"]
        for image in found:
            self.assertNotIn("failed", image)
        return found

    def publish(self, name: str, *parts: layers.Layer) -> str:
        image = images.index(images.variant(HOST, parts, {"Cmd": ["/x"]}))
        return self.push(name, image)

    def asked(self, part: layers.Layer) -> int:
        return len([path for method, path, _ in self.registry.requests()
                    if method == "GET" and path.endswith("/blobs/" + part.digest)])

    def assert_nothing_left(self):
        self.assertEqual(([], []), (self.containerd.ingests(), self.containerd.leases()))
        self.assertEqual({"Committed"}, set(self.containerd.snapshots().values()))
        self.assertLessEqual(set(self.containerd.mounts()), {str(self.containerd.root)})  # where that is a disk of its own


class Planned(Pulls):
    def test_what_images_share_is_fetched_and_unpacked_once(self):
        base = [layer("planned base 1", 3 * MEGABYTE), layer("planned base 2")]
        own = [layer(f"planned own {i}", 50_000 * (i + 1)) for i in range(4)]
        references = [self.publish(f"planned{i}", *base, part) for i, part in enumerate(own)]
        pulled = self.pull("publish=1", *references)
        self.assertEqual([1] * 6, [self.asked(part) for part in (*base, *own)])
        self.assertEqual(sum(part.size for part in (*base, *own)), sum(image["downloaded"] for image in pulled))
        self.assert_checked(*references)
        self.assert_nothing_left()

    def test_each_image_is_held_by_its_own_lease(self):
        base = layer("held base", MEGABYTE)
        first, second = self.publish("held1", base, layer("held 1")), self.publish("held2", base, layer("held 2"))
        pulled = self.pull(first, second)
        for image in pulled:
            self.assertIn(image["lease"], self.containerd.leases())
        self.containerd.ctr("leases", "rm", "--sync", pulled[0]["lease"])
        self.assertIn(base.digest, self.containerd.content())
        self.assertIn(pulled[1]["chain"], self.containerd.snapshots())
        self.assertNotIn(pulled[0]["chain"], self.containerd.snapshots())
        self.containerd.ctr("leases", "rm", "--sync", pulled[1]["lease"])
        self.assertNotIn(base.digest, self.containerd.content())

    def test_an_image_that_fails_takes_no_other_with_it(self):
        good, bad, base = layer("fails good"), layer("fails bad", MEGABYTE), layer("fails base", MEGABYTE)
        references = [self.publish("fails1", base, bad), self.publish("fails2", base, good)]
        os.truncate(self.registry.blob(bad.digest), 1000)
        found = self.drive("set", "publish=1", *references)["images"]
        self.assertIn("failed", found[0])
        self.assertIn(bad.digest, found[0]["why"])
        self.assertNotIn("failed", found[1])
        self.assert_checked(references[1])
        self.containerd.ctr("leases", "rm", "--sync", *self.containerd.leases())
        self.assert_checked(references[1])

    def test_a_blob_of_another_namespace_is_taken_without_a_byte(self):
        part = layer("other namespace", 2 * MEGABYTE)
        reference = self.publish("namespace", part)
        subprocess.run([self.containerd.tree / "usr/bin/ctr", "--address", self.containerd.socket, "--namespace", "elsewhere",
                        "content", "fetch", "--plain-http", reference], check=True, capture_output=True,
                       env=self.containerd.environment())
        pulled = self.pull("publish=1", reference)
        self.assertEqual((1, 0), (self.asked(part), pulled[0]["downloaded"]))
        self.assert_checked(reference)


class Converging(Pulls):
    """Whatever happens on the way: in the end all is as after a pull to which nothing happened."""

    def setUp(self):
        self.containerd = self.enterContext(Containerd(VERSION))

    def assert_as_after_a_clean_pull(self, *references: str):
        self.assert_checked(*references)
        self.assert_nothing_left()
        found = store_of(self.containerd)
        self.containerd = self.enterContext(Containerd(VERSION))
        self.pull("publish=1", *(f"{self.registry.name}/{name.split('/', 1)[1]}" for name in references))
        for what, wanted in store_of(self.containerd).items():
            self.assertEqual(wanted, found[what], what)

    def test_killed_at_any_step_the_next_run_converges(self):
        all_references = []
        for step in STEPS:
            with self.subTest(step):
                base = layer(f"step {step} base", 8 * MEGABYTE)
                references = [self.publish(f"step-{step}-{i}", base, layer(f"step {step} {i}")) for i in range(2)]
                killed = self.start("set", "parallel=1", f"die={step}", *references)
                killed.communicate(timeout=120)
                self.assertEqual(-signal.SIGKILL, killed.returncode, "it was to be killed")
                pulled = self.pull("publish=1", *references)
                again = sum(image["downloaded"] for image in pulled)
                if step == "half":
                    self.assertLessEqual(again, base.size / 2 + 3 * MEGABYTE)
                if step in ("committed", "before-unpack", "unpacked"):
                    self.assertLess(again, base.size)
                self.assert_nothing_left()
                all_references += references
        self.assert_as_after_a_clean_pull(*all_references)

    def test_thirty_cuts_in_300_megabytes_cost_a_tenth_at_most_and_change_no_byte(self):
        parts = [self.keep_layer(plain_layer(f"cuts {i}", 50 * MEGABYTE)) for i in range(6)]
        self.publish("cuts", *parts)
        size = sum(part.size for part in parts)
        seed = new_seed()
        # Four that come one upon the other are too many for one download, whatever it does.
        stretch, numbers = size // 30, random.Random(seed)
        cuts = [i * stretch + numbers.randrange(stretch - 2 * MEGABYTE) for i in range(30)]
        with self.subTest(NODEPROOF_SEED=seed), Proxy(self.registry.port, cuts) as proxy:
            self.pull("publish=1", f"{proxy.name}/cuts:1")
            self.assertEqual(30, proxy.made_cuts)
            self.assertLess(proxy.sent, size * 1.1)
            self.assert_as_after_a_clean_pull(f"{proxy.name}/cuts:1")

    def test_all_weather_at_every_layer_changes_no_byte(self):
        parts = [layer(f"storm {i}", 3 * MEGABYTE + i) for i in range(4)]
        self.publish("storm", *parts)
        seed = new_seed()
        with self.subTest(NODEPROOF_SEED=seed), StormyRegistry(seed) as stormy:
            reference = stormy.serve("storm", images.index(images.variant(HOST, parts, {"Cmd": ["/x"]})))
            for _ in range(len(FAULTS)):  # what one run gives up, the next one goes on with
                if "failed" not in self.drive("set", "publish=1", reference)["images"][0]:
                    break
            self.assertEqual(len(parts) * len(FAULTS), stormy.met)
            self.assert_as_after_a_clean_pull(reference)

    def test_it_runs_and_goes_with_its_names(self):
        app = layers.from_files(layers.File("app", programs.good(HOST)))
        image = images.index(images.variant(HOST, [layer("goes base", MEGABYTE), app], {"Entrypoint": ["/app"]}))
        reference = self.push("goes", image)
        self.pull("publish=1", reference)
        self.assert_checked(reference)
        self.assertEqual("", self.containerd.ctr("run", "--rm", reference, "nodeproof-test-goes"))
        self.containerd.ctr("images", "rm", "--sync", *self.containerd.images())
        self.assertEqual((set(), {}), (self.containerd.content(), self.containerd.snapshots()))

    def keep_layer(self, part: layers.Layer) -> layers.Layer:
        self.addCleanup(part.path.unlink)
        return part


class Interrupted(Pulls):
    def test_containerd_restarted_in_the_middle(self):
        parts = [layer(f"restart {i}", 8 * MEGABYTE) for i in range(3)]
        self.publish("restart", *parts)
        with Proxy(self.registry.port, rate=8 * MEGABYTE) as proxy:
            reference = f"{proxy.name}/restart:1"
            pulling = self.start("set", reference)
            self.wait_for_bytes(pulling, 3 * MEGABYTE)
            self.containerd.kill()
            failed = self.answer(pulling)["images"][0]
            self.assertEqual("runtime_unavailable", failed["failed"], failed)
            self.containerd.start()
            before = proxy.sent
            self.pull("publish=1", reference)
            self.assertLess(proxy.sent - before, sum(part.size for part in parts) - MEGABYTE)
            self.assert_checked(reference)
        self.assert_nothing_left()

    def test_a_poisoned_ingest_is_dropped_and_fetched_anew(self):
        part = layer("poisoned", 8 * MEGABYTE)
        reference = self.publish("poisoned", part)
        killed = self.start("set", "die=half", reference)
        killed.communicate(timeout=120)
        folder = self.containerd.root / "io.containerd.content.v1.content" / "ingest"
        data = next(folder.glob("*/data"))
        with open(data, "r+b") as file:
            file.write(b"not what was there")
        self.pull("publish=1", reference)
        self.assert_checked(reference)
        self.assert_nothing_left()


class Joined(Pulls):
    """A kubelet pulls what we are pulling."""

    def pull_by_cri(self, reference: str, then) -> dict:
        """Runs then() while CRI pulls."""
        kubelet = self.start("cri-pull", reference)
        then(kubelet)
        found = self.answer(kubelet)
        self.assertNotIn("error", found)
        return found

    def assert_sent_once(self, parts):
        for part in parts:
            self.assertLessEqual(self.registry.bytes_sent(part.digest), part.size + MEGABYTE, part.digest)

    def test_the_kubelet_joins_us(self):
        parts = [layer(f"joins {i}", 12 * MEGABYTE) for i in range(2)]
        self.publish("joins", *parts)
        with Proxy(self.registry.port, rate=12 * MEGABYTE) as proxy:
            ours = self.start("set", "publish=1", f"{proxy.name}/joins:1")
            self.wait_for_bytes(ours)
            self.pull_by_cri(f"{proxy.name}/joins:1", lambda _: self.answer(ours))
        self.assert_sent_once(parts)
        self.assert_checked(f"{proxy.name}/joins:1")

    def test_we_join_the_kubelet(self):
        parts = [layer(f"joined {i}", 12 * MEGABYTE) for i in range(2)]
        self.publish("joined", *parts)
        with Proxy(self.registry.port, rate=12 * MEGABYTE) as proxy:
            def pull(kubelet):
                self.wait_for_bytes(kubelet)
                self.pull("publish=1", f"{proxy.name}/joined:1")

            self.pull_by_cri(f"{proxy.name}/joined:1", pull)
        self.assert_sent_once(parts)
        self.assert_checked(f"{proxy.name}/joined:1")

    def test_a_waiting_kubelet_gets_the_blob_that_a_cap_slows_down(self):
        part = layer("capped", 24 * MEGABYTE)
        reference = self.publish("capped", part)
        ours = self.start("set", "publish=1", f"bandwidth={MEGABYTE // 2}", "slice=3000", reference)
        self.wait_for_bytes(ours)
        begin = time.monotonic()
        self.pull_by_cri(reference, lambda _: None)
        self.assertLess(time.monotonic() - begin, 20, "the cap alone would have taken 48 s")
        found = self.answer(ours)["images"][0]
        self.assertNotIn("failed", found)
        self.assertLess(found["downloaded"], part.size)
        self.assert_checked(reference)
        self.assertLessEqual(self.registry.bytes_sent(part.digest), part.size + 8 * MEGABYTE)

    def test_a_cap_is_kept(self):
        reference = self.publish("kept", layer("kept", 4 * MEGABYTE))
        pulled = self.pull("publish=1", f"bandwidth={MEGABYTE}", reference)
        self.assertGreater(pulled[0]["seconds"], 3.5)
        self.assertLess(pulled[0]["seconds"], 6)


class Full(Pulls):
    """Images that the disk is too small for."""

    SIZE = 48 * MEGABYTE

    @classmethod
    def setUpClass(cls):
        super(OnContainerd, cls).setUpClass()
        cls.registry = cls.keep(Registry)
        try:
            cls.containerd = Containerd(VERSION)
        except packages.Unavailable as error:
            raise unittest.SkipTest(str(error)) from error
        cls.addClassCleanup(shutil.rmtree, cls.containerd.folder, ignore_errors=True)
        cls.containerd.root.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={cls.SIZE}", "tmpfs", cls.containerd.root], check=True)
        cls.addClassCleanup(subprocess.run, ["umount", "--lazy", cls.containerd.root], check=True)
        cls.addClassCleanup(cls.containerd.stop)
        cls.containerd.__enter__()

    def setUp(self):
        self.used = self.usage().used

    def usage(self):
        return shutil.disk_usage(self.containerd.root)

    def refused(self, process: subprocess.Popen) -> dict:
        failed = self.answer(process)["images"][0]
        self.assertEqual("no_space", failed.get("failed"), failed)
        return failed

    def assert_given_back(self):
        self.assert_nothing_left()
        self.assertLess(self.usage().used, self.used + MEGABYTE)

    def test_what_cannot_fit_is_refused_before_a_byte_is_fetched(self):
        part = layer("too large", 24 * MEGABYTE)
        failed = self.refused(self.start("set", "keep_free=0", self.publish("too-large", part)))
        self.assertIn("io.containerd.content.v1.content has not enough room", failed["why"])
        self.assertIn("pull.keep_free", failed["remedy"])
        self.assertEqual(0, self.asked(part))
        self.assert_given_back()

    def test_what_grows_beyond_the_disk_when_unpacked_is_given_back(self):
        part = layers.generated("zeros beyond the disk", lambda: tar_of("data/zeros", bytes(2 * self.SIZE)))
        failed = self.refused(self.start("set", "keep_free=0", self.publish("zeros", part)))
        self.assertIn("disk space", failed["remedy"])
        self.assert_given_back()

    def test_what_is_known_not_to_fit_is_given_back_before_it_is_unpacked(self):
        part = layers.generated("zeros beyond the disk", lambda: tar_of("data/zeros", bytes(2 * self.SIZE)))
        reference = self.publish("known-zeros", part)
        with Nodeproof() as nodeproof:
            config = nodeproof.write_config({"containerd": {"address": str(self.containerd.socket)},
                                             "pull": {"keep_free": "0B"}, "images": [{"reference": reference}]})
            finding = nodeproof.check(config).image(reference)["findings"][0]
        self.assertEqual("NoSpace", finding["code"])
        self.assertRegex(finding["message"], r"overlayfs has not enough room: 100\.7 MB are needed")
        self.assert_given_back()

    def test_a_disk_that_fills_meanwhile_stops_the_pull_and_room_lets_it_go_on(self):
        self.publish("meanwhile", layer("meanwhile", 8 * MEGABYTE))
        with Proxy(self.registry.port, rate=4 * MEGABYTE) as proxy:
            reference = f"{proxy.name}/meanwhile:1"
            pulling = self.start("set", "keep_free=0", reference)
            self.wait_for_bytes(pulling)
            other = self.containerd.root / "somebody else's"
            with open(other, "wb") as file:
                os.posix_fallocate(file.fileno(), 0, self.usage().free)
            self.refused(pulling)
            other.unlink()
            self.pull("publish=1", "keep_free=0", reference)
        self.assert_checked(reference)
        self.assert_nothing_left()


class Checked(Pulls):
    """The whole program."""

    def setUp(self):
        self.nodeproof = Nodeproof()
        self.addCleanup(self.nodeproof.__exit__)

    def config(self, *references: str, **pull) -> Path:
        return self.nodeproof.write_config({"containerd": {"address": str(self.containerd.socket)}, "pull": pull,
                                            "images": [{"reference": reference} for reference in references]})

    def assert_pulled(self, outcome, reference: str) -> dict:
        """These images hold nothing that could be run; only what is said about their pull matters."""
        image = outcome.image(reference)
        self.assertGreater(image["pull"]["layers"], 0, image["findings"])
        return image["pull"]

    def test_shared_layers_are_fetched_once(self):
        base = layer("check base", 3 * MEGABYTE)
        own = [layer(f"check {i}") for i in range(3)]
        references = [self.publish(f"check{i}", base, part) for i, part in enumerate(own)]
        outcome = self.nodeproof.check(self.config(*references))
        pulls = [self.assert_pulled(outcome, reference) for reference in references]
        self.assertEqual(1, self.asked(base))
        self.assertEqual(sum(part.size for part in (base, *own)), sum(pull["downloadedBytes"] for pull in pulls))

    def test_an_image_that_is_there_in_zstd_too_is_fetched_in_that_form_and_a_kubelet_has_it(self):
        plain = layers.from_files(layers.File("app", programs.good(HOST)), layers.File("text", b"some words " * 100_000))
        packed = layers.zstd(plain)
        forms = [images.variant(HOST, [part], {"Entrypoint": ["/app"]}) for part in (plain, packed)]
        forms[1].annotations["io.github.containers.compression.zstd"] = "true"
        reference = self.push("twin", images.index(*forms))
        outcome = self.nodeproof.check(config := self.config(reference))
        image = outcome.image(reference)
        self.assertEqual(("ready", forms[1].manifest.digest), (image["verdict"], image["manifestDigest"]), image)
        self.assertEqual((0, 1), (self.asked(plain), self.asked(packed)))
        self.assert_checked(reference)
        self.assertEqual(forms[0].config.digest, self.drive("cri-pull", reference)["id"])
        self.assertEqual((0, 1), (self.asked(plain), self.asked(packed)))
        changed = json.loads(config.read_text(encoding="utf-8"))
        changed["images"][0]["emulation"] = "warn"  # all of the proof is made again
        again = self.nodeproof.check(self.nodeproof.write_config(changed)).image(reference)
        self.assertEqual(("ready", forms[1].manifest.digest), (again["verdict"], again["manifestDigest"]), again)
        self.assertEqual((0, 1), (self.asked(plain), self.asked(packed)))

    def test_killed_in_the_middle_of_a_blob_it_goes_on_there(self):
        part = layer("check killed", 24 * MEGABYTE)
        self.publish("check-killed", part)
        with Proxy(self.registry.port, rate=12 * MEGABYTE) as proxy:
            reference = f"{proxy.name}/check-killed:1"
            config = self.config(reference)
            running = self.nodeproof.start("check", "-c", config)
            self.wait_for_bytes(running, 8 * MEGABYTE)
            program.kill_group(running)
            before = proxy.sent
            there = self.ingested()
            pull = self.assert_pulled(self.nodeproof.check(config), reference)
        self.assertLessEqual(pull["downloadedBytes"], part.size - there + MEGABYTE)
        self.assertLessEqual(proxy.sent - before, part.size - there + 2 * MEGABYTE)
        self.assertEqual([], self.containerd.ingests())

    def test_a_gigabyte_is_pulled_in_a_cgroup_of_64_megabytes(self):
        hierarchy = Path("/sys/fs/cgroup/memory")
        if not (hierarchy / "memory.limit_in_bytes").exists():
            self.skipTest("there is no memory controller of cgroup v1 here")
        parts = [plain_layer(f"large {i}", 128 * MEGABYTE) for i in range(8)]
        reference = self.publish("gigabyte", *parts)
        group = hierarchy / f"nodeproof-test-{os.getpid()}"
        group.mkdir()
        # On a disk: a file system in memory is the memory of who writes to it.
        on_disk = self.enterContext(Containerd(VERSION, place="/var/tmp"))
        config = self.nodeproof.write_config({"containerd": {"address": str(on_disk.socket)}, "pull": {"parallel": 8},
                                              "images": [{"reference": reference}]})
        try:
            (group / "memory.limit_in_bytes").write_text(str(64 * MEGABYTE))
            outcome = self.nodeproof.check(config, preexec_fn=lambda: (group / "cgroup.procs").write_text("0"))
            self.assertIn(outcome.code, (0, 1, 2), outcome.stderr)
            pull = self.assert_pulled(outcome, reference)
            self.assertEqual(sum(part.size for part in parts), pull["downloadedBytes"])
            self.assertIn("oom_kill 0\n", (group / "memory.oom_control").read_text())
        finally:
            processes.wait_until(lambda: gone(group), f"the end of {group}")
            for part in parts:
                part.path.unlink()


def gone(group: Path) -> bool:
    try:
        group.rmdir()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    testing.main()
