"""containerd itself as the oracle, one version per run: what `nodeproof resolve` says this host's containerd takes from an
index is what `ctr images pull` (a local pull) and CRI's PullImage (a kubelet's) then take."""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from rig import images, layers, packages, testing
from rig.containerd import Containerd
from rig.program import Nodeproof
from rig.registry import Registry

VERSION = os.environ.get("NODEPROOF_CONTAINERD", "1.6")
DRIVER = Path(os.environ["NODEPROOF_BUILD"]) / "containerd_driver"
HOST = packages.host_architecture()
LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
LAYER = layers.from_files(layers.File("data", b"choice"))
NOTHING = ""
ATTESTATION = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": "sha256:" + "0" * 64}


@dataclass(frozen=True)
class Entry:
    """One line of an index: "os/architecture/variant", "" for none; `inside` makes it a nested index."""

    platform: str
    config: str = ""  # the config's platform where it is not the entry's
    inside: tuple["Entry", ...] = ()
    annotations: dict = field(default_factory=dict, hash=False)


def entries(*platforms: str) -> tuple[Entry, ...]:
    return tuple(Entry(p) for p in platforms)


@dataclass(frozen=True)
class Case:
    name: str
    entries: tuple[Entry, ...]
    media_type: str = images.INDEX


FOREIGN = {"amd64": "arm64", "arm64": "amd64"}[HOST]
OWN = f"linux/{HOST}"
CASES = [
    Case("own-alone", entries(OWN)),
    Case("own-last", entries("linux/s390x", f"linux/{FOREIGN}", OWN)),
    Case("foreign-alone", entries(f"linux/{FOREIGN}")),
    Case("arm64-alone", entries("linux/arm64")),
    Case("arm64-and-arm", entries("linux/arm64", "linux/arm/v7")),
    Case("arm-alone", entries("linux/arm/v6", "linux/arm/v7")),
    Case("levels", entries("linux/amd64/v3", "linux/amd64/v2", "linux/amd64/v1")),
    Case("levels-and-plain", entries("linux/amd64/v3", "linux/amd64")),
    Case("high-levels-alone", entries("linux/amd64/v3", "linux/amd64/v2")),
    Case("386-alone", entries("linux/386")),
    Case("386-first", entries("linux/386", "linux/amd64")),
    Case("duplicates", entries(OWN, OWN)),
    Case("duplicates-by-alias", entries("linux/x86_64", "linux/amd64", "linux/aarch64", "linux/arm64/v8")),
    Case("capitals", entries(f"Linux/{HOST.upper()}")),
    Case("windows-first", entries(f"windows/{HOST}", OWN)),
    Case("unknown-first", entries("unknown/unknown", OWN)),
    Case("attestation-first", (Entry("unknown/unknown", annotations=ATTESTATION), Entry(OWN))),
    Case("attestations-alone", (Entry("unknown/unknown", annotations=ATTESTATION),)),
    Case("no-platform", (Entry("", config=OWN), Entry("linux/s390x"))),
    Case("no-platform-twice", (Entry("", config=OWN), Entry("", config=OWN))),
    Case("no-platform-first", (Entry("", config=OWN), Entry(OWN))),
    Case("no-platform-foreign", (Entry("", config="linux/s390x"), Entry("linux/ppc64le"))),
    Case("no-platform-attested", (Entry("", config=OWN), Entry("unknown/unknown", annotations=ATTESTATION))),
    Case("no-platform-nested-beside", (Entry("linux/s390x"), Entry("", inside=entries(OWN)))),
    Case("nested", (Entry("linux/s390x"), Entry(OWN, inside=entries("linux/s390x", OWN)))),
    Case("nested-no-platform", (Entry("", inside=entries(f"linux/{FOREIGN}", OWN)),)),
    Case("docker-list", entries(f"linux/{FOREIGN}", OWN), LIST),
]


def platform_of(text: str) -> dict:
    parts = dict(zip(("os", "architecture", "variant"), text.split("/")))
    return {key: value for key, value in parts.items() if value}


class Publisher:
    """Pushes a case and remembers which config each of its manifests has."""

    def __init__(self, registry: Registry):
        self.registry = registry
        self.client = images.Client(registry.url)
        self.config_of: dict[str, str] = {}

    def publish(self, case: Case) -> str:
        top = self._index(case.name, "0", case.entries, case.media_type)
        self.client.push(case.name, "1", images.Image(top, []))
        return f"{self.registry.name}/{case.name}:1"

    def publish_single(self, name: str, platform: str) -> str:
        self.client.push(name, "1", images.single(self._variant(name, Entry(platform))))
        return f"{self.registry.name}/{name}:1"

    def _index(self, name: str, place: str, lines: tuple[Entry, ...], media_type: str) -> images.Document:
        described = []
        for number, line in enumerate(lines):
            here = f"{place}.{number}"
            found = self._index(name, here, line.inside, images.INDEX) if line.inside else self._image(name, here, line)
            more = {"platform": platform_of(line.platform)} if line.platform else {}
            described.append(found.descriptor(**more, **({"annotations": line.annotations} if line.annotations else {})))
        top = images.document(media_type, {"schemaVersion": 2, "mediaType": media_type, "manifests": described})
        self.client.push(name, top.digest, images.Image(top, []))
        return top

    def _image(self, name: str, place: str, line: Entry) -> images.Document:
        made = self._variant(f"{name} {place}", line)
        self.client.push(name, made.manifest.digest, images.single(made))
        return made.manifest

    def _variant(self, mark: str, line: Entry) -> images.Variant:
        """The mark makes each image another one: duplicates can be told apart."""
        config = images.document(images.CONFIG, {
            **platform_of(line.config or line.platform), "config": {"Env": [f"MARK={mark}"]},
            "rootfs": {"type": "layers", "diff_ids": [LAYER.diff_id]},
        })
        manifest = images.document(images.MANIFEST, {
            "schemaVersion": 2, "mediaType": images.MANIFEST, "config": config.descriptor(), "layers": [LAYER.descriptor()],
        })
        self.config_of[manifest.digest] = config.digest
        return images.Variant({}, manifest, config, (LAYER,))


