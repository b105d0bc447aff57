"""The systemd units: they are correct, tight, and do what they promise under a booted systemd."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import booted
from installed import UNITS, drop_ins, unit_files
from rig import testing

BUILD = os.environ.get("NODEPROOF_BUILD", "")
BINARY = Path(os.environ.get("NODEPROOF_BINARY") or Path(BUILD) / "nodeproof")
# systemd-analyze's exposure, times ten: a service as they come is 96. The service with and without the rights to unpack.
MOST_EXPOSURE = {"nodeproof.service": 20, "nodeproof-wait-ready.service": 5}
MOST_EXPOSURE_TO_UNPACK = {"nodeproof.service": 30}


def setting(unit: str, name: str) -> list[str]:
    text = (UNITS / unit).read_text(encoding="utf-8")
    return [word for line in re.findall(rf"^{name}=(.*)$", text, re.M) for word in line.split()]


def put_drop_ins(folder: Path) -> None:
    for path in drop_ins():
        target = folder / path.relative_to(UNITS)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)


@unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze here")
class Files(unittest.TestCase):
    def test_are_valid(self):
        with tempfile.TemporaryDirectory() as folder:
            for unit in unit_files():
                # verify wants the programs to be there; /bin/true stands for ours, which need not be installed.
                text = unit.read_text(encoding="utf-8").replace("/usr/bin/nodeproof", "/bin/true")
                (Path(folder) / unit.name).write_text(text, encoding="utf-8")
            put_drop_ins(Path(folder))
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", *sorted(p for p in Path(folder).iterdir() if p.is_file())],
                                  capture_output=True, text=True, env={**os.environ, "SYSTEMD_UNIT_PATH": folder + ":"})
        self.assertEqual((0, ""), (done.returncode, done.stderr))

    def test_are_as_tight_as_they_were(self):
        for limits, prepare in ((MOST_EXPOSURE, lambda folder: None), (MOST_EXPOSURE_TO_UNPACK, put_drop_ins)):
            for unit, most in limits.items():
                with self.subTest(unit, most=most), tempfile.TemporaryDirectory() as folder:
                    shutil.copy(UNITS / unit, folder)
                    prepare(Path(folder))
                    done = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={most}", Path(folder) / unit],
                                          capture_output=True, text=True)
                    print(done.stdout.strip().splitlines()[-1])
                    self.assertEqual(0, done.returncode, done.stdout[-300:])

    def test_hold_up_no_unit_that_carries_containerd_inside(self):
        before = [word for unit in unit_files() for name in ("Before", "RequiredBy", "PartOf", "BindsTo")
                  for word in setting(unit.name, name)]
        self.assertEqual({"nodeproof-ready.target"}, set(before))


SCRIPT = r"""
status() { nodeproof status -o json > "$1.json" 2> "$1.err"; echo $? > "$1.code"; }
facts() { systemctl show nodeproof.service -p ActiveState,SubState,Result,NRestarts,StatusText,MainPID,ExecMainStatus,WatchdogUSec,Slice > "$1.show"; }
settled() { for i in $(seq 100); do status "$1"; grep -q NotChecked "$1.json" || return 0; sleep 0.1; done; }
systemctl start nodeproof.service; echo $? > start.code
settled first; facts first
stat -c '%a %U' /run/nodeproof /run/nodeproof/nodeproof.sock /var/lib/nodeproof > modes
grep -E '^Cap(Eff|Bnd|Prm)|^NoNewPrivs|^Seccomp:' /proc/$(systemctl show -P MainPID nodeproof.service)/status > process
systemctl start --no-block nodeproof-ready.target
sleep 5; facts petted
systemctl show -P ActiveState nodeproof-ready.target > target.before
systemctl reload nodeproof.service; echo $? > reload.code; facts reloaded
mkdir -p /etc/nodeproof; echo '{ "imagse": [] }' > /etc/nodeproof/nodeproof.json
systemctl reload nodeproof.service; settled misconfigured; facts misconfigured; rm /etc/nodeproof/nodeproof.json
touch /run/nodeproof/ready
kill -STOP $(systemctl show -P MainPID nodeproof.service)
for i in $(seq 150); do [ "$(systemctl show -P NRestarts nodeproof.service)" = 1 ] && break; sleep 0.1; done
for i in $(seq 100); do [ "$(systemctl show -P ActiveState nodeproof.service)" = active ] && break; sleep 0.1; done
facts bitten; ls /run/nodeproof > bitten.flag; settled again
systemctl restart nodeproof.service; echo $? > restart.code; facts restarted; settled restarted
touch /run/nodeproof/ready
for i in $(seq 50); do [ "$(systemctl show -P ActiveState nodeproof-ready.target)" = active ] && break; sleep 0.1; done
systemctl show -P ActiveState nodeproof-ready.target > target.after
systemctl stop nodeproof.service; echo $? > stop.code; facts stopped
ls /run/nodeproof > left 2>&1
journalctl --no-pager -o json -u nodeproof.service > journal
"""
# Soon enough for a test; the unit's own is three minutes.
WATCHDOG = b"[Service]\nWatchdogSec=2\nRestartSec=200ms\n"


class Booted(booted.BootedTest):
    SCRIPT, LAST, binary = SCRIPT, "stop.code", BINARY

    @classmethod
    def files(cls) -> dict[str, bytes]:
        return {**{unit.name: unit.read_bytes() for unit in unit_files()}, "nodeproof.service.d/test.conf": WATCHDOG}

    def number(self, name: str) -> int:
        return int(self.out[name + ".code"])

    def test_it_starts_and_says_that_nothing_is_required(self):
        self.assertEqual(0, self.number("start"))
        self.assertEqual(("active", "running"), (self.facts("first")["ActiveState"], self.facts("first")["SubState"]))
        report = json.loads(self.out["first.json"])
        self.assertEqual(("unknown", "NothingRequired"), (report["verdict"], report["reason"]))
        self.assertEqual(2, self.number("first"))
        self.assertIn("NothingRequired", self.facts("first")["StatusText"])

    def test_it_runs_in_its_slice_without_any_capability(self):
        self.assertEqual("nodeproof.slice", self.facts("first")["Slice"])
        process = dict(line.split(":\t") for line in self.out["process"].splitlines())
        self.assertEqual({"CapEff": 0, "CapBnd": 0, "CapPrm": 0}, {k: int(v, 16) for k, v in process.items() if k.startswith("Cap")})
        self.assertEqual(("1", "2"), (process["NoNewPrivs"], process["Seccomp"]))

    def test_its_directories_have_the_right_modes(self):
        self.assertEqual(["755 root", "660 root", "700 root"], self.out["modes"].splitlines())

    def test_it_pets_the_watchdog(self):
        self.assertEqual("2s", self.facts("petted")["WatchdogUSec"])
        self.assertEqual(("active", "0"), (self.facts("petted")["ActiveState"], self.facts("petted")["NRestarts"]))
        self.assertEqual(self.facts("first")["MainPID"], self.facts("petted")["MainPID"])

    def test_it_is_restarted_when_it_hangs(self):
        self.assertEqual(("active", "1"), (self.facts("bitten")["ActiveState"], self.facts("bitten")["NRestarts"]))
        self.assertNotEqual(self.facts("first")["MainPID"], self.facts("bitten")["MainPID"])

    def test_the_ready_flag_does_not_outlive_a_crash(self):
        self.assertNotIn("ready", self.out["bitten.flag"].split())

    def test_it_reloads_in_place(self):
        self.assertEqual(0, self.number("reload"))
        self.assertEqual(("active", self.facts("first")["MainPID"]), (self.facts("reloaded")["ActiveState"], self.facts("reloaded")["MainPID"]))

    def test_it_stops_cleanly(self):
        self.assertEqual((0, 0), (self.number("restart"), self.number("stop")))
        stopped = self.facts("stopped")
        self.assertEqual(("inactive", "success", "0"), (stopped["ActiveState"], stopped["Result"], stopped["ExecMainStatus"]))
        self.assertIn("No such file", self.out["left"])

    def test_units_can_wait_for_readiness(self):
        self.assertEqual("inactive", self.out["target.before"].strip())
        self.assertEqual("active", self.out["target.after"].strip())

    def test_a_broken_configuration_stops_nothing_and_is_told(self):
        self.assertEqual("active", self.facts("misconfigured")["ActiveState"])
        report = json.loads(self.out["misconfigured.json"])
        told = [finding for finding in report["findings"] if finding["code"] == "ConfigInvalid"]
        self.assertEqual(1, len(told), report["findings"])
        self.assertIn("/etc/nodeproof/nodeproof.json", told[0]["message"])
        self.assertIn("imagse", told[0]["message"])

    def test_its_log_lines_have_priorities(self):
        lines = [json.loads(line) for line in self.out["journal"].splitlines()]
        ours = [line for line in lines if line.get("_COMM") == "nodeproof"]
        errors = [line["MESSAGE"] for line in ours if line["PRIORITY"] == "3"]
        self.assertTrue(any("imagse" in message for message in errors), ours)
        for line in ours:
            self.assertNotRegex(line["MESSAGE"], "^<[0-9]>")


if __name__ == "__main__":
    testing.main()
