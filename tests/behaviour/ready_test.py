"""What ready means beside real containers: what they run, an operator's override, and the giving back of all that is held
in containerd, one version per run (NODEPROOF_CONTAINERD)."""

import json
import os
import signal
import socket
import subprocess

from rig import catalogue, images, layers, processes, testing
from rig.containerd import Containerd
from rig.layers import File
from rig.on_containerd import HOST, VERSION
from rig.program import Nodeproof, codes
from rig.registry import Registry

SHELL = {"Entrypoint": ["/bin/busybox"], "Cmd": ["true"]}
LEFTOVER = "nodeproof-smoke-0123456789abcdef"
PIN = "io.cri-containerd.pinned"


def of(report: dict, code: str) -> list[dict]:
    everywhere = report["findings"] + [f for image in report["images"] for f in image["findings"]]
    return [finding for finding in everywhere if finding["code"] == code]


class Node(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.containerd = cls.keep(Containerd, VERSION)
        cls.other = cls.push("other", "other")
        # Each container of it is found whatever a test leaves running.
        cls.addClassCleanup(lambda: [cls.end(name) for name in cls.containerd.tasks()])

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())

    @classmethod
    def push(cls, name: str, content: str) -> str:
        more = layers.from_files(File("content", content.encode(), 0o644))
        image = images.index(images.variant(HOST, [catalogue.addition(HOST, "busybox-static"), more], SHELL))
        images.Client(cls.registry.url).push(name, "1", image)
        return f"{cls.registry.name}/{name}:1"

    @classmethod
    def run_container(cls, reference: str, name: str, *options: str) -> None:
        cls.containerd.ctr("run", "-d", *options, reference, name, "/bin/busybox", "sleep", "600")

    @classmethod
    def end(cls, name: str) -> None:
        cls.containerd.run_ctr("tasks", "kill", "-s", "KILL", name)
        processes.wait_until(lambda: cls.containerd.run_ctr("tasks", "rm", name).returncode == 0
                             or name not in cls.containerd.tasks(), "the end of the task")
        cls.containerd.run_ctr("containers", "rm", name)

    def config(self, *references: str, command: str = "true", **more) -> dict:
        smoke = [{"name": "starts", "args": ["/bin/busybox", command], "timeout": "20s"}]
        return {"containerd": {"address": str(self.containerd.socket), "namespace": "k8s.io"},
                "registries": {self.registry.name: {"plain_http": True}},
                "images": [{"reference": reference, "smoke": smoke, **more} for reference in references]}

    def check(self, *references: str, **more) -> dict:
        return self.nodeproof.check(self.config(*references, **more)).report


class InUse(Node):
    def test_what_containers_run_is_told_by_their_bytes(self):
        app = self.push("app", "one")
        self.assertEqual("ready", self.check(app, self.other)["verdict"])
        self.run_container(app, "web")
        quiet = self.check(app, self.other)
        self.assertEqual([], of(quiet, "InUseAndFailing") + of(quiet, "InUseNotRequired") + of(quiet, "RequiredNotUsed"))

        failing = self.check(app, self.other, command="false")
        self.assertEqual("not-ready", failing["verdict"])
        found = of(failing, "InUseAndFailing")
        self.assertEqual([("warn", app)], [(f["severity"], f["subject"]) for f in found])
        self.assertIn("container web (running", found[0]["message"])
        self.assertIn("RUNNING", self.containerd.ctr("tasks", "ls"))

        unrequired = of(self.check(self.other), "InUseNotRequired")
        self.assertEqual([("info", app)], [(f["severity"], f["subject"]) for f in unrequired])

        self.push("app", "two")  # the tag moves and is followed; the container runs what it ran
        followed = self.check(app, self.other, on_tag_moved="follow")
        self.assertEqual("ready", followed["verdict"])
        older = of(followed, "InUseNotRequired")
        self.assertEqual([app], [f["subject"] for f in older])
        self.assertIn("other bytes of this name", older[0]["message"])
        failing = self.check(app, self.other, on_tag_moved="follow", command="false")
        self.assertEqual([], of(failing, "InUseAndFailing"), "nothing runs of what fails")


