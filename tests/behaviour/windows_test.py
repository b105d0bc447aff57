"""pull.windows on a real registry and containerd: what may wait waits, what is here does not, and the local time is read
without the host's modules."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from datetime import datetime, timedelta, timezone

from rig import catalogue, images, packages, testing
from rig.containerd import Containerd
from rig.program import Nodeproof, codes
from rig.registry import Registry

HOST = packages.host_architecture()
MODULE = re.compile(r"libnss|gconv|/ld\.so|\.so(\.\d+)*$")


def window(begin: int, end: int) -> str:
    """From and to, in hours from now."""
    now = datetime.now(timezone.utc)
    return "-".join((now + timedelta(hours=hours)).strftime("%H:%M") for hours in (begin, end))


class Windows(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.containerd = cls.keep(Containerd, "1.6")

    def setUp(self):
        """A proven image whose tag has moved to another one."""
        self.nodeproof = self.enterContext(Nodeproof())
        self.repository = f"app-{self.id().rsplit('.', 1)[-1]}"
        self.reference = f"{self.registry.name}/{self.repository}:1"
        self.push("good-static")
        self.assertEqual("ready", self.cycle(window(2, 3))["verdict"], "never proven: it is not held up")
        # The tests share a containerd: each has a successor that no other one has brought.
        self.successor = self.push("sigill" if "namespace" in self.id() else "good")
        self.sent = self.layers_sent()
        self.nodeproof.age_polls()

    def push(self, name: str) -> images.Image:
        made = catalogue.build(name, HOST)
        images.Client(self.registry.url).push(self.repository, "1", made)
        return made

    def command(self, *windows: str) -> list:
        config = {"containerd": {"address": str(self.containerd.socket), "namespace": "k8s.io"},
                  "registries": {self.registry.name: {"plain_http": True}}, "pull": {"windows": windows},
                  "images": [{"reference": self.reference, "on_tag_moved": "follow"}]}
        return ["cycle-child", "-c", self.nodeproof.write_config(config)]

    def cycle(self, *windows: str) -> dict:
        done = self.nodeproof(*self.command(*windows), env=os.environ | {"TZ": "UTC0"})
        last = json.loads(done.stdout.splitlines()[-1])
        self.assertIn("report", last, done.stderr)
        return last["report"]["images"][0]

    def layers_sent(self) -> int:
        return sum(self.registry.bytes_sent(layer.digest) for layer in self.successor.variant(HOST).layers)

    def assert_waits(self, image: dict) -> None:
        self.assertEqual(("ready", "stale"), (image["verdict"], image["freshness"]), image)
        self.assertEqual(["PullDeferred"], [c for c in codes(image, "info") if c == "PullDeferred"])
        self.assertIn("deferredUntil", image)
        self.assertEqual(self.sent, self.layers_sent())

    def test_a_successor_waits_for_its_window(self):
        closed = window(2, 3)
        for _ in range(2):
            self.assert_waits(self.cycle(closed))
        self.assertEqual([], self.containerd.ingests())
        followed = self.cycle(closed, window(-1, 1))
        self.assertEqual(self.successor.top.digest, followed["indexDigest"], followed)
        self.assertNotIn("deferredUntil", followed)

    def test_what_another_namespace_has_needs_no_window(self):
        self.containerd.ctr("--namespace", "other", "images", "pull", "--plain-http", self.reference)
        self.sent = self.layers_sent()
        followed = self.cycle(window(2, 3))
        self.assertEqual(self.successor.top.digest, followed["indexDigest"], followed)
        self.assertEqual(self.sent, self.layers_sent())

    def test_the_local_time_is_read_without_the_hosts_modules(self):
        if not shutil.which("strace"):
            self.skipTest("strace is not installed")
        with tempfile.NamedTemporaryFile(mode="r", prefix="nodeproof-strace-") as trace:
            command = self.nodeproof.command(*self.command(window(5, 6)))
            environment = {name: value for name, value in os.environ.items() if name != "TZ"}
            subprocess.run(["strace", "-f", "-qq", "-e", "trace=open,openat", "-o", trace.name, *command], check=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment, timeout=120)
            opened = re.findall(r'open(?:at)?\([^"]*"([^"]*)"', trace.read())
        self.assertIn("/etc/localtime", opened)
        self.assertEqual([], [path for path in opened if MODULE.search(path)])


if __name__ == "__main__":
    testing.main()