class Oracle(testing.RigTest):
    """The cases against one containerd; what it takes is told by its config's digest."""

    LOCAL = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.containerd = cls.keep(Containerd, VERSION, local_pull=cls.LOCAL)
        cls.publisher = Publisher(cls.registry)

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())
        self.addCleanup(self.forget)

    def forget(self) -> None:
        if names := list(self.containerd.images()):
            self.containerd.ctr("images", "rm", "--sync", *names)

    def warned(self, reference: str) -> bool:
        """Does resolve say that a kubelet's pull fails once it has chosen?"""
        done = self.nodeproof("resolve", "--address", self.containerd.socket, "--namespace", "k8s.io", "-o", "json", reference)
        return any("did not fetch" in each["message"] for each in done.report["findings"])

    def said(self, reference: str, namespace: str, strict: bool) -> str:
        """What resolve says is taken, or what it says that an exact pull takes instead."""
        done = self.nodeproof("resolve", "--address", self.containerd.socket, "--namespace", namespace, "-o", "json", reference)
        self.assertIn(done.code, (0, 1), done.stderr)
        self.assertEqual(done.code == 0, "manifestDigest" in done.report, done.stdout + done.stderr)
        answer = done.report.get("manifestDigest")
        for other in done.report["others"]:
            if strict and "OnlyStrict" in other["who"]:
                answer = other.get("digest")
        return self.publisher.config_of.get(answer, NOTHING)

    def taken_by_ctr(self, reference: str) -> str:
        local = ["--local"] if VERSION == "2" else []  # ctr 2 asks the transfer service unless told otherwise
        done = self.containerd.run_ctr("images", "pull", *local, "--plain-http", reference)
        # ctr may fetch more than it takes; what it unpacked has its snapshot's name on the config.
        blobs = [line.split() for line in self.containerd.ctr("content", "ls").splitlines() if "gc.ref.snapshot." in line]
        unpacked = {blob[0] for blob in blobs} & set(self.publisher.config_of.values())
        self.forget()
        self.assertLessEqual(len(unpacked), 1, unpacked)
        return unpacked.pop() if done.returncode == 0 and unpacked else NOTHING

    def pulled_by_kubelet(self, reference: str) -> dict:
        done = subprocess.run([DRIVER, self.containerd.socket, "cri-pull", reference], capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        self.forget()
        return json.loads(done.stdout)

    def taken_by_kubelet(self, reference: str) -> str:
        answer = self.pulled_by_kubelet(reference)
        # CRI chooses an entry without a platform, and then cannot tell the image's size, for it asks for the entries that
        # it did not fetch: the pull fails, but names its choice.
        chosen = re.search(r'failed to update image store "(sha256:[0-9a-f]{64})"', answer.get("message", ""))
        return chosen[1] if chosen else answer.get("id", NOTHING)

    def compare(self, taken, namespace: str, strict: bool) -> None:
        takes = 0
        for case in CASES:
            with self.subTest(case.name):
                reference = self.publisher.publish(case)
                oracle = taken(reference)
                takes += oracle != NOTHING
                self.assertEqual(oracle, self.said(reference, namespace, strict))
        self.assertGreaterEqual(takes, 12, "containerd refused nearly everything: the comparison says nothing")


class AsItComes(Oracle):
    def test_a_kubelets_pull_takes_what_resolve_says(self):
        self.compare(self.taken_by_kubelet, "k8s.io", strict=VERSION == "2")

    def test_ctr_takes_what_resolve_says_of_an_exact_pull(self):
        self.compare(self.taken_by_ctr, "k8s.io", strict=True)

    def test_resolve_warns_where_and_only_where_a_kubelets_pull_fails_after_its_choice(self):
        warned = 0
        for case in CASES:
            with self.subTest(case.name):
                reference = self.publisher.publish(case)
                answer = self.pulled_by_kubelet(reference)
                fails = "failed to update image store" in answer.get("message", "")
                warned += fails
                self.assertEqual(fails, self.warned(reference), answer)
        self.assertGreaterEqual(warned, 3)

    def test_a_single_manifest_is_taken_without_a_choice(self):
        for platform in (OWN, f"linux/{FOREIGN}"):
            with self.subTest(platform):
                reference = self.publisher.publish_single(f"single-{platform.split('/')[1]}", platform)
                self.assertEqual(self.taken_by_ctr(reference), self.said(reference, "k8s.io", strict=False))


if VERSION == "2":  # before, every pull of CRI is a local one

    class ToldToPullLocally(Oracle):
        LOCAL = True

        def test_a_kubelets_pull_takes_what_resolve_says_of_a_local_one(self):
            self.compare(self.taken_by_kubelet, "default", strict=False)


if __name__ == "__main__":
    testing.main()
