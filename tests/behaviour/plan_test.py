"""nodeproof plan on a real registry and containerd (NODEPROOF_CONTAINERD: 1.6, 1.7 or 2): what it promises is what a check
then does, and it leaves no trace."""

import os
import re
from pathlib import Path

from rig import catalogue, packages, testing
from rig.containerd import Containerd
from rig.program import Nodeproof, codes
from rig.registry import Registry

HOST = packages.host_architecture()
IMAGES = ["good", "good-python", "good-static"]


class Plan(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.containerd = cls.keep(Containerd, os.environ.get("NODEPROOF_CONTAINERD", "1.6"))
        catalogue.publish(cls.registry, HOST, IMAGES + ["no-arch", "sigill"])

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())

    def config(self, *names: str, **pull) -> Path:
        references = {name: f"{self.registry.name}/{name}:1" for name in names}
        return self.nodeproof.write_config(catalogue.config(self.containerd, references) | {"pull": pull})

    def plan(self, config: Path, *arguments: str):
        return self.nodeproof("plan", "-c", config, "-o", "json", *arguments)

    def trace(self) -> tuple:
        """Whatever a plan could leave behind."""
        of = self.containerd
        folders = [path for path in (self.nodeproof.state, self.nodeproof.run_folder) if path.exists()]
        files = {file: file.stat().st_mtime_ns for folder in folders for file in (folder, *folder.rglob("*"))}
        return (of.leases(), of.content(), of.images(), of.snapshots(), of.ingests(), of.containers(), files)

    def test_what_is_planned_is_what_is_fetched_and_nothing_is_written(self):
        config = self.config(*IMAGES, bandwidth="50MB/s", keep_free="1MB")
        before = self.trace()
        planned = self.plan(config)
        self.assertEqual((0, ""), (planned.code, planned.stderr))
        self.assertEqual(before, self.trace())
        plan = planned.report
        self.assertEqual(("PullPlan", "pullable"), (plan["kind"], plan["outcome"]))
        python = plan["images"][1]
        self.assertEqual(["computes"], python["tests"])
        self.assertGreater(python["sharedBytes"], 0)
        self.assertAlmostEqual(plan["fetchBytes"] / 50e6, plan["fetchSeconds"], places=3)
        self.assertEqual(plan["fetchBytes"], sum(image["fetchBytes"] for image in plan["images"]))
        self.assertTrue(plan["volumes"])

        dry = self.nodeproof("check", "--dry-run", "-c", config)
        # Whatever else the machine does moves the free bytes.
        self.assertEqual(*(re.sub(r"[\d.]+ .B of", "", text)
                           for text in (self.nodeproof("plan", "-c", config).stdout, dry.stdout)))
        self.assertIn("none, anonymous", dry.stdout)
        self.assertEqual(before, self.trace())

        checked = self.nodeproof.check(config)
        fetched = sum(image["pull"]["downloadedBytes"] for image in checked.report["images"])
        self.assertEqual(plan["fetchBytes"], fetched)
        proven = self.trace()
        self.assertEqual(0, self.plan(config).report["fetchBytes"])
        self.assertEqual(proven, self.trace())

    def test_what_cannot_be_is_told_from_what_is_not_known(self):
        missing = self.plan(self.config("no-arch"))
        self.assertEqual(1, missing.code)
        self.assertIn("PlatformMissing", codes(missing.report["images"][0], "fail"))
        full = self.plan(self.config("sigill", keep_free="99.9%"))
        self.assertEqual((1, ["NoSpace"]), (full.code, codes(full.report["images"][0], "fail")))
        silent = self.plan(self.config("good"), "127.0.0.1:9/team/app:1")
        self.assertEqual((2, "unknown"), (silent.code, silent.report["outcome"]))
        nobody = self.nodeproof("plan", "-c", self.config("good"), "--address", "/nowhere/containerd.sock")
        self.assertEqual(69, nobody.code)


if __name__ == "__main__":
    testing.main()
