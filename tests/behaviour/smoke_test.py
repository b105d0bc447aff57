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


def groups() -> set[Path]:
    return set(Path("/sys/fs/cgroup").glob("**/nodeproof-smoke-*"))


class Smoke(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.groups_of_others = groups()
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
        # What the containers of this boot answer is kept beside.
        self.assertEqual([], [entry for entry in folder.iterdir() if entry.name != "clone3"])
        self.assertEqual([], self.containerd.containers())
        self.assertEqual([], self.containerd.tasks())
        self.assertEqual([], [key for key, kind in self.containerd.snapshots().items() if kind != "Committed"])
        self.assertEqual([], self.containerd.shims())
        self.assertEqual([], self.containerd.leases())
        self.assertEqual([], [p for p in self.containerd.mounts() if "nodeproof" in p])
        # Another test's containers may be running now; they will not be for long.
        found = groups() - self.groups_of_others
        processes.wait_until(lambda: not any(g.exists() for g in found), f"the end of {found}", seconds=60)

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


NGINX = b"""
daemon off; pid /tmp/nginx.pid; error_log stderr info;
events {}
http {
  access_log off;
  client_body_temp_path /tmp/1; proxy_temp_path /tmp/2; fastcgi_temp_path /tmp/3; uwsgi_temp_path /tmp/4; scgi_temp_path /tmp/5;
  server {
    listen 80;
    location / { return 200 "served by nginx\\n"; }
    location /busy { return 503; }
  }
}
"""


class Services(Smoke):
    """Debian's own servers, as a user without any capability."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        config = layers.from_files(File("etc/smoke.conf", NGINX, 0o644))
        cls.nginx = cls.unpack("nginx", catalogue.base(HOST), catalogue.addition(HOST, "nginx-light"), config)
        cls.redis = cls.unpack("redis", catalogue.base(HOST), catalogue.addition(HOST, "redis-server", "redis-tools"))

    def serve(self, rootfs: str, service: dict, *args: str, **more) -> tuple[dict, list[dict]]:
        request = {key: more.pop(key) for key in ("entrypoint", "cmd", "stopSignal") if key in more}
        found = self.smoke(rootfs, test("serves", *args, service=service, user="1000", **more), **request)
        return found["results"][0], found["findings"]

    def test_nginx_comes_up_answers_and_stops_at_its_own_signal(self):
        result, findings = self.serve(
            self.nginx, {"port": 80, "http": "/", "status": 200, "body": "^served by nginx$"},
            entrypoint=["nginx", "-e", "stderr"], cmd=["-c", "/etc/smoke.conf"], stopSignal="SIGQUIT",
            stderr=["signal 3 .SIGQUIT. received", "gracefully shutting down"],
        )
        self.assertEqual(("passed", [], "", 0), (result["result"], findings, result["reason"], result["exit"]), result)

    def test_redis_takes_connections_and_says_so(self):
        args = ("redis-server", "--save", "", "--appendonly", "no", "--dir", "/tmp")
        result, findings = self.serve(self.redis, {"port": 6379}, *args, stdout="Ready to accept connections")
        self.assertEqual(("passed", []), (result["result"], findings), result)
        self.assertEqual("", result["reason"])

    def test_what_does_not_come_up_says_how(self):
        nginx = ("nginx", "-e", "stderr", "-c", "/etc/smoke.conf")
        finding = self.assert_fails("SmokeFailed", self.serve(self.nginx, {"port": 8080}, *nginx, timeoutMs=1500))
        self.assertIn("did not listen on port 8080 within 1.5 s: it listens on 0.0.0.0:80", finding["message"])
        busy = self.serve(self.nginx, {"port": 80, "http": "/busy"}, *nginx, timeoutMs=1500)
        self.assertIn("with 503, expected 200 to 399", self.assert_fails("SmokeFailed", busy)["message"])
        lost = self.serve(self.nginx, {"port": 80}, "nginx", "-e", "stderr", "-c", "/etc/absent.conf")
        finding = self.assert_fails("SmokeFailed", lost)
        self.assertIn("ended with 1 before it listened on port 80", finding["message"])
        self.assertIn("/etc/absent.conf", finding["evidence"])
        trap = self.serve(self.scratch, {"port": 80}, "/subject", "ill")
        self.assertIn("deliberate trap", self.assert_fails("ProgramCrashed", trap)["message"])

    def test_a_service_that_answers_nothing_or_anything(self):
        for manner, says in (("silent", "did not answer GET / on port 80"), ("garbage", "no HTTP: SSH-2.0")):
            with self.subTest(manner):
                found = self.serve(self.scratch, {"port": 80, "http": "/"}, "/subject", "serve", "80", manner, timeoutMs=1000)
                self.assertIn(says, self.assert_fails("SmokeFailed", found)["message"])

    def test_one_that_ignores_its_stop_signal_passes_with_a_note(self):
        result, findings = self.serve(self.scratch, {"port": 80}, "/subject", "serve", "80", "deaf")
        self.assertEqual(("passed", []), (result["result"], findings), result)
        self.assertIn("SIGKILL did", result["reason"])


class Kinds(Smoke):
    def test_input_working_directory_and_several_patterns(self):
        found = self.smoke(
            self.debian,
            test("reads", "cat", stdin="one\ntwo\n", stdout=["^one$", "^two$"], stdoutExcludes=["three"]),
            test("is there", "/bin/bash", "-c", "pwd; echo careful >&2", cwd="/usr/lib", stdout="^/usr/lib$",
                 stderr="careful", stderrExcludes="careless"),
            test("says the other", "cat", stdin="one\ntwo\n", stdoutExcludes=["^two$"]),
        )
        self.assertEqual(["passed", "passed", "failed"], [r["result"] for r in found["results"]], found)
        self.assertIn("matches ^two$, which it must not", found["findings"][0]["message"])

    def test_outputs_of_two_architectures_have_one_digest(self):
        digest = hashlib.sha256(b"<architecture>\n").hexdigest()
        result, findings = self.one(self.debian, "uname", "-m", stdoutSha256=digest)
        self.assertEqual(("passed", [], digest), (result["result"], findings, result["normalisedSha256"]))
        finding = self.assert_fails("SmokeFailed", self.one(self.debian, "uname", "-s", stdoutSha256=digest))
        self.assertIn(hashlib.sha256(b"Linux\n").hexdigest(), finding["message"])

    def test_commands_around_a_test_and_runs_that_go_on_until_one_fails(self):
        count = "echo x >> /tmp/runs; test $(wc -l < /tmp/runs) -lt 4"
        found = self.smoke(
            self.debian,
            test("third", "/bin/bash", "-c", count, repeat=10, before=[["rm", "-f", "/tmp/runs"]], user="app"),
            test("all", "/subject", "exit", "0", repeat=3),
            test("prepared", "cat", "/tmp/made", before=[["/bin/bash", "-c", "id -u > /tmp/made"]], user="app",
                 stdout="^1000$", after=[["rm", "/tmp/made"], ["test", "-e", "/tmp/made"]]),
            test("unprepared", "/subject", before=[["/bin/bash", "-c", "echo no database >&2; exit 2"]]),
        )
        third, whole, prepared, unprepared = found["results"]
        self.assertEqual(("failed", 4), (third["result"], third["runs"]), third)
        self.assertIn("run 4 of 10", third["reason"])
        self.assertEqual(("passed", 3), (whole["result"], whole["runs"]))
        self.assertEqual("passed", prepared["result"], prepared)
        self.assertIn('the command after it, "test -e /tmp/made", ended with 1', prepared["reason"])
        self.assertEqual(("failed", 0), (unprepared["result"], unprepared["runs"]))
        self.assertIn("the command before it", unprepared["reason"])
        self.assertEqual("no database", found["findings"][-1]["evidence"])

    def test_a_test_that_needs_more_processors_is_not_known(self):
        result, findings = self.one(self.scratch, "/subject", "exit", "0", cpus=4096)
        self.assertEqual("skipped", result["result"])
        self.assertEqual([("SmokeNotRun", "unknown")], [(f["code"], f["severity"]) for f in findings])
        usable = len(os.sched_getaffinity(0))
        result, _ = self.one(self.scratch, "/subject", "processors", cpus=usable, stdout=f"^{usable}$")
        self.assertEqual("passed", result["result"], result)

    def test_files_of_the_image(self):
        links = layers.from_files(File("etc/link", link="/etc/passwd"), File("etc/lost", link="/nowhere"), File("tmp/kept", b"x"))
        rootfs = self.unpack("links", layers.from_files(File("subject", SUBJECT), *ACCOUNTS), links)
        good = ({"path": "/etc/passwd", "mode": "-rw-r--r--", "uid": 0, "gid": 0, "contains": "^app:x:1000", "excludes": ["guest"]},
                {"path": "/subject", "executableBy": "other"}, {"path": "/etc/link", "contains": ["^root:"]},
                {"path": "/etc/shadow", "exists": False}, {"path": "/tmp/kept"})
        found = self.smoke(rootfs, *(test("file", file=check) for check in good))
        self.assertEqual({"passed"}, {r["result"] for r in found["results"]}, found)
        self.assertEqual([], found["findings"])
        wrong = (({"path": "/etc/passwd", "contains": "^guest"}, "does not contain"),
                 ({"path": "/etc/lost"}, "leads nowhere"), ({"path": "/etc/passwd", "exists": False}, "must not be"),
                 ({"path": "/etc/passwd", "executableBy": "any"}, "not executable by any"))
        for check, says in wrong:
            with self.subTest(says):
                found = self.smoke(rootfs, test("file", file=check))
                self.assertIn(says, self.assert_fails("SmokeFailed", (found["results"][0], found["findings"]))["message"])
        found = self.smoke(rootfs, test("file", file={"path": "/proc/version"}))
        self.assertEqual(["SmokeNotRun"], [f["code"] for f in found["findings"]])


class Failing(Smoke):
    def test_exit_codes(self):
        self.assert_fails("SmokeFailed", self.one(self.debian, "/bin/bash", "-c", "echo broken >&2; exit 3"))

    def test_signals_and_missing_extensions(self):
        finding = self.assert_fails("ProgramCrashed", self.one(self.scratch, "/subject", "ill"))
        self.assertIn("deliberate trap", finding["message"])
        finding = self.assert_fails("ProgramCrashed", self.one(self.scratch, "/subject", "segv"))
        self.assertIn("address 0x8", finding["evidence"])
        demanding = self.unpack("demanding", layers.from_files(File("app", programs.demanding(HOST))))
        finding = self.assert_fails("MissingIsaExtension", self.one(demanding, "/app"))
        self.assertIn("this processor lacks", finding["message"])

    def test_abort_is_told_as_it_is_though_pid_1_would_hide_it(self):
        result, _ = self.one(self.scratch, "/subject", "abort")
        self.assertEqual("SIGABRT", result["signal"])

    def test_what_never_ends_is_ended(self):
        finding = self.assert_fails("TimedOut", self.one(self.scratch, "/subject", "sleep", timeoutMs=500))
        self.assertIn("did not end within", finding["message"])

    def test_a_flood_is_cut(self):
        finding = self.assert_fails("OutputLimit", self.one(self.scratch, "/subject", "flood"))
        self.assertIn("wrote more than is allowed", finding["message"])

    def test_what_a_test_leaves_running_ends_with_it(self):
        found = self.smoke(self.scratch, test("daemon", "/subject", "daemon"), test("after", "/subject", "zombies"))
        self.assertEqual(["passed", "passed"], [result["result"] for result in found["results"]])

    def test_programs_that_do_not_start(self):
        other = layers.from_files(File("app", programs.good(OTHER)), File("empty"), File("text", b"echo hello\n"),
                                  File("script", b"#!/no/shell\n"), File("data", b"x", 0o644))
        rootfs = self.unpack("strange", other)
        for program, code in (("/app", "ArchMismatch"), ("/empty", "FileCorrupt"), ("/text", "NotExecutable"),
                              ("/script", "LoaderMissing"), ("/data", "NotExecutable"), ("/absent", "SmokeFailed")):
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
        wrong = [{"path": "/subject", "size": len(SUBJECT), "xxh128": "0" * 32}, {"path": "/gone", "size": 1}]
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
