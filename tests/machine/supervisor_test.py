"""The smoke supervisor's own tests on an arm64 kernel, 4K and 16K pages: qemu-user has neither namespaces nor ptrace."""

import os
import re
import unittest
from pathlib import Path

import machine
from rig import packages, testing

FOLDER = Path(os.environ["NODEPROOF_BUILD"]) / "tests/unit/smoke"
TESTS = ("agent_smoke_test", "agent_smoke_supervisor_test")
# The tests know their subject and their fixtures by the paths of the build.
SCRIPT = f"""
mkdir -p {FOLDER} {packages.REPOSITORY}/tests/fixtures/smoke
cp smoke_subject {FOLDER}/
cp spec-arm64.json {packages.REPOSITORY}/tests/fixtures/smoke/
for test in {" ".join(TESTS)}; do ./$test > out/$test.log 2>&1; echo $? > out/$test.status; done
"""


class OnArm64(testing.RigTest):
    def run_on(self, label: str):
        fixture = packages.REPOSITORY / "tests/fixtures/smoke/spec-arm64.json"
        payload = {name: (FOLDER / name).read_bytes() for name in (*TESTS, "smoke_subject")}
        payload |= {"run.sh": SCRIPT.encode(), "spec-arm64.json": fixture.read_bytes()}
        try:
            found = machine.run(label, payload, bare=True)
        except packages.Unavailable as error:
            raise unittest.SkipTest(str(error)) from error
        for test in TESTS:
            log = found.get(f"{test}.log", found["console"][-2000:]).decode(errors="replace")
            self.assertEqual(b"0", found.get(f"{test}.status", b"never run").strip(), log)
            self.assertIn("[  PASSED  ]", log)
            skipped = set(re.findall(r"^\[  SKIPPED \] (\w+\.\w+)", log, re.M))
            self.assertLessEqual(skipped, {"Supervisor.NoticesAnEmulator"})  # binfmt_misc is a module, not loaded here

    def test_4k_pages(self):
        self.run_on("4k")

    def test_16k_pages(self):
        self.run_on("16k")


if __name__ == "__main__":
    testing.main()
