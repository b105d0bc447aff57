"""nodeproof in a whole arm64 machine with systemd: installed, started, and what waits for it; 4K and 16K pages."""

import hashlib
import io
import json
import os
import tarfile
import tempfile
import unittest
from pathlib import Path

import installed
import kernel
import machine
from rig import catalogue, images, layers, packages, program, programs, testing
from rig.layers import File
from rig.registry import Registry

SECONDS = 900  # of one machine; where nothing else runs it takes a fifth
CUT = b"THE POWER IS CUT"
CONFIG = {"address": "/run/containerd/containerd.sock", "namespace": "k8s.io"}
WORKLOAD = b"""[Unit]
Requires=nodeproof-ready.target
After=nodeproof-ready.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
[Install]
WantedBy=multi-user.target
"""
BEGIN = rb"""
# Nothing is written but what somebody syncs: the kernel's own writing back is put off for as long as the test takes.
echo 0 > /proc/sys/vm/dirty_writeback_centisecs; echo 90 > /proc/sys/vm/dirty_ratio; echo 80 > /proc/sys/vm/dirty_background_ratio
mount -o remount,commit=3000 /
step() { echo "$(cut -d' ' -f1 /proc/uptime) $*" | tee -a out/steps > /dev/console; }
# The report of the configuration that is there now. A machine that never gets so far is ended from outside.
judged() {
  digest=$(nodeproof config check 2> out/config.err | sed -n 's/.*, digest //p')
  until nodeproof status -o json > out/$1.json 2> out/$1.err; code=$?; [ $code -le 2 ] && [ -n "$digest" ] &&
    grep -q "$digest" out/$1.json && ! grep -q NotChecked out/$1.json; do sleep 1; done
  echo $code > out/$1.code
  systemctl is-active nodeproof-ready.target workload.service > out/$1.units
  ls /run/nodeproof > out/$1.run
  step judged $1 $code
}
# Sets the clock; the report of a check that began after it.
clock() {
  date -s "@$1" > /dev/null
  until nodeproof status -o json > out/$2.json 2> out/$2.err; code=$?; grep -q "\"time\": *\"$3" out/$2.json; do sleep 1; done
  echo $code > out/$2.code
  ls /run/nodeproof > out/$2.run
  step clock $2 $code
}
"""
FIRST = BEGIN + rb"""
sh ./install > out/install.log 2>&1; echo $? > out/install.code
[ "$(cat out/install.code)" = 0 ] || exit 1
systemctl is-enabled nodeproof.service > out/installed; systemctl is-active nodeproof.service >> out/installed
judged fresh
nodeproof host -o json > out/host.json 2> out/host.err
cp workload.service /etc/systemd/system/ && systemctl daemon-reload && systemctl enable workload.service
systemctl start --no-block workload.service
cp all.json /etc/nodeproof/nodeproof.json && systemctl reload nodeproof.service && judged all
cp good.json /etc/nodeproof/nodeproof.json && systemctl reload nodeproof.service && judged good
until systemctl -q is-active workload.service; do sleep 0.5; done
step the workload runs
judged proven
sh ./upgrade > out/upgrade.log 2>&1; echo $? > out/upgrade.code; ls /run/nodeproof > out/upgrade.run
systemctl show -P MainPID nodeproof.service > out/upgrade.pid
judged upgraded
now=$(date +%s); clock 86400 epoch 1970-; clock $((now + 60)) today $(date -u -d @$now +%Y-)
systemctl kill -s KILL --kill-who=main nodeproof.service
until [ "$(systemctl show -P SubState nodeproof.service)" = auto-restart ]; do :; done
ls /run/nodeproof > out/killed.run
until [ "$(systemctl show -P SubState nodeproof.service)" = running ]; do sleep 0.5; done
judged healed
ctr -n k8s.io images ls -q > out/images
ctr -n k8s.io containers ls -q > out/containers
ctr -n k8s.io tasks ls -q > out/tasks
journalctl --no-pager -u nodeproof.service > out/journal
"""
# ./out does not come back from a machine whose power is cut; its folder on the disk is left to the next one.
CUT_OFF = FIRST + rb"""
rm -rf /var/lib/kept-out; cp -a out /var/lib/kept-out; sync
cp /usr/bin/nodeproof /var/lib/nobody-synced-this
echo '%s' > /dev/console; sleep 1000
""" % CUT
AGAIN = BEGIN + rb"""
until systemctl -q is-active workload.service; do sleep 0.5; done
step the workload runs
judged again
cmp -s /usr/bin/nodeproof /var/lib/nobody-synced-this; echo $? > out/lost
ctr -n k8s.io images check > out/complete
mkdir /tmp/root; ctr -n k8s.io images mount --platform linux/arm64 "$(cat reference)" /tmp/root && tar -C /tmp/root -cf out/files.tar .
tar -C /var/lib -cf out/before.tar kept-out
journalctl --no-pager -u nodeproof.service > out/journal.again
"""

