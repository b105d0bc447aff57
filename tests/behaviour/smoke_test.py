"""The smoke room on a real containerd, one version per run: what a container's tests come to, and that nothing stays."""

import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path

from rig import catalogue, images, layers, packages, processes, programs, testing
from rig.containerd import Containerd
from rig.layers import File
from rig.registry import Registry

VERSION = os.environ.get("NODEPROOF_CONTAINERD", "1.6")
BUILD = Path(os.environ["NODEPROOF_BUILD"])
DRIVER = BUILD / "smoke_driver"
SUBJECT = (BUILD / "tests/unit/smoke/smoke_subject").read_bytes()
HOST = packages.host_architecture()
OTHER = packages.other_architecture(HOST)
LOADER = {"amd64": "/lib64/ld-linux-x86-64.so.2", "arm64": "/lib/ld-linux-aarch64.so.1"}[HOST]
ACCOUNTS = (
    File("etc/passwd", b"root:x:0:0::/:/bin/sh\napp:x:1000:100::/:/bin/sh\n", 0o644),
    File("etc/group", b"root:x:0:\nusers:x:100:\nvideo:x:44:app\n", 0o644),
)
# containerd 2.x knows calls that 1.6 does not, and took io_uring away.
NEWER = {"cachestat", "fchmodat2", "futex_requeue", "futex_wait", "futex_wake", "map_shadow_stack",
         "name_to_handle_at", "process_vm_readv", "process_vm_writev"}
IO_URING = {"io_uring_setup", "io_uring_enter", "io_uring_register"}


def chain_id(parts) -> str:
    chain = ""
    for part in parts:
        chain = layers.sha256(f"{chain} {part.diff_id}".encode()) if chain else part.diff_id
    return chain


def test(name: str, *args: str, **more) -> dict:
    return {"name": name, "args": list(args), **more}


