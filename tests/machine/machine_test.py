"""nodeproof for arm64 inside a whole arm64 machine: the same images, 4K and 16K pages."""

import json
import os
import unittest
from pathlib import Path

import kernel
import machine
from rig import catalogue, images, layers, packages, program, programs, testing
from rig.layers import File
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
        registry = cls.keep(Registry)
        published = catalogue.publish(registry, "arm64")
        inside = f"{machine.HOST}:{registry.port}"
        cls.references = {name: text.replace(registry.name, inside) for name, text in published.items()}
        config = {
            "containerd": CONFIG,
            "registries": {inside: {"plain_http": True}},
            "pull": {"keep_free": "100MB"},  # all of the machine is in its memory
            "images": [catalogue.requirement(catalogue.case(n), r) for n, r in cls.references.items()]
                      + cls.causes(registry, inside),
        }
        cls.inside = inside
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


class Pages4K(Arm64Machine, testing.RigTest):
    label = "4k"
    fails = {**ENDS, **LSE}


class Pages16K(Arm64Machine, testing.RigTest):
    label = "16k"
    fails = {**ENDS, **JEMALLOC}
    small_pages = "not-ready"


if __name__ == "__main__":
    testing.main()