# What tests/behaviour/programs/causes.c ends by -> the finding's code, and what the result's reason says.
ENDS = {
    "abort": ("ProgramCrashed", "it aborted"),
    "trap": ("ProgramCrashed", "died of SIGTRAP: a deliberate trap (brk)"),
    "null": ("ProgramCrashed", "died of SIGSEGV: an access to a null pointer"),
    "unaligned": ("UnalignedAccess", "died of SIGBUS: an access to memory that is not aligned"),
    "truncated": ("ProgramCrashed", "died of SIGBUS: an access beyond the end of a mapped file"),
    "seccomp-kills": ("SyscallRefused", "a seccomp filter ends programs that call getppid"),
}
LSE = {
    "extension": ("MissingIsaExtension", "died of SIGILL: this processor lacks LSE atomics (HWCAP atomics)"),
    "trap-in-child": ("MissingIsaExtension", "a process it started died of SIGILL: this processor lacks LSE atomics"),
}
JEMALLOC = {"small-pages": ("PageSizeIncompatible", "its jemalloc is built for smaller pages than this kernel has")}


def build_folder() -> Path:
    return Path(os.environ.get("NODEPROOF_BUILD", packages.REPOSITORY / "build/arm64-release"))


def image_of(*files: File) -> images.Image:
    return images.index(images.variant("arm64", [layers.from_files(*files)], {"Entrypoint": ["/" + files[0].path]}))


def arm64_binary() -> Path:
    """NODEPROOF_ARM64_BINARY, else that of the build folder the test belongs to."""
    given = os.environ.get("NODEPROOF_ARM64_BINARY")
    return Path(given) if given else build_folder() / "nodeproof"