class Smoke(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.containerd = cls.keep(Containerd, VERSION)
        cls.work = Path(cls.keep(tempfile.TemporaryDirectory, prefix="nodeproof-smoke-"))
        cls.scratch = cls.unpack("scratch", layers.from_files(File("subject", SUBJECT)))
        cls.debian = cls.unpack("debian", catalogue.base(HOST), layers.from_files(File("subject", SUBJECT), *ACCOUNTS))

    @classmethod
    def unpack(cls, name: str, *parts: layers.Layer) -> str:
        """Pulls an image of these layers with ctr; its top chain ID."""
        image = images.index(images.variant(HOST, parts, {}))
        images.Client(cls.registry.url).push(name, "1", image)
        cls.containerd.ctr("images", "pull", "--plain-http", f"{cls.registry.name}/{name}:1")
        return chain_id(parts)

    def smoke(self, rootfs: str, *tests: dict, **more) -> dict:
        folder = self.work / "files"
        folder.mkdir(exist_ok=True)
        request = self.work / "request.json"
        request.write_text(json.dumps({"rootfs": rootfs, "tests": tests, **more}), encoding="utf-8")
        done = subprocess.run([DRIVER, self.containerd.socket, folder, request], capture_output=True, text=True, timeout=120)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assert_nothing_left(folder)
        return json.loads(done.stdout)

    def assert_nothing_left(self, folder: Path):
        self.assertEqual([], list(folder.iterdir()))
        self.assertEqual([], self.containerd.containers())
        self.assertEqual([], self.containerd.tasks())
        self.assertEqual([], [key for key, kind in self.containerd.snapshots().items() if kind != "Committed"])
        self.assertEqual([], self.containerd.shims())
        self.assertEqual([], self.containerd.leases())
        self.assertEqual([], [p for p in self.containerd.mounts() if "nodeproof" in p])
        # Another test's containers may be running now; they will not be for long.
        groups = list(Path("/sys/fs/cgroup").glob("**/nodeproof-smoke-*"))
        processes.wait_until(lambda: not any(g.exists() for g in groups), f"the end of {groups}", seconds=60)

    def one(self, rootfs: str, *args: str, **more) -> tuple[dict, list[dict]]:
        found = self.smoke(rootfs, test("it", *args, **more))
        return found["results"][0], found["findings"]

    def assert_fails(self, code: str, found: tuple[dict, list[dict]]) -> dict:
        result, findings = found
        self.assertEqual("failed", result["result"], found)
        self.assertEqual([(code, "fail")], [(f["code"], f["severity"]) for f in findings])
        self.assertTrue(findings[0]["remedy"])
        return findings[0]


class Passing(Smoke):
    def test_many_tests_share_one_container(self):
        found = self.smoke(
            self.debian,
            test("says", "/bin/bash", "-c", "echo hello; echo $COLOUR", stdout="^hello$"),
            test("is found in the path", "ls", "/usr/bin", stdout="^bash$"),
            test("has no way to write", "/bin/bash", "-c", "touch /x || touch /usr/x || echo no", stdout="^no$"),
            test("has a folder for scratch", "/bin/bash", "-c", "echo 1 > /tmp/x && cat /tmp/x", stdout="^1$"),
            test("is alone", "/bin/bash", "-c", "echo /proc/[0-9]*", stdout="^/proc/1 /proc/[0-9]+$"),
            test("sees no network", "/bin/bash", "-c", "wc -l < /proc/net/route; echo > /dev/tcp/127.0.0.1/1", exit=1,
                 stdout="^1$"),
            env=["PATH=/usr/bin:/bin", "COLOUR=red"], workingDir="/srv/new",
            program="/usr/bin/bash", interpreter=LOADER,
        )
        self.assertEqual([], found["findings"])
        self.assertEqual({"passed"}, {result["result"] for result in found["results"]}, found)
        self.assertEqual(hashlib.sha256(b"hello\nred\n").hexdigest(), found["results"][0]["stdoutSha256"])

    def test_an_image_of_one_static_program_needs_nothing_else(self):
        result, findings = self.one(self.scratch, "/subject", "say", "hi", stdout="^hi$")
        self.assertEqual(("passed", []), (result["result"], findings))

    def test_the_images_user_has_its_groups_and_no_capability(self):
        for user, expected in (("", "^uid 0 0 gid 0 0 groups 0$"), ("app", "^uid 1000 1000 gid 100 100 groups 44 100$"),
                               ("1000:7", "^uid 1000 1000 gid 7 7 groups 7 44$")):
            with self.subTest(user):
                found = self.smoke(self.debian, test("who", "/subject", "identity", stdout=expected), user=user)
                self.assertEqual("passed", found["results"][0]["result"], found)
        capabilities = test("none", "/subject", "identity", stdout="^CapEff:\t0000000000000000$")
        self.assertEqual("passed", self.smoke(self.debian, capabilities)["results"][0]["result"])

    def test_whole_files_and_a_loader_that_is_content_say_nothing(self):
        files = [{"path": "/subject", "size": len(SUBJECT), "sha256": hashlib.sha256(SUBJECT).hexdigest()}]
        found = self.smoke(self.debian, files=files, program="/usr/bin/bash", interpreter=LOADER)
        self.assertEqual([], found["findings"])

    def test_a_static_program_without_tests_was_not_executed(self):
        found = self.smoke(self.scratch, program="/subject")
        self.assertEqual([("NotExecuted", "info")], [(f["code"], f["severity"]) for f in found["findings"]])


class Failing(Smoke):
    def test_exit_codes(self):
        self.assert_fails("SmokeFailed", self.one(self.debian, "/bin/bash", "-c", "echo broken >&2; exit 3"))

    def test_signals_and_missing_extensions(self):
        finding = self.assert_fails("SmokeFailed", self.one(self.scratch, "/subject", "ill"))
        self.assertIn("deliberate trap", finding["message"])
        finding = self.assert_fails("SmokeFailed", self.one(self.scratch, "/subject", "segv"))
        self.assertIn("address 0x8", finding["evidence"])
        demanding = self.unpack("demanding", layers.from_files(File("app", programs.demanding(HOST))))
        finding = self.assert_fails("MissingIsaExtension", self.one(demanding, "/app"))
        self.assertIn("this processor lacks", finding["message"])

    def test_abort_is_told_as_it_is_though_pid_1_would_hide_it(self):
        result, _ = self.one(self.scratch, "/subject", "abort")
        self.assertEqual("SIGABRT", result["signal"])

    def test_what_never_ends_is_ended(self):
        finding = self.assert_fails("SmokeFailed", self.one(self.scratch, "/subject", "sleep", timeoutMs=500))
        self.assertIn("did not end within", finding["message"])

    def test_a_flood_is_cut(self):
        finding = self.assert_fails("SmokeFailed", self.one(self.scratch, "/subject", "flood"))
        self.assertIn("wrote more than is allowed", finding["message"])

    def test_what_a_test_leaves_running_ends_with_it(self):
        found = self.smoke(self.scratch, test("daemon", "/subject", "daemon"), test("after", "/subject", "zombies"))
        self.assertEqual(["passed", "passed"], [result["result"] for result in found["results"]])

    def test_programs_that_do_not_start(self):
        other = layers.from_files(File("app", programs.good(OTHER)), File("empty"), File("text", b"echo hello\n"),
                                  File("script", b"#!/no/shell\n"), File("data", b"x", 0o644))
        rootfs = self.unpack("strange", other)
        for program, code in (("/app", "ArchMismatch"), ("/empty", "FileCorrupt"), ("/text", "SmokeFailed"),
                              ("/script", "LoaderMissing"), ("/data", "SmokeFailed"), ("/absent", "SmokeFailed")):
            with self.subTest(program):
                self.assert_fails(code, self.one(rootfs, program))

    def test_a_missing_loader_and_a_missing_library(self):
        no_loader = self.unpack("no-loader", *catalogue._without_loader(HOST))
        finding = self.assert_fails("LoaderMissing", self.one(no_loader, "/usr/bin/bash", "-c", "true"))
        self.assertIn(LOADER, finding["message"])
        dry = self.smoke(no_loader, program="/usr/bin/bash", interpreter=LOADER)
        self.assertEqual(["LoaderMissing"], [f["code"] for f in dry["findings"]])
        gone = layers.from_files(File(f"usr/lib/{catalogue.FOLDER[HOST]}/.wh.libtinfo.so.6", mode=0o644))
        no_library = self.unpack("no-library", catalogue.base(HOST), gone)
        dry = self.smoke(no_library, program="/usr/bin/bash", interpreter=LOADER)
        self.assertEqual([("LibraryMissing", "libtinfo.so.6")], [(f["code"], f["subject"]) for f in dry["findings"]])

    def test_files_that_are_not_what_was_unpacked(self):
        wrong = [{"path": "/subject", "size": len(SUBJECT), "sha256": "0" * 64}, {"path": "/gone", "size": 1}]
        found = self.smoke(self.scratch, files=wrong)
        self.assertEqual(["FileCorrupt", "FileCorrupt", "NotExecuted"], [f["code"] for f in found["findings"]])

    def test_a_user_that_the_image_does_not_know(self):
        found = self.smoke(self.scratch, test("it", "/subject"), user="app")
        self.assertEqual(["SmokeFailed"], [f["code"] for f in found["findings"]])
        self.assertIn("no user", found["findings"][0]["message"])

    def test_a_rootfs_that_is_not_there_is_unknown(self):
        found = self.smoke("sha256:" + "1" * 64, test("it", "/subject"))
        self.assertEqual([("SmokeNotRun", "unknown")], [(f["code"], f["severity"]) for f in found["findings"]])
        self.assertEqual("skipped", found["results"][0]["result"])


class Seccomp(Smoke):
    @staticmethod
    def rules(profile: dict) -> set[tuple]:
        """(name, action, errno, arguments) of every rule, missing numbers being 0."""
        found = set()
        for group in profile["syscalls"]:
            arguments = tuple((a["index"], a.get("value", 0), a.get("valueTwo", 0), a["op"]) for a in group.get("args") or ())
            for name in group["names"]:
                found.add((name, group["action"], group.get("errnoRet", 0), arguments))
        return found

    def test_our_table_is_containerds_default(self):
        self.containerd.ctr("containers", "create", "--seccomp", f"{self.registry.name}/scratch:1", "profile", "/subject")
        theirs = self.containerd.info("profile")["Spec"]["linux"]["seccomp"]
        self.containerd.ctr("containers", "rm", "profile")
        ours = json.loads(subprocess.run([DRIVER, "seccomp", HOST], capture_output=True, check=True, text=True).stdout)
        self.assertEqual(theirs["defaultAction"], ours["defaultAction"])
        self.assertEqual(sorted(theirs["architectures"]), sorted(ours["architectures"]))
        missing, more = self.rules(theirs) - self.rules(ours), self.rules(ours) - self.rules(theirs)
        if VERSION == "1.6":  # it let every kind of socket pass
            missing = {rule for rule in missing if rule[0] != "socket"}
            more = {rule for rule in more if rule[0] != "socket"}
        self.assertLessEqual({rule[0] for rule in missing}, IO_URING)
        self.assertLessEqual({rule[0] for rule in more}, NEWER if VERSION == "1.6" else set())


if __name__ == "__main__":
    testing.main()
