"""kill -9 at any step: of the program that runs a smoke container, of the container's shim, of containerd itself. The
next sweep leaves nothing of it, and a container of somebody else beside it runs on through all of it."""

import json
import random
import subprocess
import time
from pathlib import Path
from unittest import mock

from rig import catalogue, on_containerd, processes, testing
from rig.containerd import Containerd
from rig.on_containerd import DRIVER, HOST, VERSION

TASKS = "io.containerd.runtime.v2.task/k8s.io"
THEIRS = "nodeproof-smoke-theirs"  # called like ours, and without our label
# Milliseconds after the bundle's folder appears: creation, start, run and deletion take some 200.
MOMENTS = (0, 8, 16, 25, 35, 50, 70, 100, 140, 200, 280)


def spec(ident: str) -> dict:
    return {
        "ociVersion": "1.0.2",
        "process": {"user": {"uid": 0, "gid": 0}, "args": ["/bin/busybox", "sleep", "0.1"], "env": ["PATH=/bin"], "cwd": "/",
                    "noNewPrivileges": True, "capabilities": {}},
        "root": {"path": "rootfs", "readonly": True},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
                  "resources": {"pids": {"limit": 64}, "devices": [{"allow": False, "access": "rwm"}]},
                  "cgroupsPath": f"/nodeproof.slice/{ident}"},
    }


class Leftovers(on_containerd.OnContainerd):
    def setUp(self):
        self.containerd = Containerd(VERSION).__enter__()
        self.addCleanup(self.containerd.close)
        self.reference = catalogue.publish(self.registry, HOST, ["good-static"])["good-static"]
        self.drive("pull", self.reference, "publish")
        self.containerd.ctr("run", "-d", self.reference, THEIRS, "/bin/busybox", "sleep", "600")
        self.theirs = self.containerd.ctr("tasks", "ls")
        self.their_shims = self.containerd.shims()
        self.addCleanup(self.end_theirs)
        self.bundles = self.containerd.folder / "state" / TASKS

    @classmethod
    def setUpClass(cls):
        testing.RigTest.setUpClass.__func__(cls)
        cls.registry = cls.keep(on_containerd.Registry)

    def end_theirs(self):
        self.containerd.run_ctr("tasks", "kill", "-s", "KILL", THEIRS)
        processes.wait_until(lambda: "RUNNING" not in self.containerd.ctr("tasks", "ls"), "the end of the task")

    def sweep(self, *without: str) -> dict:
        done = subprocess.run([*self.containerd.inside(), *without, DRIVER, self.containerd.socket, "sweep"],
                              capture_output=True, text=True, timeout=240)
        return json.loads(done.stdout)

    def run_until(self, moment: int) -> tuple[str, subprocess.Popen]:
        ident = "nodeproof-smoke-" + random.randbytes(8).hex()
        file = self.containerd.folder / f"{ident}.json"
        file.write_text(json.dumps(spec(ident)), encoding="utf-8")
        command = [*self.containerd.inside(), DRIVER, self.containerd.socket, "run", self.reference, ident, file,
                   self.containerd.folder / f"{ident}.out", "30000"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        while not (self.bundles / ident).exists() and process.poll() is None:
            pass
        time.sleep(moment / 1000)
        return ident, process

    def left_of(self, ident: str) -> dict:
        inside = subprocess.run([*self.containerd.inside(), "ls", "/run/containerd/runc/k8s.io"], capture_output=True, text=True)
        found = {
            "containers": self.containerd.containers(), "tasks": self.containerd.tasks(),
            "snapshots": [key for key, kind in self.containerd.snapshots().items() if kind != "Committed"],
            "leases": self.containerd.leases(), "shims": set(self.containerd.shims()) - set(self.their_shims),
            "mounts": [point for point in self.containerd.mounts() if ident in point],
            "groups": list(Path("/sys/fs/cgroup").glob(f"**/{ident}")), "runc": inside.stdout.split(),
            "bundles": [bundle.name for bundle in self.bundles.glob("*")],
            "work": [work.name for work in (self.containerd.root / TASKS).glob("*")],
        }
        return {name: left for name, left in found.items() if [it for it in left if it != THEIRS]}

    def assert_nothing_left(self, ident: str, moment: int):
        swept = self.sweep()
        self.assertNotIn("error", swept, f"at {moment} ms")
        try:  # containerd removes shims and folders behind its answer
            processes.wait_until(lambda: not self.left_of(ident), "nothing", seconds=5)
        except TimeoutError:
            self.fail(f"killed at {moment} ms, and after the sweep there is {self.left_of(ident)}")
        self.assertEqual(self.theirs, self.containerd.ctr("tasks", "ls"))
        self.assertEqual(self.their_shims, self.containerd.shims())

    def test_the_program_is_killed(self):
        for moment in MOMENTS:
            ident, process = self.run_until(moment)
            process.kill()
            process.communicate()
            self.assert_nothing_left(ident, moment)

    def test_the_shim_is_killed(self):
        for moment in MOMENTS:
            ident, process = self.run_until(moment)
            processes.kill_all([pid for pid in self.containerd.shims() if pid not in self.their_shims])
            process.communicate(timeout=240)
            self.assert_nothing_left(ident, moment)

    def test_containerd_is_killed(self):
        for moment in MOMENTS[::2]:
            ident, process = self.run_until(moment)
            self.containerd.crash()
            process.communicate(timeout=240)
            self.assert_nothing_left(ident, moment)

    def name_state_in_command_line(self):
        """As k3s and MicroK8s do; where a shim works is hidden from a program without privileges."""
        launch = self.containerd._launch
        with mock.patch.object(self.containerd, "_launch",
                               lambda command: launch([*command, "--state", self.containerd.folder / "state"])):
            self.containerd.crash()

    def test_without_privileges_it_says_what_stays(self):
        self.name_state_in_command_line()
        ident, foreign = "nodeproof-smoke-" + random.randbytes(8).hex(), "somebody"
        for name in (ident, foreign):
            rootfs = self.bundles / name / "rootfs"
            script = f"mkdir -p {rootfs} && mount -t tmpfs none {rootfs} && touch {rootfs}/file"
            subprocess.run([*self.containerd.inside(), "sh", "-c", script], check=True)
        refused = self.sweep("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
        self.assertEqual("io", refused["error"])
        self.assertIn(str(self.bundles / ident), refused["message"])
        self.assertIn("as root", refused["remedy"])
        self.assertNotIn("error", self.sweep())
        self.assertEqual({THEIRS, foreign}, {bundle.name for bundle in self.bundles.glob("*")})
        self.assertIn(str(self.bundles / foreign / "rootfs"), self.containerd.mounts())
        subprocess.run([*self.containerd.inside(), "umount", self.bundles / foreign / "rootfs"], check=True)


if __name__ == "__main__":
    testing.main()
