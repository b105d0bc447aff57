"""Damage of what containerd stored and unpacked: told, mended, and never at the cost of what runs; on a real containerd,
one version per run (NODEPROOF_CONTAINERD)."""

import contextlib
import os
import re
import signal
import time
from pathlib import Path

from rig import catalogue, images, layers, processes, program, programs, testing
from rig.containerd import Containerd
from rig.layers import File
from rig.on_containerd import HOST, VERSION, noise
from rig.program import Nodeproof
from rig.registry import Registry
from rig.stores import store_of

BUSY = {"Entrypoint": ["/app"]}


def application(seed: str) -> layers.Layer:
    """A static program, a helper beside it and data that no start needs."""
    return layers.from_files(File("app", programs.good(HOST)), File("usr/helper", programs.good(HOST)),
                             File(f"data/{seed}", noise(seed, 20_000), 0o644), File("data/none", b"", 0o644))


def groups() -> set[Path]:
    return set(Path("/sys/fs/cgroup").glob("**/nodeproof-smoke-*"))


class Repairs(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.base = application("base")
        cls.references = {}
        for name in ("one", "two"):
            more = layers.from_files(File(f"own/{name}", noise(name, 9_000), 0o644))
            top = layers.from_files(File(f"top/{name}", noise(f"top {name}", 5_000), 0o644))
            image = images.index(images.variant(HOST, [cls.base, more, top], BUSY))
            images.Client(cls.registry.url).push(name, "1", image)
            cls.references[name] = (f"{cls.registry.name}/{name}:1", image)

    def setUp(self):
        self.addCleanup(self.remove_groups, groups())  # when containerd and all its children have ended
        self.containerd = self.enterContext(Containerd(VERSION))
        self.nodeproof = self.enterContext(Nodeproof())

    @staticmethod
    def remove_groups(of_others: set[Path]) -> None:
        """Of containers whose creation a kill broke off: runc leaves their empty cgroups behind."""
        def gone(group: Path) -> bool:
            with contextlib.suppress(OSError):  # a process in it has not ended yet
                group.rmdir()
            return not group.exists()

        processes.wait_until(lambda: all([gone(group) for group in groups() - of_others]), "the end of our cgroups")

    def config(self, *names: str) -> dict:
        return {"containerd": {"address": str(self.containerd.socket)},
                "registries": {self.registry.name: {"plain_http": True}},
                "images": [{"reference": self.references[name][0],
                            "smoke": [{"name": "starts", "args": ["/app"]}]} for name in names]}

    def prove(self, *names: str) -> Path:
        """And what a clean pull leaves in the store."""
        self.path = self.nodeproof.write_config(self.config(*names))
        done = self.nodeproof.check(self.path)
        self.assertEqual((0, "ready"), (done.code, done.report["verdict"]), done.stdout)
        self.clean = store_of(self.containerd)
        return self.path

    def repair(self, name: str = "one", *more: str) -> program.Outcome:
        return self.nodeproof("repair", "-c", self.path, "-o", "json", self.references[name][0], *more)

    def chain(self, name: str = "one") -> list[str]:
        variant = self.references[name][1].variant(HOST)
        chain = []
        for layer in variant.layers:
            chain.append(layers.sha256(f"{chain[-1]} {layer.diff_id}".encode()) if chain else layer.diff_id)
        return chain

    def unpacked(self, path: str, chain: str) -> Path:
        """A file of a layer where the snapshotter keeps it: its mount's uppermost folder."""
        while True:  # the garbage collector may be faster than the second call
            self.containerd.ctr("snapshots", "view", "look", chain)
            mounts = self.containerd.ctr("snapshots", "mounts", "/nowhere", "look", check=False)
            self.containerd.ctr("snapshots", "rm", "look", check=False)
            if mounts:
                break
        found = re.search(r"lowerdir=([^:, ]+)", mounts) or re.search(r"bind (\S+)", mounts) or \
            re.search(r"-t bind (\S+)", mounts)
        return Path(found.group(1)) / path

    def blob(self, digest: str) -> Path:
        return self.containerd.root / "io.containerd.content.v1.content/blobs/sha256" / digest[7:]

    def damage_blob(self, digest: str) -> None:
        path = self.blob(digest)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.chmod(0o644)
        path.write_bytes(bytes(data))

    def assert_clean(self, *but: str):
        found = store_of(self.containerd)
        for part, value in self.clean.items():
            if part not in but:
                self.assertEqual(value, found[part], part)

    def assert_repaired(self, done: program.Outcome):
        self.assertEqual((0, "repaired", "ready"),
                         (done.code, done.report["outcome"], done.report["proof"]["verdict"]), done.stdout + done.stderr)
        self.assert_clean()
        again = self.repair()
        self.assertEqual((0, "whole"), (again.code, again.report["outcome"]), again.stdout)
        self.assert_clean()


class Blobs(Repairs):
    def test_each_kind_of_blob_is_fetched_again(self):
        self.prove("one")
        image = self.references["one"][1]
        variant = image.variant(HOST)
        for kind, digest in (("layer", variant.layers[1].digest), ("config", variant.config.digest),
                             ("manifest", variant.manifest.digest), ("index", image.top.digest)):
            with self.subTest(kind):
                self.damage_blob(digest)
                said = self.repair("one", "--dry-run")
                self.assertEqual((1, "damaged", [digest]), (said.code, said.report["outcome"], said.report["blobs"]),
                                 said.stdout + said.stderr)
                self.assertEqual(["ContentCorrupt"], [f["code"] for f in said.report["findings"]])
                self.assert_repaired(self.repair())

    def test_without_the_registry_nothing_is_taken_away(self):
        self.prove("one")
        digest = self.references["one"][1].variant(HOST).layers[1].digest
        self.damage_blob(digest)
        self.registry.stop()
        try:
            done = self.repair()
        finally:
            self.registry.start()
        self.assertEqual((1, "not-mended"), (done.code, done.report["outcome"]), done.stdout)
        self.assertIn(digest, self.containerd.content())
        self.assert_repaired(self.repair())


class Files(Repairs):
    def damages(self):
        first, second, _ = self.chain()
        return {
            "0 bytes": (first, "app", lambda p: p.write_bytes(b""), "is empty"),
            "cut short": (first, "usr/helper", lambda p: os.truncate(p, 10), "is cut short"),
            "zeroed": (second, "own/one", lambda p: p.write_bytes(bytes(9_000)), "only zero bytes"),
            "other bytes": (first, "data/base", lambda p: p.write_bytes(noise("other", 20_000)), "other bytes"),
            "missing": (second, "own/one", Path.unlink, "is missing"),
            "a folder": (first, "data/none", lambda p: (p.unlink(), p.mkdir()), "no regular file"),
        }

    def test_each_damage_is_told_and_unpacked_again(self):
        self.prove("one")
        for kind, (layer, path, damage, words) in self.damages().items():
            with self.subTest(kind):
                damage(self.unpacked(path, layer))
                said = self.repair("one", "--dry-run")
                self.assertEqual((1, "damaged", 1), (said.code, said.report["outcome"], said.report["filesWrong"]),
                                 said.stdout + said.stderr)
                finding = said.report["findings"][0]
                self.assertEqual(("FileCorrupt", "fail", "/" + path),
                                 (finding["code"], finding["severity"], finding["subject"]))
                self.assertIn(words, finding["message"])
                chain = self.chain()
                self.assertEqual(chain[chain.index(layer):], said.report["layers"])
                self.assert_repaired(self.repair())

    def test_a_check_tells_damage_and_no_other_fault(self):
        self.prove("one")
        for path, size in (("app", 0), ("app", 30), ("usr/helper", 0)):
            with self.subTest(path, size=size):
                os.truncate(self.unpacked(path, self.chain()[0]), size)
                done = self.nodeproof.check(self.path, "--again")
                if path != "app":  # no start needs it, and no power was cut since it was unpacked
                    (self.nodeproof.run_folder / "whole" / self.chain()[-1][7:]).unlink(missing_ok=True)
                    done = self.nodeproof.check(self.path, "--again")
                image = done.image(self.references["one"][0])
                self.assertEqual((1, ["FileCorrupt"]), (done.code, program.codes(image, "fail", "warn", "unknown")),
                                 done.stdout)
                self.assertIn("nodeproof repair", image["findings"][0]["remedy"])
                self.assert_repaired(self.repair())

    def test_an_image_without_a_test_is_compared_too(self):
        config = self.config("one")
        del config["images"][0]["smoke"]
        self.path = self.nodeproof.write_config(config)
        self.assertEqual(0, self.nodeproof.check(self.path).code)
        self.clean = store_of(self.containerd)
        os.truncate(self.unpacked("app", self.chain()[0]), 0)
        done = self.nodeproof.check(self.path, "--again")
        image = done.image(self.references["one"][0])
        self.assertEqual((1, ["FileCorrupt"]), (done.code, program.codes(image, "fail", "unknown")), done.stdout)
        self.assert_repaired(self.repair())


class Whole(Repairs):
    def test_good_images_are_found_whole(self):
        names = ["good", "good-static", "good-python", "good-removed-helper", "good-prebuilds", "wrong-helper"]
        references = catalogue.publish(self.registry, HOST, names)
        self.path = self.nodeproof.write_config(catalogue.config(self.containerd, references))
        self.assertEqual(0, self.nodeproof.check(self.path).code)
        for name, reference in references.items():
            done = self.nodeproof("repair", "-c", self.path, "-o", "json", reference)
            self.assertEqual((0, "whole", 0, []), (done.code, done.report["outcome"], done.report["filesWrong"],
                                                   done.report["findings"]), name)
            self.assertGreaterEqual(done.report["filesCompared"], 3)


class Shared(Repairs):
    def test_an_image_that_shares_the_layer_is_unpacked_with_it(self):
        self.prove("one", "two")
        self.unpacked("app", self.chain()[0]).write_bytes(b"")
        done = self.repair()
        self.assertEqual([self.references["two"][0]], done.report["others"], done.stdout)
        self.assert_repaired(done)
        self.assertEqual("whole", self.repair("two").report["outcome"])

    def test_the_others_layers_stay_where_the_damage_is_its_own(self):
        self.prove("one", "two")
        self.unpacked("own/one", self.chain()[1]).write_bytes(b"")
        done = self.repair()
        self.assertEqual(([], self.chain()[1:]), (done.report["others"], done.report["layers"]), done.stdout)
        self.assert_repaired(done)


class InUse(Repairs):
    def test_a_chain_in_use_is_left_alone_and_its_users_are_listed(self):
        self.prove("one", "two")
        labels = {"io.kubernetes.pod.name": "web-1", "io.kubernetes.pod.namespace": "shop",
                  "io.kubernetes.container.name": "app"}
        self.containerd.ctr("containers", "create", *[f"--label={k}={v}" for k, v in labels.items()],
                            self.references["two"][0], "user")
        clean = self.clean
        self.clean = store_of(self.containerd)
        os.truncate(self.unpacked("app", self.chain()[0]), 0)
        done = self.repair()
        self.assertEqual((1, "in-use"), (done.code, done.report["outcome"]), done.stdout + done.stderr)
        self.assertEqual([("user", "shop", "web-1", "app", "")],
                         [(u["container"], u["podNamespace"], u["pod"], u["name"], u["state"])
                          for u in done.report["users"]])
        self.assert_clean()
        self.assertEqual(1, self.nodeproof.check(self.path).code, "it is known to be damaged")
        self.containerd.ctr("containers", "rm", "user")
        self.clean = clean
        self.assert_repaired(self.repair())

    def test_a_running_task_is_told(self):
        self.prove("one")
        self.containerd.ctr("run", "--detach", "--null-io", self.references["one"][0], "runs", "/app")
        os.truncate(self.unpacked("data/base", self.chain()[0]), 0)
        users = self.repair().report["users"]
        self.assertEqual(["runs"], [u["container"] for u in users])
        self.assertIn(users[0]["state"], ("running", "stopped"))
        self.assertIn("runs", self.containerd.tasks())

    def test_another_instance_at_work_is_75(self):
        self.prove("one")
        os.truncate(self.unpacked("app", self.chain()[0]), 0)
        process = self.nodeproof.start("repair", "-c", self.path, self.references["one"][0])
        processes.wait_until(lambda: processes.holds_lock(process.pid, self.nodeproof.state), "the lock", process)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            self.assertEqual(75, self.repair().code)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        process.communicate()

    def test_an_image_that_is_not_here_is_said_so(self):
        self.prove("one")
        done = self.repair("two")
        self.assertEqual(2, done.code)
        self.assertIn("not on this node", done.stderr)


class Scrubbed(Repairs):
    def test_a_damaged_blob_is_a_warning_until_it_is_repaired(self):
        self.prove("one")
        digest = self.references["one"][1].variant(HOST).layers[1].digest
        self.damage_blob(digest)
        self.assertEqual(0, self.nodeproof("scrub-child", "-c", self.path).code)
        done = self.nodeproof.check(self.path)
        image = done.image(self.references["one"][0])
        self.assertEqual((0, "ready", ["ContentCorrupt"]), (done.code, image["verdict"], program.codes(image, "warn")))
        self.assert_repaired(self.repair())
        self.assertEqual([], program.codes(self.nodeproof.check(self.path).image(self.references["one"][0]), "warn"))


class Killed(Repairs):
    def steps(self):
        """What can be seen in containerd from outside while a repair goes on."""
        def lease():
            return any(name.endswith("-repair") for name in self.containerd.leases())

        def removed():
            return self.chain()[-1] not in self.containerd.snapshots()

        def all_removed():
            return self.chain()[0] not in self.containerd.snapshots()

        def compared():
            return any(key.startswith("nodeproof-smoke-") for key in self.containerd.snapshots())

        return {"leased": lease, "removed": removed, "all removed": all_removed, "comparing": compared}

    def test_it_is_gone_on_with_by_a_repair(self):
        self.prove("one", "two")
        for step, reached in self.steps().items():
            with self.subTest(step):
                self.damage_blob(self.references["one"][1].variant(HOST).layers[0].digest)
                os.truncate(self.unpacked("app", self.chain()[0]), 0)
                process = self.nodeproof.start("repair", "-c", self.path, self.references["one"][0])
                self.wait_and_kill(process, reached)
                done = self.repair()
                self.assertIn(done.report["outcome"], ("repaired", "whole"), done.stdout)
                # containerd 2 leaves the mount of a container whose creation was broken off.
                self.assert_clean(*(["mounts"] if step == "comparing" else []))
                self.assertEqual("whole", self.repair("two").report["outcome"])
                self.assertEqual(0, self.nodeproof.check(self.path, "--again").code)

    def test_after_random_times_too(self):
        self.prove("one", "two")
        for milliseconds in (30, 80, 130, 180, 240, 300, 380):
            with self.subTest(milliseconds=milliseconds):
                self.damage_blob(self.references["one"][1].variant(HOST).layers[0].digest)
                os.truncate(self.unpacked("app", self.chain()[0]), 0)
                process = self.nodeproof.start("repair", "-c", self.path, self.references["one"][0])
                try:
                    process.wait(milliseconds / 1000)
                except Exception:
                    pass
                if process.poll() is None:
                    program.kill_group(process)
                process.communicate()
                done = self.repair()
                self.assertIn(done.report["outcome"], ("repaired", "whole"), done.stdout + done.stderr)
                # containerd 2 leaves the mount of a container whose creation was broken off.
                self.assert_clean("mounts")

    def test_damage_below_a_layer_that_is_gone_is_mended_too(self):
        """As a kill between the removals of two layers leaves it."""
        self.prove("one")
        os.truncate(self.unpacked("app", self.chain()[0]), 0)
        self.containerd.ctr("snapshots", "rm", self.chain()[-1])
        done = self.repair()
        self.assertEqual("repaired", done.report["outcome"], done.stdout + done.stderr)
        self.assert_clean()

    def test_a_check_proves_it_anew(self):
        self.prove("one")
        os.truncate(self.unpacked("app", self.chain()[0]), 0)
        process = self.nodeproof.start("repair", "-c", self.path, self.references["one"][0])
        self.wait_and_kill(process, self.steps()["removed"])
        done = self.nodeproof.check(self.path)
        self.assertEqual((0, "ready"), (done.code, done.report["verdict"]), done.stdout)
        self.repair()
        self.assert_clean()

    def wait_and_kill(self, process, reached) -> None:
        """As soon as it is seen; the process may be faster than one look."""
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline and not reached():
            pass
        if process.poll() is None:
            program.kill_group(process)
        process.communicate()


if __name__ == "__main__":
    testing.main()