class Arm64Machine:
    """The tests, for each kernel."""

    label = ""
    fails = {}  # of ENDS, LSE and JEMALLOC
    small_pages = "ready"  # of a program that is linked for pages of 4 KiB

    @classmethod
    def causes(cls, registry: Registry, inside: str) -> list[dict]:
        """The config's entries for one image that ends in every way, and one that is linked for 4 KiB."""
        causes = (build_folder() / "tests/behaviour/programs/smoke_causes").read_bytes()
        every = {**ENDS, **LSE, **JEMALLOC}
        links = [File(f"end/{name}", link="../causes") for name in every]
        client = images.Client(registry.url)
        client.push("causes", "1", image_of(File("causes", causes), *links))
        client.push("small-pages", "1", image_of(File("app", programs.linked_for_4k("arm64"))))
        return [
            {"reference": f"{inside}/causes:1", "smoke": [catalogue.test(name, f"/end/{name}") for name in every]},
            {"reference": f"{inside}/small-pages:1", "smoke": [catalogue.test("starts", "/app")]},
        ]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        published = catalogue.publish(cls.registry, "arm64")
        cls.inside = f"{machine.HOST}:{cls.registry.port}"
        cls.references = {name: text.replace(cls.registry.name, cls.inside) for name, text in published.items()}
        images_ = [catalogue.requirement(catalogue.case(n), r) for n, r in cls.references.items()]
        images_ += cls.causes(cls.registry, cls.inside)
        ready = {r for n, r in cls.references.items() if catalogue.case(n).verdict == "ready"}
        if cls.small_pages == "ready":
            ready.add(f"{cls.inside}/small-pages:1")
        cls.good = [image for image in images_ if image["reference"] in ready]
        payload = {
            **installed.payload("arm64", arm64_binary()), "workload.service": WORKLOAD,
            "all.json": cls.config(images_), "good.json": cls.config(cls.good),
            "reference": cls.references["good"].encode(),
        }
        try:
            cls.out = cls.run_machine(payload)
        except packages.Unavailable as error:
            raise unittest.SkipTest(str(error)) from error
        if "healed.code" not in cls.out:
            raise AssertionError("the machine brought nothing back:\n" + str({k: v[-2000:] for k, v in cls.out.items()}))
        print(cls.out["steps"].decode())
        cls.outcome = cls.judged("all")

    @classmethod
    def config(cls, wanted: list[dict]) -> bytes:
        return json.dumps({
            "containerd": CONFIG,
            "registries": {cls.inside: {"plain_http": True}},
            "pull": {"keep_free": "100MB"},
            "images": wanted,
        }).encode()

    @classmethod
    def run_machine(cls, payload: dict[str, bytes]) -> dict[str, bytes]:
        return machine.run(cls.label, {**payload, "run.sh": FIRST}, SECONDS)

    @classmethod
    def judged(cls, when: str) -> program.Outcome:
        text = {end: cls.out[f"{when}.{end}"].decode(errors="replace") for end in ("code", "json", "err")}
        return program.Outcome(int(text["code"]), text["json"], text["err"])

    def units(self, when: str) -> list[str]:
        """How nodeproof-ready.target and the workload that waits for it are."""
        return self.out[f"{when}.units"].decode().split()

    def test_installed_it_runs_and_says_that_nothing_is_required(self):
        self.assertEqual(b"0", self.out["install.code"].strip(), self.out["install.log"].decode())
        self.assertEqual(["enabled", "active"], self.out["installed"].decode().split())
        fresh = self.judged("fresh")
        self.assertEqual((2, "unknown", "NothingRequired"), (fresh.code, fresh.report["verdict"], fresh.report["reason"]))

    def test_the_workload_starts_when_every_image_is_proven_and_not_before(self):
        self.assertNotIn("active", self.units("fresh") + self.units("all"))
        self.assertNotIn(b"ready", self.out["all.run"].split())
        self.assertEqual((0, "ready"), (self.judged("proven").code, self.judged("proven").report["verdict"]))
        self.assertEqual(["active", "active"], self.units("proven"))
        self.assertIn(b"ready", self.out["proven.run"].split())

    def test_every_image_gets_exactly_its_verdict_and_findings(self):
        for case in catalogue.CASES:
            with self.subTest(case.name):
                self.assert_case(self.outcome.image(self.references[case.name]), case)
        self.assertEqual(1, self.outcome.code)

    def test_nodeproof_itself_wrote_every_layer_in_its_hardened_unit(self):
        ways = {image["reference"]: image["pull"].get("unpack", {}) for image in self.outcome.report["images"]}
        self.assertIn("nodeproof", {way.get("by") for way in ways.values()}, ways)
        self.assertEqual([], [reason for way in ways.values() for reason in way.get("reasons", [])])

    def test_each_cause_has_its_code_and_its_words_on_this_processor_and_kernel(self):
        found = self.outcome.image(f"{self.inside}/causes:1")
        codes = {f["subject"]: f["code"] for f in found["findings"] if f["severity"] == "fail"}
        self.assertEqual({f"/end/{name}": code for name, (code, _) in self.fails.items()}, codes, found)
        for result in found["smoke"]:
            with self.subTest(result["name"]):
                self.assertIn(self.fails.get(result["name"], ("", ""))[1], result["reason"])
                self.assertEqual("failed" if result["name"] in self.fails else "passed", result["result"])

    def test_a_program_that_is_linked_for_4k_pages(self):
        found = self.outcome.image(f"{self.inside}/small-pages:1")
        self.assertEqual(self.small_pages, found["verdict"], found)
        codes = [] if self.small_pages == "ready" else ["PageSizeIncompatible"]
        self.assertEqual(codes, program.codes(found, "fail", "unknown"))

    def test_the_host_is_seen_as_it_is(self):
        host = self.outcome.report["host"]
        self.assertEqual("arm64", host["architecture"])
        self.assertEqual(kernel.KERNELS[self.label][2], host["pageSize"])
        self.assertIn("asimd", host["hwcaps"])
        self.assertNotIn("sve", host["hwcaps"])
        self.assertEqual(self.label == "16k", "atomics" in host["hwcaps"])

    def test_only_ready_images_have_records_and_nothing_runs_on(self):
        records = self.out["images"].decode().split()
        named = {name for name, reference in self.references.items() if reference in records}
        self.assertEqual({case.name for case in catalogue.CASES if case.verdict == "ready"}, named)
        self.assertEqual((b"", b""), (self.out["containers"], self.out["tasks"]))

    def test_an_upgrade_keeps_the_node_ready(self):
        self.assertEqual(b"0", self.out["upgrade.code"].strip(), self.out["upgrade.log"].decode())
        self.assertIn(b"ready", self.out["upgrade.run"].split())
        self.assertEqual((0, "ready"), (self.judged("upgraded").code, self.judged("upgraded").report["verdict"]))
        self.assertEqual(self.judged("proven").report["since"], self.judged("upgraded").report["since"])

    def test_no_clock_takes_away_what_is_proven(self):
        for when, codes in (("epoch", ["ClockWrong"]), ("today", [])):
            with self.subTest(when):
                found = self.judged(when)
                self.assertEqual((0, "ready"), (found.code, found.report["verdict"]), found.report)
                self.assertIn(b"ready", self.out[f"{when}.run"].split())
                self.assertEqual(codes, [f["code"] for f in found.report["findings"] if f["code"] == "ClockWrong"])

    def test_a_killed_daemon_leaves_no_flag_and_proves_again(self):
        self.assertNotIn(b"ready", self.out["killed.run"].split())
        self.assertEqual((0, "ready"), (self.judged("healed").code, self.judged("healed").report["verdict"]))
        self.assertEqual(["active", "active"], self.units("healed"))  # what runs is not stopped


