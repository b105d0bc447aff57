"""nodeproof for arm64 inside a whole arm64 machine: the same images, 4K and 16K pages."""

import json
import os
import unittest
from pathlib import Path

import kernel
import machine
from rig import catalogue, packages, program, testing
from rig.registry import Registry

SECONDS = 400
CONFIG = {"address": "/run/containerd/containerd.sock", "namespace": "k8s.io"}
# The guest has no `timeout` on the way in: qemu's own limit ends a run that hangs.
SCRIPT = rb"""
containerd > out/containerd.log 2>&1 &
until [ -S /run/containerd/containerd.sock ] && ctr version > /dev/null 2>&1; do :; done
./nodeproof --version > out/version 2>&1
./nodeproof host -o json > out/host.json 2> out/host.err
./nodeproof check -c nodeproof.json -o json > out/report.json 2> out/check.err
echo $? > out/code
ctr -n k8s.io images ls -q > out/images
ctr -n k8s.io containers ls -q > out/containers
ctr -n k8s.io tasks ls -q > out/tasks
"""


def arm64_binary() -> Path:
    """NODEPROOF_ARM64_BINARY, else that of the build folder the test belongs to."""
    given = os.environ.get("NODEPROOF_ARM64_BINARY")
    default = Path(os.environ.get("NODEPROOF_BUILD", packages.REPOSITORY / "build/arm64-release")) / "nodeproof"
    return Path(given) if given else default


class Arm64Machine:
    """The tests, for each kernel."""

    label = ""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        registry = cls.keep(Registry)
        published = catalogue.publish(registry, "arm64")
        inside = f"{machine.HOST}:{registry.port}"
        cls.references = {name: text.replace(registry.name, inside) for name, text in published.items()}
        config = {
            "containerd": CONFIG,
            "registries": {inside: {"plain_http": True}},
            "pull": {"keep_free": "100MB"},  # all of the machine is in its memory
            "images": [catalogue.requirement(catalogue.case(n), r) for n, r in cls.references.items()],
        }
        payload = {"run.sh": SCRIPT, "nodeproof": arm64_binary().read_bytes(), "nodeproof.json": json.dumps(config).encode()}
        try:
            cls.out = machine.run(cls.label, payload, SECONDS)
        except packages.Unavailable as error:
            raise unittest.SkipTest(str(error)) from error
        if "code" not in cls.out:
            raise AssertionError("the machine brought nothing back:\n" + str({k: v[-2000:] for k, v in cls.out.items()}))
        text = {name: data.decode(errors="replace") for name, data in cls.out.items()}
        cls.outcome = program.Outcome(int(text["code"]), text["report.json"], text["check.err"])

    def test_every_image_gets_exactly_its_verdict_and_findings(self):
        for case in catalogue.CASES:
            with self.subTest(case.name):
                self.assert_case(self.outcome.image(self.references[case.name]), case)
        self.assertEqual(1, self.outcome.code)

    def test_the_host_is_seen_as_it_is(self):
        host = self.outcome.report["host"]
        self.assertEqual("arm64", host["architecture"])
        self.assertEqual(kernel.KERNELS[self.label][2], host["pageSize"])
        self.assertIn("asimd", host["hwcaps"])
        self.assertNotIn("sve", host["hwcaps"])

    def test_only_ready_images_have_records_and_nothing_runs_on(self):
        records = self.out["images"].decode().split()
        named = {name for name, reference in self.references.items() if reference in records}
        self.assertEqual({case.name for case in catalogue.CASES if case.verdict == "ready"}, named)
        self.assertEqual((b"", b""), (self.out["containers"], self.out["tasks"]))


class Pages4K(Arm64Machine, testing.RigTest):
    label = "4k"


class Pages16K(Arm64Machine, testing.RigTest):
    label = "16k"


if __name__ == "__main__":
    testing.main()
