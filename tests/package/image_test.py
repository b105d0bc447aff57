"""The program's own image: nodeproof itself finds it whole, and right for the hosts it is for."""

import json
import subprocess
import unittest

from made import ARCHITECTURES, OWN, ROOT, image, members


class Image(unittest.TestCase):
    def inspect(self, *more: str) -> dict:
        program = f"{ROOT}/build/{OWN}-release/nodeproof"
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
        name = f"localhost/nodeproof:{version}"
        done = subprocess.run([program, *self.arguments(image(), name), *more], capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return json.loads(done.stdout)

    @staticmethod
    def arguments(image, name: str) -> list[str]:
        return ["inspect", "--deep", "-o", "json", "--from", image, name]

    def test_nodeproof_finds_it_whole_with_every_platform(self):
        report = self.inspect()
        self.assertEqual("whole", report["verdict"])
        platforms = {"amd64": "linux/amd64", "arm64": "linux/arm64"}
        self.assertEqual({platforms[a]: "whole" for a in ARCHITECTURES}, {p["platform"]: p["verdict"] for p in report["platforms"]})
        self.assertEqual([], [f for p in report["platforms"] for f in p["findings"] if f["severity"] != "info"])

    def test_it_is_right_for_a_pi_with_large_pages(self):
        if "arm64" not in ARCHITECTURES:
            self.skipTest("arm64 is not built")
        report = self.inspect("--host", "pi5", "--host", "pi3")
        self.assertNotIn("not-ready", json.dumps(report))

    def test_it_is_a_layout_of_root_and_one_time(self):
        found = members(image())
        self.assertLessEqual({"oci-layout", "index.json"}, set(found))
        self.assertEqual(1, len({(m.uid, m.gid, m.mtime) for m in found.values()}))
