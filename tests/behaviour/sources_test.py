"""Where tests come from, and what their sandbox has, on a real registry and containerd (NODEPROOF_CONTAINERD: 1.6, 1.7 or
2): HEALTHCHECK, container-structure-test files, mounts, tmpfs, devices, a runtime of containerd's configuration."""

import os
import re
import shutil
import tempfile
from pathlib import Path

from rig import catalogue, images, packages, testing
from rig.containerd import Containerd
from rig.program import Nodeproof, codes
from rig.registry import Registry

HOST = packages.host_architecture()
DEVICE = next((d for d in ("/dev/loop-control", "/dev/fuse", "/dev/autofs") if os.path.exists(d)), None)
SECOND = 1_000_000_000

# An application that comes up after a moment: its check fails at first.
SERVER = ["/bin/bash", "-c", "trap 'exit 0' TERM; sleep 1; : > /tmp/up; while :; do sleep 1; done"]
HEALTHY = {"Test": ["CMD-SHELL", "test -e /tmp/up"], "Interval": SECOND, "Timeout": 5 * SECOND, "Retries": 10}
SICK = {"Test": ["CMD-SHELL", "echo no answer; exit 1"], "Interval": SECOND // 10, "Timeout": SECOND, "Retries": 2}

PASSES = """schemaVersion: 2.0.0
globalEnvVars: [{ key: GREETING, value: hello }]
commandTests:
- name: greets
  command: bash
  args: [-c, 'echo "$GREETING $NAME"']
  envVars: [{ key: NAME, value: "${GREETING}er" }]
  expectedOutput: ['^hello ']
  excludedOutput: ['^$NAME']
- name: ends with 3
  command: /bin/bash
  args: [-c, 'exit 3']
  exitCode: 3
metadataTest:
  entrypoint: [/bin/bash]
  envVars: [{ key: PATH, value: '/usr/bin', isRegex: true }]
  unexposedPorts: ['80']
"""
FILES = """schemaVersion: 2.0.0
fileExistenceTests:
- { name: passwd, path: /etc/passwd, permissions: '-rw-r--r--', uid: 0, gid: 0 }
- { name: bash, path: /usr/bin/bash, isExecutableBy: any }
- { name: nothing, path: /etc/nothing, shouldExist: false }
fileContentTests:
- { name: accounts, path: /etc/passwd, expectedContents: ['^root:', 'nobody'], excludedContents: ['mallory'] }
"""


class Sources(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(tempfile.mkdtemp(prefix="nodeproof-sources-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.wrapper, cls.wrapped = cls.folder / "wrapper", cls.folder / "wrapped"
        cls.registry = cls.keep(Registry)
        cls.containerd = cls.keep(Containerd, os.environ.get("NODEPROOF_CONTAINERD", "1.6"),
                                  runtimes={"wrapped": cls.wrapper})
        runc = cls.containerd.runc / "usr/sbin/runc"
        cls.wrapper.write_text(f'#!/bin/sh\necho "$*" >> {cls.wrapped}\nexec {runc} "$@"\n', encoding="utf-8")
        cls.wrapper.chmod(0o755)
        layers = [catalogue.base(HOST)]
        runs = {
            "plain": catalogue.BASH,
            "healthy": {"Entrypoint": SERVER, "Healthcheck": HEALTHY, "Shell": ["/bin/bash", "-c"]},
            "sick": {"Entrypoint": SERVER, "Healthcheck": SICK, "Shell": ["/bin/bash", "-c"]},
            "without-shell": {"Entrypoint": SERVER, "Healthcheck": HEALTHY},
            "odd": {"Entrypoint": SERVER, "Healthcheck": {"Test": "curl"}},
            "volume": {**catalogue.BASH, "Volumes": {"/var/lib/app": {}}},
        }
        for name, run in runs.items():
            images.Client(cls.registry.url).push(name, "1", images.index(images.variant(HOST, layers, run)))

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())
        self.wrapped.unlink(missing_ok=True)

    def tearDown(self):
        self.assertEqual([], self.containerd.containers())

    def entry(self, name: str, **keys) -> dict:
        return {"reference": f"{self.registry.name}/{name}:1", **keys}

    def config(self, *entries: dict) -> Path:
        settings = catalogue.config(self.containerd, {})
        return self.nodeproof.write_config(settings | {"images": list(entries)})

    def check(self, name: str, **keys) -> dict:
        checked = self.nodeproof("check", "-c", self.config(self.entry(name, **keys)), "-o", "json")
        return checked.report["images"][0]

    def bash(self, script: str, **more) -> list:
        return [{"name": "script", "args": ["/bin/bash", "-c", script], **more}]

    def write_tests(self, text: str, name: str = "app.yaml") -> str:
        path = self.nodeproof.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def results(self, image: dict) -> dict:
        return {result["name"]: result["result"] for result in image["smoke"]}

    def assert_ready(self, image: dict) -> None:
        self.assertEqual("ready", image["verdict"], (image["findings"], image["smoke"]))

    def finding(self, image: dict, code: str) -> dict:
        found = [finding for finding in image["findings"] if finding["code"] == code]
        self.assertEqual(1, len(found), image["findings"])
        return found[0]

    # ---- HEALTHCHECK ----
    def test_a_healthcheck_is_not_run_unless_allowed(self):
        image = self.check("sick")
        self.assert_ready(image)
        self.assertEqual([], image["smoke"])

    def test_a_healthcheck_passes_once_the_server_is_up(self):
        image = self.check("healthy", healthcheck="run")
        self.assert_ready(image)
        self.assertEqual({"HEALTHCHECK": "passed"}, self.results(image))

    def test_a_healthcheck_that_fails_fails_the_image(self):
        image = self.check("sick", healthcheck="run")
        self.assertEqual("not-ready", image["verdict"], image)
        self.assertEqual({"HEALTHCHECK": "failed"}, self.results(image))
        self.assertIn("no answer", self.finding(image, "SmokeFailed")["evidence"])

    def test_a_healthcheck_that_cannot_be_started_fails_at_once(self):
        image = self.check("without-shell", healthcheck="run")
        self.assertEqual({"HEALTHCHECK": "failed"}, self.results(image))
        self.assertIn("has a check that cannot be started: /bin/sh: ENOENT", image["smoke"][0]["reason"])
        self.assertLess(image["smoke"][0]["seconds"], 5)

    def test_an_odd_healthcheck_is_not_known(self):
        image = self.check("odd", healthcheck="run")
        self.assertEqual("unknown", image["verdict"])
        self.assertIn("$.config.Healthcheck.Test", self.finding(image, "SmokeNotRun")["message"])

    # ---- container-structure-test ----
    def test_structure_tests_run_and_are_planned(self):
        smoke = self.bash("exit 0")
        smoke[0]["name"] = "greets"
        entry = self.entry("plain", smoke=smoke, structure_tests=[self.write_tests(PASSES)])
        names = ["greets", "greets (app.yaml)", "ends with 3", "metadata"]
        config = self.config(entry)
        planned = self.nodeproof("plan", "-c", config, "-o", "json").report["images"][0]
        self.assertEqual(names, planned["tests"])
        image = self.nodeproof.check(config).report["images"][0]
        self.assert_ready(image)
        self.assertEqual(dict.fromkeys(names, "passed"), self.results(image))
        adhoc = self.nodeproof("check", "-c", config, "-o", "json", entry["reference"]).report["images"][0]
        self.assertEqual(dict.fromkeys(names, "passed"), self.results(adhoc))

    def test_a_changed_file_is_run_anew(self):
        entry = self.entry("plain", structure_tests=[self.write_tests(PASSES)])
        config = self.config(entry)
        self.assert_ready(self.nodeproof.check(config).report["images"][0])
        self.write_tests(PASSES.replace("exitCode: 3", "exitCode: 4"))
        image = self.nodeproof.check(config).report["images"][0]
        self.assertEqual("failed", self.results(image)["ends with 3"])
        self.assertEqual("not-ready", image["verdict"])

    def test_metadata_that_differs_fails_without_a_start(self):
        text = "schemaVersion: 2.0.0\nmetadataTest: { cmd: [other], user: app }\n"
        image = self.check("plain", structure_tests=[self.write_tests(text)])
        self.assertEqual({"metadata": "failed"}, self.results(image))
        self.assertIn("User is \"\" instead of \"app\"", self.finding(image, "SmokeFailed")["evidence"])

    def test_what_cannot_be_read_or_done_is_not_known(self):
        for text, said in (
            ("schemaVersion: 2.0.0\n\ncommandTest: []\n", "line 3: $.commandTest: unknown key"),
            ("schemaVersion: 1.0.0\n", "schemaVersion 1.0.0 is not read"),
            ("schemaVersion: 2.0.0\nlicenseTests: [{ debian: true }]\n", "asks for licenseTests"),
        ):
            path = self.write_tests(text)
            image = self.check("plain", structure_tests=[path])
            self.assertEqual("unknown", image["verdict"], text)
            message = self.finding(image, "SmokeNotRun")["message"]
            self.assertIn(said, message)
            self.assertIn(path, message)
        image = self.check("plain", structure_tests=["/nowhere/app.yaml"])
        self.assertEqual("unknown", image["verdict"])

    def test_structure_tests_look_at_files(self):
        image = self.check("plain", structure_tests=[self.write_tests(FILES)])
        self.assert_ready(image)
        self.assertEqual(dict.fromkeys(("passwd", "bash", "nothing", "accounts"), "passed"), self.results(image))
        for right, wrong in (("-rw-r--r--", "-rw-rw-r--"), ("/etc/nothing", "/etc/group"), ("'^root:'", "'^admin:'"),
                             ("mallory", "nobody"), ("uid: 0", "uid: 7")):
            image = self.check("plain", structure_tests=[self.write_tests(FILES.replace(right, wrong))])
            self.assertEqual("not-ready", image["verdict"], wrong)
            self.assertIn("failed", self.results(image).values(), wrong)

    # ---- sandbox ----
    def test_a_mount_is_there_read_only_and_may_hold_scripts(self):
        source = self.nodeproof.folder / "fixtures"
        source.mkdir()
        script = source / "run"
        script.write_text("#!/bin/bash\necho mounted; ! : 2>/dev/null > /fixtures/new\n", encoding="utf-8")
        script.chmod(0o755)
        smoke = [{"name": "runs", "args": ["/fixtures/run"], "user": "0", "expect": {"stdout": "^mounted$"}}]
        mounts = [{"source": str(source), "target": "/fixtures"}]
        self.assert_ready(self.check("plain", smoke=smoke, sandbox={"mounts": mounts}))
        self.assertEqual([script], list(source.iterdir()))
        missing = self.check("plain", smoke=smoke, sandbox={"mounts": [{"source": "/nowhere", "target": "/fixtures"}]})
        self.assertEqual("unknown", missing["verdict"])
        self.assertIn("the mount /nowhere is not there", self.finding(missing, "SmokeNotRun")["message"])

    def test_a_tmpfs_can_be_written_to_and_the_rest_cannot(self):
        smoke = self.bash(": > /opt/app/new && ! : 2>/dev/null > /opt/new")
        self.assertEqual("not-ready", self.check("plain", smoke=smoke)["verdict"])
        self.assert_ready(self.check("plain", smoke=smoke, sandbox={"tmpfs": ["/opt/app"]}))

    def test_a_volume_of_the_image_can_be_written_to_by_tests_written_for_docker(self):
        text = ("schemaVersion: 2.0.0\ncommandTests: [{ name: writes, command: bash, "
                "args: [-c, ': > /var/lib/app/new'] }]\n")
        path = self.write_tests(text)
        self.assert_ready(self.check("volume", structure_tests=[path]))
        self.assertEqual("not-ready", self.check("plain", structure_tests=[path])["verdict"])

    def test_a_device_is_there_where_it_is_allowed(self):
        if DEVICE is None:
            self.skipTest("no harmless device here")
        smoke = self.bash(f"test -c {DEVICE} && : < {DEVICE}", user="0")
        self.assertEqual("not-ready", self.check("plain", smoke=smoke)["verdict"])
        self.assert_ready(self.check("plain", smoke=smoke, sandbox={"devices": [DEVICE]}))
        absent = self.check("plain", smoke=smoke, sandbox={"devices": ["/dev/nodeproof-absent"]})
        self.assertEqual("unknown", absent["verdict"])
        self.assertIn("the device /dev/nodeproof-absent is not there", self.finding(absent, "SmokeNotRun")["message"])

    def test_a_runtime_of_containerds_configuration_is_used(self):
        smoke = self.bash("exit 0")
        self.assert_ready(self.check("plain", smoke=smoke))
        self.assertFalse(self.wrapped.exists())
        self.assert_ready(self.check("plain", smoke=smoke, sandbox={"runtime": "wrapped"}))
        self.assertRegex(self.wrapped.read_text(encoding="utf-8"), re.compile("create .*nodeproof-smoke-"))
        unknown = self.check("plain", smoke=smoke, sandbox={"runtime": "nvidia"})
        self.assertEqual("unknown", unknown["verdict"])
        message = self.finding(unknown, "SmokeNotRun")["message"]
        self.assertIn('has no runtime "nvidia"; it has ', message)
        self.assertIn("wrapped", message)

    def test_limits_are_those_of_the_sandbox(self):
        limits = Path("/sys/fs/cgroup/pids.max"), Path("/sys/fs/cgroup/cgroup.controllers"), Path("/sys/fs/cgroup/pids")
        if not any(path.exists() for path in limits):
            self.skipTest("no pids controller here")
        smoke = self.bash("for i in {1..40}; do sleep 5 & done 2>/dev/null; kill $(jobs -p); exit 0")
        self.assert_ready(self.check("plain", smoke=smoke))
        self.assertEqual("not-ready", self.check("plain", smoke=smoke, sandbox={"pids": 16})["verdict"])


if __name__ == "__main__":
    testing.main()