class Override(Node):
    def setUp(self):
        super().setUp()
        self.flag = self.nodeproof.run_folder / "ready"

    def override(self, *arguments, **more):
        return self.nodeproof("override", *arguments, **more)

    def give(self, length: str = "4h", *more):
        done = self.override("--ready", "--for", length, "--reason", "the registry moves", *more)
        self.assertEqual(0, done.code, done.stderr)
        return done

    def test_a_bad_use_is_a_usage_error(self):
        for wrong in (["--ready"], ["--ready", "--for", "4h"], ["--ready", "--reason", "x"], ["--for", "4h"],
                      ["--ready", "--clear"], ["--clear", "--reason", "x"], ["--ready", "--for", "8d", "--reason", "x"],
                      ["--ready", "--for", "0h", "--reason", "x"], ["--ready", "--for", "4", "--reason", "x"],
                      ["--ready", "--for", "4h", "--reason", " "], ["--ready", "--for", "4h", "--reason", "a\nb"],
                      ["--ready", "--for", "-1h", "--reason", "x"], ["not-ready"]):
            with self.subTest(wrong):
                done = self.override(*wrong)
                self.assertEqual(64, done.code, done.stdout)
                self.assertTrue(done.stderr.startswith("nodeproof: "), done.stderr)
        self.assertFalse((self.nodeproof.state / "override.json").exists())

    def test_the_daemon_follows_it_and_the_verdict_stays(self):
        wrong = catalogue.publish(self.registry, HOST, ["wrong-arch"])["wrong-arch"]
        config = self.nodeproof.write_config(self.config(wrong))
        log = self.enterContext(open(self.nodeproof.folder / "log", "w", encoding="utf-8"))
        daemon = subprocess.Popen(self.nodeproof.command("daemon", "-c", config), stdin=subprocess.DEVNULL, stdout=log,
                                  stderr=log)
        self.addCleanup(processes.stop, daemon)
        socket_file = self.nodeproof.run_folder / "nodeproof.sock"
        processes.wait_until(socket_file.exists, "the daemon", daemon)
        processes.wait_until(lambda: self.status().report["sequence"] > 0, "the first cycle", daemon, 120)
        self.assertEqual((1, False), (self.status().code, self.flag.exists()))

        said = self.give().stdout
        self.assertIn("ready by override until", said)
        self.assertIn("verdict: not-ready, 0/1 ready; ArchMismatch", said)
        self.assertTrue(self.flag.exists())
        self.assertEqual(0, self.nodeproof("wait", "--timeout", "5").code)
        status = self.status()
        self.assertEqual((0, "not-ready", "ready"),
                         (status.code, status.report["verdict"], status.report["effectiveVerdict"]))
        self.assertEqual({"uid": os.getuid(), "reason": "the registry moves"},
                         {"uid": status.report["override"]["by"]["uid"], "reason": status.report["override"]["reason"]})
        self.assertIn("Overridden", codes(status.report, "warn"))
        first_lines = self.nodeproof("status").stdout.splitlines()[:3]
        self.assertIn("ready by override until", "\n".join(first_lines))
        before = status.report["sequence"]
        daemon.send_signal(signal.SIGHUP)
        processes.wait_until(lambda: self.status().report["sequence"] > before, "another cycle", daemon, 60)
        self.assertEqual("ready", self.status().report["effectiveVerdict"])

        cleared = self.override("--clear")
        self.assertIn("no override: the verdict counts", cleared.stdout)
        self.assertEqual((1, False), (self.status().code, self.flag.exists()))
        self.assertIn("no override any more", (self.nodeproof.folder / "log").read_text())

    def status(self):
        return self.nodeproof("status", "-o", "json")

    def test_without_a_daemon_it_counts_in_checks_and_ends_at_its_time(self):
        config = self.config(self.other, command="false")
        self.assertEqual(1, self.nodeproof.check(config).code)
        self.assertIn("no daemon runs", self.give().stdout)
        done = self.nodeproof.check(config)
        self.assertEqual((0, "not-ready", "ready"), (done.code, done.report["verdict"], done.report["effectiveVerdict"]))
        adhoc = self.nodeproof("check", "-c", self.nodeproof.write_config(config), "-o", "json", self.other)
        self.assertNotIn("override", adhoc.report, "it is about the node")
        self.assertEqual(1, adhoc.code)
        self.give("1s")
        shown = lambda: json.loads(self.override("-o", "json").stdout)  # noqa: E731
        processes.wait_until(lambda: not shown()["active"], "the end of the override")
        self.assertEqual(1, self.nodeproof.check(config).code)
        self.assertEqual({"given"}, {event["event"] for event in shown()["history"]} - {"ended"})

    def test_it_is_in_the_journal_and_not_for_everybody(self):
        devices = self.nodeproof.folder / "dev"
        devices.mkdir()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
            journal.bind(str(devices / "log"))
            journal.settimeout(30)
            inside = ["unshare", "--mount", "sh", "-c", f'mount --bind {devices} /dev && exec "$0" "$@"']
            command = self.nodeproof.command("override", "--ready", "--for", "1h", "--reason", "the registry moves")
            subprocess.run([*inside, *command], check=True, capture_output=True)
            line = journal.recv(4096).decode()
        self.assertRegex(line, r"^<85>nodeproof\[\d+\]: ready by override until .*given by uid 0 .*: the registry moves$")
        os.chown(self.nodeproof.state, 65534, 65534)
        nobody = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]  # root, in what is not his
        for arguments in ([], ["--clear"], ["--ready", "--for", "1h", "--reason", "x"]):
            done = subprocess.run([*nobody, *self.nodeproof.command("override", *arguments)], capture_output=True, text=True)
            self.assertEqual(69, done.returncode, done.stdout + done.stderr)


