"""Signed reports: what another tool, cosign, makes of them, and what it refuses."""

import base64
import json
import os
import subprocess
from pathlib import Path

from rig import catalogue, packages, processes, testing
from rig.containerd import Containerd
from rig.program import Nodeproof
from rig.registry import Registry

HOST = packages.host_architecture()
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
NODE = "https://nodeproof.dev/node/v1"
# Debian's: the last of the second series, and the third, which takes key and signature otherwise.
SUITES = {"2": "trixie", "3": "forky"}


def cosign(series: str) -> Path:
    suite = SUITES[series]
    return packages.unpacked(f"cosign-{suite}", packages.debs(suite, HOST, ["cosign"], "cosign_")) / "usr/bin/cosign"


class Signing(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.containerd = cls.keep(Containerd, os.environ.get("NODEPROOF_CONTAINERD", "1.6"))
        cls.nodeproof = cls.keep(Nodeproof)
        cls.references = catalogue.publish(cls.registry, HOST, ["good", "wrong-arch"])
        cls.folder = cls.nodeproof.folder
        cls.key, cls.public = cls.make_key("first")
        cls.report_file = cls.folder / "report.json"
        config = catalogue.config(cls.containerd, cls.references)
        config["report"] = {"file": str(cls.report_file), "signing": {"key": str(cls.folder / "signing.pem")}}
        config["node"] = {"name": "pi-17"}
        cls.use(cls.key)
        cls.config = cls.nodeproof.write_config(config)
        log = cls._stack.enter_context(open(cls.folder / "log", "w", encoding="utf-8"))
        cls.daemon = subprocess.Popen(cls.nodeproof.command("daemon", "-c", cls.config), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        cls._stack.callback(processes.stop, cls.daemon)
        processes.wait_until(lambda: len(cls.attestations()) == 2, "the signed report", cls.daemon, 120)

    @classmethod
    def make_key(cls, name: str) -> tuple[Path, Path]:
        key, public = cls.folder / f"{name}.pem", cls.folder / f"{name}.pub"
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key], check=True, capture_output=True)
        subprocess.run(["openssl", "ec", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
        return key, public

    @classmethod
    def use(cls, key: Path) -> None:
        place = cls.folder / "signing.pem"
        place.touch(mode=0o600)
        place.write_bytes(key.read_bytes())

    @classmethod
    def attestations(cls) -> list[dict]:
        return json.loads(cls.report_file.read_text()).get("attestations", []) if cls.report_file.exists() else []

    @staticmethod
    def statement(envelope: dict) -> dict:
        return json.loads(base64.b64decode(envelope["payload"]))

    def of(self, name: str) -> dict:
        return next(e for e in self.attestations() if self.statement(e)["subject"][0]["name"] == self.references[name])

    def manifest(self, name: str) -> bytes:
        report = json.loads(self.report_file.read_text())
        digest = next(i["manifestDigest"] for i in report["images"] if i["reference"] == self.references[name])
        return self.registry.blob(digest).read_bytes()

    def verify(self, series: str, envelope: dict, blob: bytes, public: Path | None = None, kind: str = TEST_RESULT) -> int:
        folder = processes.scratch_folder("nodeproof-cosign-", str(self.folder))
        (folder / "envelope.json").write_text(json.dumps(envelope))
        (folder / "blob").write_bytes(blob)
        bundle = {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
                  "verificationMaterial": {"publicKey": {"hint": ""}, "tlogEntries": []}, "dsseEnvelope": envelope}
        (folder / "bundle.json").write_text(json.dumps(bundle))
        given = {"2": ["--signature", folder / "envelope.json"], "3": ["--bundle", folder / "bundle.json"]}[series]
        done = subprocess.run([cosign(series), "verify-blob-attestation", "--key", public or self.public, "--insecure-ignore-tlog",
                               *given, "--type", kind, folder / "blob"], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "HOME": str(folder), "https_proxy": "http://127.0.0.1:1"}, cwd=folder)
        self.output = done.stdout + done.stderr
        return done.returncode

    def test_stock_cosign_takes_what_this_node_has_proven_and_nothing_else(self):
        for series in SUITES:
            with self.subTest(cosign=series):
                try:
                    cosign(series)
                except packages.Unavailable as error:
                    self.skipTest(str(error))
                good, blob = self.of("good"), self.manifest("good")
                self.assertEqual(0, self.verify(series, good, blob), self.output)
                self.assertNotEqual(0, self.verify(series, good, blob + b" "), "another artifact")
                self.assertNotEqual(0, self.verify(series, good, blob, kind="https://slsa.dev/provenance/v1"), "another type")
                self.assertNotEqual(0, self.verify(series, good, blob, self.make_key("other")[1]), "another key")
                payload = json.loads(base64.b64decode(good["payload"]))
                payload["predicate"]["result"] = "FAILED"
                tampered = dict(good, payload=base64.b64encode(json.dumps(payload).encode()).decode())
                self.assertNotEqual(0, self.verify(series, tampered, blob), "tampered")

    def test_a_statement_says_who_found_what_and_when(self):
        good, wrong = self.statement(self.of("good")), self.statement(self.of("wrong-arch"))
        report = json.loads(self.report_file.read_text())
        self.assertEqual(("PASSED", "FAILED"), (good["predicate"]["result"], wrong["predicate"]["result"]))
        self.assertIn("ArchMismatch", wrong["predicate"]["failedTests"])
        node = good["predicate"][NODE]
        self.assertEqual(("pi-17", report["bootId"], report["sequence"], "ready"),
                         (node["node"], node["bootId"], node["sequence"], node["verdict"]))
        image = next(i for i in report["images"] if i["reference"] == self.references["good"])
        digests = {"sha256:" + subject["digest"]["sha256"] for subject in good["subject"]}
        self.assertEqual({d for d in (image["manifestDigest"], image["indexDigest"]) if d}, digests)

    def test_a_fleet_believes_what_its_nodes_have_signed_and_nothing_else(self):
        def fleet(content: str, key: Path) -> dict:
            folder = processes.scratch_folder("nodeproof-fleet-", str(self.folder))
            (folder / "pi-17.json").write_text(content)
            return json.loads(self.nodeproof("fleet", "--key", key, folder, "-o", "json").stdout)

        def not_signed(found: dict) -> list[str]:
            return sorted(g["image"] for g in found["groups"] if g["code"] == "ReportNotSigned")

        text = self.report_file.read_text()
        both = sorted(self.references.values())
        self.assertEqual([], not_signed(fleet(text, self.public)))
        self.assertEqual(1, fleet(text, self.public)["nodes"]["notReady"])
        self.assertEqual(both, not_signed(fleet(text, self.make_key("nobody")[1])))
        changed = json.loads(text)
        changed["sequence"] += 1
        self.assertEqual(both, not_signed(fleet(json.dumps(changed), self.public)), "a replay")
        changed = json.loads(text)
        changed["images"] = [dict(image, verdict="ready", findings=[]) for image in changed["images"]]
        self.assertEqual([self.references["wrong-arch"]], not_signed(fleet(json.dumps(changed), self.public)), "a lie")

    def test_a_key_that_others_may_read_signs_nothing(self):
        (self.folder / "signing.pem").chmod(0o644)
        self.addCleanup(self.daemon.send_signal, 1)
        self.addCleanup((self.folder / "signing.pem").chmod, 0o600)
        self.daemon.send_signal(1)
        processes.wait_until(lambda: "others than its owner may read" in (self.folder / "log").read_text(), "the refusal", self.daemon, 60)

    def test_the_key_is_rotated_without_a_restart(self):
        before = self.of("good")
        key, public = self.make_key("second")
        self.use(key)
        self.addCleanup(self.use, self.key)
        self.daemon.send_signal(1)
        processes.wait_until(lambda: self.of("good") != before, "the report with the new key", self.daemon, 60)
        self.assertEqual(0, self.verify("2", self.of("good"), self.manifest("good"), public), self.output)
        self.assertNotEqual(0, self.verify("2", self.of("good"), self.manifest("good")), "the key before")


if __name__ == "__main__":
    testing.main()
