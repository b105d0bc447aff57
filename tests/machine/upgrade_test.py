"""The package under a booted systemd: installed as an older version, upgraded, with what the operator had changed."""

import json
import os
import unittest
from pathlib import Path

import booted
import installed
from rig import packages, testing

BINARY = Path(os.environ.get("NODEPROOF_BINARY") or Path(os.environ.get("NODEPROOF_BUILD", "")) / "nodeproof")
SCRIPT = r"""
cd /etc/systemd/system || exit 9
status() { nodeproof status -o json > "/out/$1.json" 2> "/out/$1.err"; }
# What a check has found; a restart shows it again at once.
settled() { for i in $(seq 200); do status "$1"; grep -q NothingRequired "/out/$1.json" && return 0; sleep 0.05; done; }
facts() { systemctl show nodeproof.service -p ActiveState,NRestarts,MainPID,UnitFileState,FragmentPath,Result > "/out/$1.show"; }
dpkg -i previous.deb > /out/install.log 2>&1; echo $? > /out/install.code
[ "$(cat /out/install.code)" = 0 ] || exit 1
settled before; facts before
echo '{ "mode": "observe", "check_every": "30m" } // mine' > /etc/nodeproof/nodeproof.json
systemctl reload nodeproof.service
for i in $(seq 200); do settled reloaded; grep -q "$(nodeproof config check | sed -n 's/.*, digest //p')" /out/reloaded.json && break; done
mkdir -p nodeproof.service.d
printf '[Service]\nExecStartPre=+/bin/sh -c "ls /run/nodeproof > /out/between"\n' > nodeproof.service.d/look.conf
dpkg -i nodeproof.deb > /out/upgrade.log 2>&1; echo $? > /out/upgrade.code
status after; facts after; cp /etc/nodeproof/nodeproof.json /out/kept.json
dpkg-query -W nodeproof > /out/version
systemctl disable --now nodeproof.service 2> /out/disable.log
dpkg -i nodeproof.deb > /out/again.log 2>&1; facts disabled
"""


@unittest.skipUnless(installed.has_package(packages.host_architecture(), BINARY), "no package is made of this build")
class Upgrade(booted.BootedTest):
    SCRIPT, LAST = SCRIPT, "disabled.show"

    @classmethod
    def files(cls) -> dict[str, bytes]:
        payload = installed.payload(packages.host_architecture(), BINARY)
        return {name: data for name, data in payload.items() if name.endswith(".deb")}

    def report(self, when: str) -> dict:
        return json.loads(self.out[when + ".json"])

    def test_both_versions_install(self):
        self.assertEqual("0", self.out["install.code"].strip(), self.out["install.log"])
        self.assertEqual("0", self.out["upgrade.code"].strip(), self.out["upgrade.log"])
        self.assertNotIn("0.0.1", self.out["version"])

    def test_an_upgrade_restarts_the_service_once(self):
        before, after = self.facts("before"), self.facts("after")
        self.assertEqual(("active", "enabled"), (before["ActiveState"], before["UnitFileState"]))
        self.assertEqual(("active", "enabled", "0"), (after["ActiveState"], after["UnitFileState"], after["NRestarts"]))
        self.assertNotEqual(before["MainPID"], after["MainPID"])

    def test_the_verdict_goes_across(self):
        self.assertIn("clean-exit", self.out["between"].split())  # the folder is kept, and with it what the verdict hangs on
        before, after = self.report("reloaded"), self.report("after")
        for key in ("verdict", "reason", "since", "bootId", "configDigest"):
            self.assertEqual(before[key], after[key], key)
        self.assertLessEqual(before["sequence"], after["sequence"])

    def test_the_operators_configuration_is_kept(self):
        self.assertIn("// mine", self.out["kept.json"])

    def test_a_service_that_is_disabled_stays_so(self):
        facts = self.facts("disabled")
        self.assertEqual(("inactive", "disabled"), (facts["ActiveState"], facts["UnitFileState"]), self.out["again.log"])


if __name__ == "__main__":
    testing.main()