class Release(Node):
    def state(self) -> dict:
        """All that containerd holds, of whomever."""
        names = list(self.containerd.images())
        return {"images": {name: self.containerd.image_labels(name) for name in names},
                "leases": sorted(self.containerd.leases()), "containers": sorted(self.containerd.containers()),
                "tasks": sorted(self.containerd.tasks()), "snapshots": self.containerd.snapshots(),
                "ingests": sorted(self.containerd.ingests()), "content": sorted(self.containerd.content())}

    def release(self, *arguments: str):
        return self.nodeproof("release", "--address", self.containerd.socket, *arguments)

    def hold_things_of_others(self) -> None:
        """Of this image; a container with a label like ours, as CRI copies it from an image; a pin of CRI's own."""
        self.containerd.ctr("leases", "create", "--id", "theirs")
        self.containerd.ctr("images", "tag", self.other, "somebody.example/pause:1")
        self.containerd.ctr("images", "label", "somebody.example/pause:1", "nodeproof.dev/proven=", f"{PIN}=pinned")
        self.run_container(self.other, "theirs", "--label", "nodeproof.dev/smoke=1")
        self.addCleanup(self.end, "theirs")
        self.containerd.ctr("snapshots", "prepare", "theirs-active", self.top)

    def test_all_of_ours_is_given_back_and_nothing_else(self):
        failing = self.push("failing", "fails")
        config = self.config(self.other)
        config["images"] += self.config(failing, command="false")["images"]
        proven = self.nodeproof.check(config)
        self.assertEqual(1, proven.code, proven.stdout)
        self.top = proven.image(self.other)["rootfs"]
        plain = self.config(self.other)
        plain["containerd"]["namespace"] = "default"
        self.assertEqual(0, self.nodeproof.check(plain).code)
        self.hold_things_of_others()
        # As a kill leaves them.
        theirs = self.state()
        self.containerd.ctr("containers", "create", "--label", "nodeproof.dev/smoke=1", self.other, LEFTOVER)
        half = f"extract-nodeproof-x {self.top}"
        self.containerd.ctr("snapshots", "prepare", half, self.top)
        self.containerd.ctr("snapshots", "label", half, "nodeproof.dev/unpack=x")

        before = self.state()
        told = self.release()
        self.assertEqual(0, told.code, told.stderr)
        self.assertIn("nothing was changed", told.stdout)
        self.assertEqual(before, self.state())

        done = self.release("--yes", "-o", "json")
        self.assertEqual(0, done.code, done.stderr)
        places = {place["namespace"]: place for place in json.loads(done.stdout)["places"]}
        self.assertEqual({"k8s.io", "default"}, set(places))
        self.assertEqual({f"container {LEFTOVER}", f"snapshot {LEFTOVER}", f"snapshot {half}"},
                         set(places["k8s.io"]["leftovers"]))
        self.assertEqual([self.other], places["default"]["images"])
        after = self.state()
        self.assertEqual(["theirs"], after["leases"])
        self.assertEqual(theirs["containers"], after["containers"])
        self.assertEqual(theirs["tasks"], after["tasks"])
        self.assertEqual(set(theirs["images"]), set(after["images"]), "images stay")
        self.assertEqual({}, {n: l for n, l in after["images"].items() if any("nodeproof" in key for key in l)})
        self.assertEqual({"somebody.example/pause:1"}, {n for n, l in after["images"].items() if PIN in l})
        self.assertEqual(set(), set(after["snapshots"]) - set(theirs["snapshots"]))
        self.assertIn("theirs-active", after["snapshots"])
        self.assertEqual([], after["ingests"])
        lines = self.containerd.ctr("images", "check", f"name=={self.other}").splitlines()[1:]
        self.assertTrue(lines[0].rstrip().endswith("true"), lines)

        again = self.release("--yes")
        self.assertEqual((0, "nothing is held in containerd\n", ""), (again.code, again.stdout, again.stderr))
        self.containerd.ctr("snapshots", "rm", "theirs-active")
        self.containerd.ctr("leases", "rm", "theirs")

    def test_a_daemon_keeps_it_from_the_work_and_a_broken_configuration_does_not(self):
        config = self.nodeproof.write_config(self.config(self.other))
        daemon = subprocess.Popen(self.nodeproof.command("daemon", "-c", config), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(processes.stop, daemon)
        self.assertEqual(0, self.nodeproof("wait", "--timeout", "120").code)
        refused = self.release("--yes")
        self.assertEqual(75, refused.code, refused.stderr)
        self.assertIn("systemctl stop nodeproof", refused.stderr)
        self.assertIn(PIN, self.containerd.image_labels(self.other))
        self.assertEqual(0, self.release("--dry-run").code, "to look does no harm")
        processes.stop(daemon)
        broken = self.nodeproof.write_config("{ this is no configuration")
        done = self.release("--yes", "-c", broken)
        self.assertEqual(0, done.code, done.stderr)
        self.assertIn("containerd is looked for where it usually is", done.stderr)
        self.assertNotIn(PIN, self.containerd.image_labels(self.other))
        self.assertEqual(64, self.release("--yes", "--dry-run").code)

    def test_without_containerd_it_says_so(self):
        with Nodeproof() as fresh:  # that never ran here
            done = fresh("release", "--yes", "--address", self.nodeproof.folder / "none.sock")
            self.assertEqual(69, done.code, done.stderr)
            self.assertFalse(fresh.run_folder.exists() or fresh.state.exists())


if __name__ == "__main__":
    testing.main()
