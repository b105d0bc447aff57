"""The service's work without systemd: a daemon, its child per cycle, a real containerd and registry."""

import json
import os
import signal
import subprocess
from pathlib import Path

from rig import catalogue, packages, processes, testing
from rig.containerd import Containerd
from rig.program import Nodeproof, codes
from rig.registry import Registry

HOST = packages.host_architecture()
VERSION = os.environ.get("NODEPROOF_CONTAINERD", "1.6")
# As the unit runs it: root without a single capability.
WITHOUT_CAPABILITIES = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"]


class Daemon(testing.RigTest):
    def setUp(self):
        try:
            self.registry = self.enterContext(Registry())
            self.containerd = self.enterContext(Containerd(VERSION))
        except packages.Unavailable as error:
            self.skipTest(str(error))
        self.nodeproof = self.enterContext(Nodeproof())
        references = catalogue.publish(self.registry, HOST, ["good", "wrong-arch"])
        self.good, self.wrong = references["good"], references["wrong-arch"]
        self.flag = self.nodeproof.run_folder / "ready"

    def start(self, *references: str) -> subprocess.Popen:
        wanted = {"good": self.good, "wrong-arch": self.wrong}
        config = catalogue.config(self.containerd, {n: r for n, r in wanted.items() if r in references})
        self.config = self.nodeproof.write_config(config)
        log = self.enterContext(open(self.nodeproof.folder / "log", "w", encoding="utf-8"))
        daemon = subprocess.Popen([*WITHOUT_CAPABILITIES, *self.nodeproof.command("daemon", "-c", self.config)],
                                  stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(processes.stop, daemon)
        return daemon

    def status(self):
        return self.nodeproof("status", "-o", "json")

    def check_again(self, daemon: subprocess.Popen) -> dict:
        """Another cycle; its report."""
        before = self.status().report["sequence"]
        daemon.send_signal(signal.SIGHUP)
        processes.wait_until(lambda: self.status().report["sequence"] > before, "another cycle", daemon, 60)
        return self.status().report

    def test_a_node_becomes_ready_and_stays_so_whatever_is_down(self):
        daemon = self.start(self.good)
        waited = self.nodeproof("wait", "--timeout", "120")
        self.assertEqual(0, waited.code, (self.nodeproof.folder / "log").read_text())
        self.assertTrue(self.flag.exists())
        first = self.status()
        self.assertEqual((0, "ready"), (first.code, first.report["verdict"]))
        self.assertEqual("passed", first.image(self.good)["smoke"][0]["result"])
        self.assertIn(self.good, self.containerd.images())
        self.assertEqual(([], []), (self.containerd.containers(), self.containerd.leases()))

        self.registry.stop()
        self.nodeproof.age_polls()
        report = self.check_again(daemon)
        self.assertEqual(("ready", "unreachable"), (report["verdict"], report["freshness"]))

        self.containerd.kill()
        report = self.check_again(daemon)
        self.assertEqual(("ready", "stale"), (report["verdict"], report["freshness"]))
        self.assertEqual(["ContainerdUnavailable"], codes(report, "warn"))
        self.assertTrue(self.flag.exists())

        mark = self.nodeproof.state / "boot.json"
        self.assertFalse(json.loads(mark.read_text())["stopped"])
        daemon.terminate()
        self.assertEqual(0, daemon.wait(30))
        self.assertFalse(self.flag.exists(), "no service manager takes it away")
        self.assertTrue(json.loads(mark.read_text())["stopped"])

    def sequence(self) -> int:
        return self.status().report["sequence"]

    def wait_until_ready(self) -> None:
        waited = self.nodeproof("wait", "--timeout", "120")
        self.assertEqual(0, waited.code, (self.nodeproof.folder / "log").read_text())

    def test_what_changes_in_containerd_is_checked_at_once(self):
        daemon = self.start(self.good)
        self.wait_until_ready()
        kept = {path: path.stat().st_mtime_ns for path in self.nodeproof.state.rglob("*")}
        self.assertEqual((0, "", ""), self.look())
        self.containerd.ctr("images", "rm", "--sync", self.good)
        code, said, errors = self.look()
        self.assertEqual((1, ""), (code, errors))
        self.assertIn("is no longer in containerd", said)
        self.assertEqual(kept, {path: path.stat().st_mtime_ns for path in self.nodeproof.state.rglob("*")})

        asked = self.nodeproof("check", "-o", "json")  # the daemon
        self.assertEqual((0, "ready"), (asked.code, asked.report["verdict"]), asked.stderr)
        self.assertEqual(asked.report["sequence"], self.sequence())
        self.assertIn(self.good, self.containerd.images())
        self.assertEqual((0, "", ""), self.look())

        before = self.sequence()
        self.containerd.crash()
        processes.wait_until(lambda: self.sequence() > before, "a cycle when containerd is back", daemon, 60)
        report = self.status().report
        self.assertEqual(("ready", "current"), (report["verdict"], report["freshness"]))

    def look(self) -> tuple[int, str, str]:
        done = self.nodeproof("look-child")
        return done.code, done.stdout, done.stderr

    def test_a_full_disk_and_a_kill_take_no_proof_away(self):
        self.nodeproof.state.mkdir()
        disk = ["-t", "tmpfs", "-o", "size=2m", "nodeproof-test", self.nodeproof.state]
        if subprocess.run(["mount", *disk], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("mounting needs root")
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.nodeproof.state], check=True)
        daemon = self.start(self.good)
        self.wait_until_ready()
        with self.assertRaises(OSError), open(self.nodeproof.state / "filler", "wb", buffering=0) as filler:
            while filler.write(bytes(4096)):
                pass
        report = self.check_again(daemon)
        self.assertEqual(("ready", ["StateNotKept"]), (report["verdict"], codes(report, "warn")))

        children = processes.descendants([daemon.pid])
        daemon.kill()
        daemon.wait()
        processes.wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "the children's end")
        self.flag.unlink()  # as the unit does
        daemon = self.start(self.good)
        self.wait_until_ready()
        self.assertIn("StateNotKept", codes(self.status().report, "warn"))

    def test_a_node_with_a_bad_image_is_never_flagged(self):
        daemon = self.start(self.good, self.wrong)
        processes.wait_until(lambda: self.nodeproof.run_folder.joinpath("nodeproof.sock").exists(), "the daemon", daemon)
        processes.wait_until(lambda: self.status().report["sequence"] > 0, "the first cycle", daemon, 120)
        done = self.status()
        self.assertEqual((1, "not-ready", "ArchMismatch"), (done.code, done.report["verdict"], done.report["reason"]))
        self.assertFalse(self.flag.exists())
        self.assertEqual(1, self.nodeproof("wait", "--timeout", "0.1").code)
        self.assertIn(self.good, self.containerd.images())
        self.assertNotIn(self.wrong, self.containerd.images())


if __name__ == "__main__":
    testing.main()