def contents(archive: tarfile.TarFile) -> dict[str, str]:
    """SHA-256 of every regular file by its path."""
    files = (info for info in archive if info.isfile())
    return {info.name.removeprefix("./"): hashlib.sha256(archive.extractfile(info).read()).hexdigest() for info in files}


class Pages4K(Arm64Machine, testing.RigTest):
    """The power is cut behind ready. The next boot finds no registry."""

    label = "4k"
    fails = {**ENDS, **LSE}

    @classmethod
    def run_machine(cls, payload):
        with tempfile.TemporaryDirectory(prefix="nodeproof-power-") as folder:
            root = machine.own_root(Path(folder))
            cut = machine.run(cls.label, {**payload, "run.sh": CUT_OFF}, SECONDS, root, CUT)
            if CUT not in cut["console"]:
                return cut
            cls.registry.stop()
            again = machine.run(cls.label, {**payload, "run.sh": AGAIN}, SECONDS, root)
        if "before.tar" in again:
            with tarfile.open(fileobj=io.BytesIO(again["before.tar"])) as before:
                found = {Path(i.name).name: before.extractfile(i).read() for i in before if i.isfile()}
            again = {**again, **found, "steps": found["steps"] + again["steps"]}
        return again

    def test_a_power_cut_costs_nothing_that_was_ready(self):
        self.assertIn(self.out["lost"], (b"1\n", b"2\n"), "this power cut loses nothing")  # of its bytes, or its name too
        again = self.judged("again")
        self.assertEqual((0, "ready"), (again.code, again.report["verdict"]), again.report)
        self.assertEqual(["active", "active"], self.units("again"))
        for image in again.report["images"]:
            self.assertEqual(("ready", 0), (image["verdict"], image["pull"]["downloadedBytes"]), image)
        self.assertNotEqual(self.judged("proven").report["bootId"], again.report["bootId"])
        self.assertNotIn(b"incomplete", self.out["complete"])

    def test_a_power_cut_costs_no_file_of_the_image(self):
        with tarfile.open(catalogue.base("arm64").path) as wanted, tarfile.open(fileobj=io.BytesIO(self.out["files.tar"])) as found:
            self.assertEqual(contents(wanted), contents(found))


class Pages16K(Arm64Machine, testing.RigTest):
    label = "16k"
    fails = {**ENDS, **JEMALLOC}
    small_pages = "not-ready"


if __name__ == "__main__":
    testing.main()
