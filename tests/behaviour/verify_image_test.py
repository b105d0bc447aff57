"""containerd 2 asks nodeproof before each pull: what failed here is refused in mode enforce, and nothing else ever is."""

import json
import signal
import subprocess
import tempfile
from pathlib import Path

from rig import catalogue, images, packages, processes, testing
from rig.containerd import Containerd
from rig.on_containerd import DRIVER, HOST
from rig.program import Nodeproof, codes
from rig.registry import Registry

WRAPPER = packages.REPOSITORY / "systemd/nodeproof-verify-image"
LOOKED_UP = "$(command -v nodeproof)"
ZERO = {"allowed": 0, "denied": 0, "wouldDeny": 0, "undecided": 0}
FAILED = "ArchMismatch"


class VerifyImage(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        folder = tempfile.TemporaryDirectory(prefix="nodeproof-verifiers-")
        cls.addClassCleanup(folder.cleanup)
        cls.verifiers = Path(folder.name)
        cls.containerd = cls.keep(Containerd, "2", verifiers=folder.name)
        names = catalogue.publish(cls.registry, HOST, ["good", "wrong-arch", "wrong-init"])
        cls.good, cls.wrong, cls.other = names["good"], names["wrong-arch"], names["wrong-init"]

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())
        self.settings = self.nodeproof.write_config("{}")
        self.set_mode("enforce")
        self.install(self.nodeproof.binary)
        self.addCleanup(lambda: [self.containerd.run_ctr("images", "rm", "--sync", name) for name in self.containerd.images()])

    def set_mode(self, mode: str) -> None:
        required = [{"reference": self.wrong}, {"reference": self.good}, {"reference": self.other, "required": False}]
        config = {"mode": mode, "images": required, "registries": {self.registry.name: {"plain_http": True}},
                  "containerd": {"address": str(self.containerd.socket), "namespace": "k8s.io"}}
        self.settings.write_text(json.dumps(config), encoding="utf-8")

    def install(self, binary) -> None:
        """The script as an operator copies it; what it calls knows this test's folders."""
        stand_in = self.nodeproof.folder / "nodeproof"
        options = f"--run {self.nodeproof.run_folder} --config {self.settings}"
        stand_in.write_text(f'#!/bin/sh\nshift\nexec {binary} verify-image {options} "$@"\n', encoding="utf-8")
        stand_in.chmod(0o755)
        text = WRAPPER.read_text(encoding="utf-8")
        self.assertIn(LOOKED_UP, text)
        self.put(text.replace(LOOKED_UP, f"$(command -v {stand_in})"))

    def put(self, text: str) -> None:
        file = self.nodeproof.folder / WRAPPER.name
        file.write_text(text, encoding="utf-8")
        subprocess.run(["install", "-D", "-m", "0755", file, self.verifiers / WRAPPER.name], check=True)

    def start_daemon(self) -> subprocess.Popen:
        daemon = subprocess.Popen(self.nodeproof.command("daemon", "-c", self.settings), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(processes.stop, daemon)
        processes.wait_until((self.nodeproof.run_folder / "nodeproof.sock").exists, "the daemon", daemon)
        processes.wait_until(lambda: self.status()["sequence"] > 0, "the first cycle", daemon, 120)
        self.assertEqual("not-ready", self.status()["verdict"])
        return daemon

    def status(self) -> dict:
        return self.nodeproof("status", "-o", "json").report

    def pull(self, name: str) -> subprocess.CompletedProcess:
        return self.containerd.run_ctr("images", "pull", "--plain-http", name)

    def kubelets_pull(self, name: str) -> subprocess.CompletedProcess:
        return subprocess.run([DRIVER, self.containerd.socket, "cri-pull", name], capture_output=True, text=True)

    def counted(self) -> dict:
        file = self.nodeproof.run_folder / "verifier.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else ZERO

    def assert_allowed(self, name: str, **counts) -> None:
        self.containerd.run_ctr("images", "rm", "--sync", name)
        before = self.counted()
        done = self.pull(name)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn(name, self.containerd.images())
        self.assertEqual(before | {key: before[key] + more for key, more in counts.items()}, self.counted())

    def test_what_failed_is_refused_and_nothing_else(self):
        self.start_daemon()
        for pull in (self.pull, self.kubelets_pull):
            with self.subTest(pull):
                self.assertNotIn(self.wrong, self.containerd.images())
                done = pull(self.wrong)
                said = done.stdout + done.stderr
                self.assertNotEqual(0, done.returncode, said)
                self.assertIn("rejected image", said)
                self.assertIn(FAILED, said)
                self.assertNotIn(self.wrong, self.containerd.images())
        self.assertEqual(ZERO | {"denied": 2}, self.counted())
        self.assert_allowed(self.good, allowed=1)
        self.assert_allowed(self.other, allowed=1)  # it fails, and is not required

        self.set_mode("observe")
        self.assert_allowed(self.wrong, wouldDeny=1)
        self.set_mode("enforce")
        self.settings.write_text("{ broken", encoding="utf-8")
        self.assert_allowed(self.wrong, undecided=1)

    def test_a_local_pull_asks_nobody(self):
        self.start_daemon()
        done = self.containerd.run_ctr("images", "pull", "--local", "--plain-http", self.wrong)
        self.assertEqual((0, ZERO), (done.returncode, self.counted()), done.stderr)

    def test_an_override_lets_everything_through(self):
        self.start_daemon()
        self.assertNotEqual(0, self.pull(self.wrong).returncode)
        self.assertEqual(0, self.nodeproof("override", "--ready", "--for", "1h", "--reason", "moving").code)
        self.assert_allowed(self.wrong, allowed=1)

    def test_other_bytes_of_that_name_are_allowed(self):
        self.start_daemon()
        self.assertNotEqual(0, self.pull(self.wrong).returncode)
        client = images.Client(self.registry.url)
        client.push("wrong-arch", "1", catalogue.build("good", HOST))
        self.addCleanup(client.push, "wrong-arch", "1", catalogue.build("wrong-arch", HOST))
        self.assert_allowed(self.wrong, allowed=1)

    def test_a_pull_that_may_mend_this_nodes_copy_is_allowed(self):
        self.assertEqual(0, self.pull(self.good).returncode)  # nobody is there to be asked
        found = [file for file in self.containerd.root.glob("io.containerd.snapshotter.v1.*/snapshots/*/fs/**/bin/bash") if file.is_file()]
        self.assertNotEqual([], found)
        for file in found:
            file.write_bytes(b"")
        self.start_daemon()
        [image] = [each for each in self.status()["images"] if each["reference"] == self.good]
        self.assertEqual(("not-ready", ["FileCorrupt"]), (image["verdict"], codes(image, "fail")), image)
        self.assert_allowed(self.good, allowed=1)

    def test_without_an_answer_it_is_allowed(self):
        self.assert_allowed(self.wrong, undecided=1)  # no daemon
        daemon = self.start_daemon()
        daemon.send_signal(signal.SIGSTOP)
        self.addCleanup(daemon.send_signal, signal.SIGCONT)
        self.assert_allowed(self.wrong, undecided=1)
        ours = str(self.nodeproof.run_folder)  # other tests ask at the same time

        def askers() -> list[int]:
            return [pid for pid in processes.processes_naming("verify-image") if pid in processes.processes_naming(ours)]

        processes.wait_until(lambda: not askers(), "the end of the verifiers")

    def test_a_verifier_that_breaks_stops_no_pull(self):
        self.start_daemon()
        self.install("/nonexistent/nodeproof")
        self.assert_allowed(self.wrong)
        self.install("sh -c 'kill -SEGV $$'")
        self.assert_allowed(self.wrong)
        self.put(WRAPPER.read_text(encoding="utf-8"))  # no nodeproof on containerd's PATH
        self.assert_allowed(self.wrong)

    def test_what_it_does_not_understand_it_allows(self):
        self.start_daemon()
        digest = self.status()["images"][0]["indexDigest"]
        asked = ["--config", self.settings, "-name", self.wrong, "-digest", digest]

        def verify(*arguments) -> int:
            return self.nodeproof_verify(*arguments).returncode

        self.assertEqual(1, verify(*asked, "-stdin-media-type", "application/vnd.oci.descriptor.v1+json"))
        self.assertEqual(1, verify(*asked, "-of-a-later", "containerd"))
        self.assertEqual(1, verify(*asked, "-operation", "pull"))
        self.assertEqual(0, verify(*asked, "-operation", "run"))
        for wrong in ([], ["-name"], asked[:4], [*asked[:2], *asked[4:]], ["-name", "no reference!", "-digest", digest],
                      ["-output", "xml", *asked]):
            with self.subTest(wrong):
                self.assertEqual(0, verify(*wrong))

    def nodeproof_verify(self, *arguments) -> subprocess.CompletedProcess:
        command = [self.nodeproof.binary, "verify-image", "--run", self.nodeproof.run_folder, *arguments]
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, input="{}")


if __name__ == "__main__":
    testing.main()
