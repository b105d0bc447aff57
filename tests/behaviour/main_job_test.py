"""The main job on a real containerd (NODEPROOF_CONTAINERD: 1.6, 1.7 or 2) and a real registry."""

import os
import time

from rig import catalogue, packages, program, testing
from rig.containerd import Containerd
from rig.program import Nodeproof
from rig.registry import Registry

VERSION = os.environ.get("NODEPROOF_CONTAINERD", "1.6")
HOST = packages.host_architecture()


def blobs_asked(requests) -> list[str]:
    return [path for method, path, _ in requests if method == "GET" and "/blobs/" in path]


class Node(testing.RigTest):
    """A host, its registry and helpers that look at what is left on it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.containerd = cls.keep(Containerd, VERSION)
        cls.nodeproof = cls.keep(Nodeproof)
        cls.references = catalogue.publish(cls.registry, HOST)
        cls.config = catalogue.config(cls.containerd, cls.references)

    def assert_every_case(self, outcome) -> None:
        images = {image["reference"]: image for image in outcome.report["images"]}
        self.assertEqual(set(self.references.values()), set(images))
        for case in catalogue.CASES:
            with self.subTest(case.name):
                self.assert_case(images[self.references[case.name]], case)

    def assert_nothing_left(self) -> None:
        self.assertEqual([], self.containerd.containers())
        self.assertEqual([], self.containerd.tasks())
        self.assertEqual([], self.containerd.shims())
        self.assertEqual([], self.containerd.ingests())
        self.assertEqual([], [key for key, kind in self.containerd.snapshots().items() if kind != "Committed"])
        self.assertEqual([], self.containerd.mounts())
        with open("/proc/self/mounts", encoding="utf-8") as mounts:
            self.assertNotIn(str(self.nodeproof.folder), mounts.read())
        self.assertEqual([], [entry for entry in self.nodeproof.run_folder.rglob("*") if entry.is_fifo()])


class MainJob(Node):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.first = cls.nodeproof.check(cls.config)

    def test_every_image_gets_exactly_its_verdict_and_findings(self):
        self.assert_every_case(self.first)

    def test_a_node_with_bad_images_is_not_ready_and_exits_1(self):
        self.assertEqual(1, self.first.code, self.first.stderr)
        report = self.first.report
        self.assertEqual("not-ready", report["verdict"])
        self.assertEqual("nodeproof.dev/v1", report["apiVersion"])
        self.assertEqual("NodeReport", report["kind"])
        self.assertEqual(HOST, report["host"]["architecture"])

    def test_every_declared_test_of_a_ready_image_ran_and_passed(self):
        for case in catalogue.CASES:
            if case.verdict == "ready" and case.smoke:
                with self.subTest(case.name):
                    smoke = self.first.image(self.references[case.name])["smoke"]
                    results = {entry["name"]: entry["result"] for entry in smoke}
                    self.assertEqual({test["name"]: "passed" for test in case.smoke}, results | {})

    def test_sigill_is_named(self):
        for name in ("sigill", "needs-extension"):
            smoke = self.first.image(self.references[name])["smoke"]
            self.assertEqual(["SIGILL"], [entry["signal"] for entry in smoke if entry["result"] == "failed"])

    def test_findings_carry_subject_evidence_and_remedy(self):
        for image in self.first.report["images"]:
            for finding in image["findings"]:
                with self.subTest(image=image["reference"], code=finding["code"]):
                    self.assertTrue(finding["message"])
                    if finding["severity"] in ("fail", "unknown"):
                        self.assertTrue(finding["remedy"])
        helper = self.first.image(self.references["wrong-helper"])["findings"]
        tini = [f for f in helper if f["code"] == "ArchMismatch"]
        self.assertEqual(["/usr/bin/tini"], [f["subject"] for f in tini if "static" not in f["subject"]])
        wrong = catalogue.build("wrong-helper", HOST).variant(HOST)
        self.assertEqual({wrong.layers[-1].digest}, {f["layer"] for f in tini})

    def test_only_ready_images_have_records(self):
        records = self.containerd.images()
        for case in catalogue.CASES:
            reference = self.references[case.name]
            repository = reference.rsplit(":", 1)[0]
            named = [name for name in records if name == reference or name.startswith(repository + "@")]
            with self.subTest(case.name):
                if case.verdict == "ready":
                    entry = self.first.image(reference)
                    self.assertEqual(2, len(named), named)
                    self.assertEqual(catalogue.build(case.name, HOST).top.digest, entry["indexDigest"])
                    self.assertIn(records[reference], (entry["indexDigest"], entry["manifestDigest"]))
                    self.assertEqual("managed", self.containerd.image_labels(reference)["io.cri-containerd.image"])
                else:
                    self.assertEqual([], named)

    def test_a_ready_image_runs_by_its_record(self):
        ran = self.containerd.run_ctr("run", "--rm", self.references["good-python"], "by-hand",
                                      "/usr/bin/python3", "-c", "print(6*7)")
        self.assertEqual((0, "42\n"), (ran.returncode, ran.stdout), ran.stderr)

    def test_nothing_is_left_on_the_node(self):
        self.assert_nothing_left()

    def test_the_second_run_downloads_nothing_and_says_the_same(self):
        before = len(self.registry.requests())
        second = self.nodeproof.check(self.config)
        self.assert_every_case(second)
        ready = [c.name for c in catalogue.CASES if c.verdict == "ready"]
        asked = blobs_asked(self.registry.requests()[before:])
        self.assertEqual([], [path for path in asked if path.split("/")[2] in ready])
        for name in ready:
            self.assertEqual(0, second.image(self.references[name])["pull"]["downloadedBytes"], name)
        self.assert_nothing_left()


class GoodNode(Node):
    def test_a_node_of_good_images_is_ready_and_exits_0(self):
        ready = {c.name: self.references[c.name] for c in catalogue.CASES if c.verdict == "ready"}
        done = self.nodeproof.check(catalogue.config(self.containerd, ready))
        self.assertEqual((0, "ready"), (done.code, done.report["verdict"]), done.stdout)

    def test_images_that_share_a_base_fetch_it_once(self):
        pair = {name: self.references[name] for name in ("good", "good-python")}
        before = len(self.registry.requests())
        with Containerd(VERSION) as fresh, Nodeproof() as nodeproof:
            done = nodeproof.check(catalogue.config(fresh, pair))
        self.assertEqual(0, done.code, done.stdout)
        base = catalogue.base(HOST).digest
        asked = [path for path in blobs_asked(self.registry.requests()[before:]) if path.endswith(base)]
        self.assertEqual(1, len(asked), asked)


class Killed(Node):
    def test_a_killed_run_blocks_nothing_and_the_next_one_converges(self):
        path = self.nodeproof.write_config(self.config)
        for wait_for in ("/blobs/", "good-python/blobs/", "smoke"):
            with self.subTest(killed_at=wait_for):
                process = self.nodeproof.start("check", "-c", path)
                self._wait(process, wait_for)
                self.assertIsNone(process.poll(), "it ended before it could be killed")
                program.kill_group(process)
        outcome = self.nodeproof.check(path)
        self.assert_every_case(outcome)
        self.assertEqual(1, outcome.code)
        self.assert_nothing_left()

    def _wait(self, process, what: str) -> None:
        seen = len(self.registry.requests())
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            if what == "smoke" and self.containerd.tasks():
                return
            if any(what in path for _, path, _ in self.registry.requests()[seen:]):
                return


if __name__ == "__main__":
    testing.main()
