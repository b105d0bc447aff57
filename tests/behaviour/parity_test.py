"""The same image on several nodes: reports compared, and tests beside a signed reference, with a real containerd, a real
registry and openssl as the other verifier."""

import base64
import copy
import json
import os
import re
import stat
import subprocess
import tempfile
from pathlib import Path

from rig import catalogue, images, packages, testing
from rig.containerd import Containerd
from rig.program import Nodeproof
from rig.registry import Registry, openssl

HOST = packages.host_architecture()
OTHER = packages.other_architecture(HOST)
SAYS = {"name": "says", "args": ["/bin/bash", "-c", "echo hello"]}
# Something else at each start: what a machine of another architecture would do.
DRAWS = {"name": "draws", "args": ["/bin/bash", "-c", "echo $RANDOM$RANDOM$RANDOM$RANDOM"]}


def pae(kind: bytes, body: bytes) -> bytes:
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def moved_to(report: dict, name: str, architecture: str = OTHER, page_size: int = 16384) -> dict:
    """The report as a node of another architecture would have made it."""
    other = copy.deepcopy(report)
    other["node"] = name
    other["host"].update(architecture=architecture, pageSize=page_size, board="Raspberry Pi 5")
    return other


class Parity(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.registry = cls.keep(Registry)
        cls.containerd = cls.keep(Containerd, "1.7")
        cls.nodeproof = cls.keep(Nodeproof)
        cls.folder = Path(cls.keep(tempfile.TemporaryDirectory, prefix="nodeproof-parity-"))
        bash = images.index(*(images.variant(each, [catalogue.base(each)], {"Entrypoint": ["/bin/bash"]})
                              for each in (HOST, OTHER)))
        images.Client(cls.registry.url).push("bash", "1", bash)
        cls.image, cls.index = f"{cls.registry.name}/bash:1", bash.top.digest
        cls.key, cls.public = cls.make_key("reference"), cls.folder / "reference.pub"

    @classmethod
    def make_key(cls, name: str) -> Path:
        key, public = cls.folder / f"{name}.key", cls.folder / f"{name}.pub"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        openssl("pkey", "-in", key, "-pubout", "-out", public)
        key.chmod(0o600)
        return key

    @classmethod
    def config(cls, *smoke: dict, **more) -> dict:
        return {"containerd": {"address": str(cls.containerd.socket), "namespace": "k8s.io"},
                "node": {"name": "ref-1"}, "images": [{"reference": cls.image, "smoke": list(smoke), **more}]}

    def check(self, *smoke: dict, **more) -> dict:
        done = self.nodeproof.check(self.config(*smoke, **more), "--again")
        self.assertIn(done.code, (0, 1), done.stderr)
        return done.report

    def write(self, name: str, document: dict) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    def codes(self, report: dict) -> list[tuple[str, str]]:
        return [(f["code"], f["severity"]) for f in report["images"][0]["findings"]
                if f["code"] in ("OutputDiffers", "NoReference", "ReferenceNotTrusted")]


class Compare(Parity):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.report = cls.nodeproof.check(cls.config(SAYS, DRAWS), "--again").report
        cls.again = cls.nodeproof.check(cls.config(SAYS, DRAWS), "--again").report

    def compare(self, *reports: dict, output: str = "json"):
        files = [self.write(f"report-{i}.json", report) for i, report in enumerate(reports)]
        return self.nodeproof("compare", "-o", output, *files)

    def messages(self, done) -> list[str]:
        return [f"{o['subject']}: {o['message']}" for o in done.report["images"][0]["observations"]]

    def test_a_report_says_what_its_tests_do_not_prove(self):
        self.assertEqual(["memory ordering"], self.report["images"][0]["notProven"])
        for result in self.report["images"][0]["smoke"]:
            self.assertRegex(result["normalisedSha256"], "^[0-9a-f]{64}$")
            self.assertRegex(result["testSha256"], "^[0-9a-f]{64}$")

    def test_equal_nodes_do_not_differ(self):
        done = self.compare(self.report, moved_to(self.report, "pi-5"))
        self.assertEqual((0, "same", []), (done.code, done.report["verdict"], self.messages(done)), done.stderr)
        self.assertEqual(["memory ordering"], done.report["notProven"])

    def test_an_output_that_differs_is_named_with_its_architecture(self):
        done = self.compare(self.report, moved_to(self.again, "pi-5"))
        self.assertEqual((1, [f"draws: output differs on {OTHER}"]), (done.code, self.messages(done)))
        table = self.compare(self.report, moved_to(self.again, "pi-5"), output="table")
        self.assertEqual(1, table.code)
        self.assertIn(f"draws: output differs on {OTHER}", table.stdout)
        self.assertIn("1 of 2 tests agree on 2 nodes", table.stdout)
        self.assertIn("not proven: memory ordering", table.stdout)

    def test_the_same_architecture_is_told_apart_by_page_size_or_name(self):
        same = dict(self.again, node="ref-2")
        self.assertEqual(["draws: output differs on ref-2"], self.messages(self.compare(self.report, same)))
        pages = moved_to(self.again, "ref-2", HOST)
        pages["host"]["board"] = self.report["host"]["board"]
        self.assertEqual(["draws: output differs with 16K pages"], self.messages(self.compare(self.report, pages)))

    def test_a_failure_of_one_architecture_is_named(self):
        broken = moved_to(self.report, "pi-5")
        broken["images"][0]["smoke"][0].update(result="failed", exit=-1, signal="SIGILL", reason="LSE atomics")
        third = moved_to(self.report, "pi-4", page_size=4096)
        third["images"][0]["smoke"][0].update(result="failed", exit=-1, signal="SIGILL")
        done = self.compare(self.report, broken, third)
        self.assertEqual((1, [f"says: fails on {OTHER} only"]), (done.code, self.messages(done)))

    def test_what_was_not_run_is_no_agreement(self):
        other = moved_to(self.report, "pi-5")
        other["images"][0]["smoke"][0].update(result="skipped", reason="needs 4 CPUs")
        done = self.compare(self.report, other)
        self.assertEqual(2, done.code)
        self.assertEqual(["says: was skipped on pi-5 (needs 4 CPUs): not compared there"], self.messages(done))

    def test_another_index_is_not_compared(self):
        other = moved_to(self.again, "pi-5")
        other["images"][0]["indexDigest"] = "sha256:" + "0" * 64
        done = self.compare(self.report, other)
        self.assertEqual(2, done.code)
        self.assertIn("not the same image", self.messages(done)[0])

    def test_a_report_comes_from_standard_input_too(self):
        file = self.write("here.json", self.report)
        done = subprocess.run(self.nodeproof.command("compare", file, "-"), capture_output=True, text=True,
                              input=json.dumps(moved_to(self.report, "pi-5")))
        self.assertEqual(0, done.returncode, done.stderr)

    def test_what_is_no_report_is_a_usage_error_that_names_the_file(self):
        good = self.write("good.json", self.report)
        for content in ("", "{", "[]", '{"apiVersion":"nodeproof.dev/v1","kind":"IndexReport"}', "[" * 100000,
                        '{"apiVersion":"nodeproof.dev/v1","kind":"NodeReport","images":[{"smoke":[{"exit":"x"}]}]}'):
            bad = self.folder / "bad.json"
            bad.write_text(content, encoding="utf-8")
            done = self.nodeproof("compare", good, bad)
            self.assertEqual(64, done.code, content[:100])
            self.assertIn("bad.json", done.stderr)
        self.assertEqual(64, self.nodeproof("compare", good).code)
        self.assertEqual(64, self.nodeproof("compare", good, "/nowhere.json").code)
        self.assertEqual(64, self.nodeproof("compare", "-", "-").code)


class Golden(Parity):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.report_file = cls.folder / "report.json"
        done = cls.nodeproof.check(cls.config(SAYS, DRAWS), "--again")
        cls.report_file.write_text(done.stdout, encoding="utf-8")
        cls.golden = cls.folder / "golden.json"
        cls.recorded = cls.record(cls.key, cls.golden)

    @classmethod
    def record(cls, key: Path, file: Path, *more):
        return cls.nodeproof("golden", "record", cls.report_file, "--image", cls.image, "--key", key, "-f", file, *more)

    def beside(self, report, *keys: Path, smoke=(SAYS, DRAWS)) -> dict:
        return self.check(*smoke, golden={"report": str(report), "keys": list(map(str, keys))})

    def test_openssl_verifies_what_was_signed(self):
        self.assertEqual(0, self.recorded.code, self.recorded.stderr)
        envelope = json.loads(self.golden.read_text(encoding="utf-8"))
        payload = base64.b64decode(envelope["payload"])
        signed, signature = self.folder / "signed", self.folder / "signature"
        signature.write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
        signed.write_bytes(pae(envelope["payloadType"].encode(), payload))
        verify = ("dgst", "-sha256", "-verify", self.public, "-signature", signature, signed)
        self.assertEqual(b"Verified OK\n", openssl(*verify))
        signed.write_bytes(pae(envelope["payloadType"].encode(), payload.replace(b"PASSED", b"FAILED")))
        with self.assertRaises(subprocess.CalledProcessError):
            openssl(*verify)
        statement = json.loads(payload)
        self.assertEqual("application/vnd.in-toto+json", envelope["payloadType"])
        self.assertEqual("https://in-toto.io/Statement/v1", statement["_type"])
        self.assertEqual([{"name": self.image, "digest": {"sha256": self.index.split(":")[1]}}], statement["subject"])
        self.assertEqual(["says", "draws"], statement["predicate"]["passedTests"])

    def test_the_key_is_named_as_openssl_would(self):
        der = openssl("pkey", "-pubin", "-in", self.public, "-outform", "DER")
        key_id = openssl("dgst", "-sha256", "-r", data=der).decode().split()[0]
        self.assertIn("sha256:" + key_id, self.recorded.stdout)
        shown = self.nodeproof("golden", "show", self.golden, "--key", self.public)
        self.assertEqual(0, shown.code, shown.stderr)
        self.assertIn("sha256:" + key_id, shown.stdout)

    def test_pkcs8_keys_are_taken_and_encrypted_ones_named(self):
        pkcs8, encrypted = self.folder / "pkcs8.key", self.folder / "encrypted.key"
        openssl("pkcs8", "-topk8", "-nocrypt", "-in", self.key, "-out", pkcs8)
        openssl("pkcs8", "-topk8", "-passout", "pass:x", "-in", self.key, "-out", encrypted)
        for key in (pkcs8, encrypted):
            key.chmod(0o600)
        self.assertEqual(0, self.record(pkcs8, self.folder / "8.json").code)
        done = self.record(encrypted, self.folder / "9.json")
        self.assertEqual(64, done.code)
        self.assertIn("encrypted", done.stderr)

    def test_a_key_that_others_may_read_is_refused(self):
        key = self.make_key("open")
        key.chmod(0o644)
        file = self.folder / "never.json"
        done = self.record(key, file)
        self.assertEqual(64, done.code)
        self.assertIn("chmod 600", done.stderr)
        self.assertFalse(file.exists())
        self.assertNotIn("PRIVATE", done.stderr)

    def test_a_file_that_is_no_reference_is_not_replaced(self):
        before = self.key.read_bytes()
        self.assertEqual(64, self.record(self.key, self.key).code)
        self.assertEqual(before, self.key.read_bytes())
        self.assertEqual(0o600, stat.S_IMODE(self.key.stat().st_mode))

    def test_show_refuses_what_was_changed(self):
        envelope = json.loads(self.golden.read_text(encoding="utf-8"))
        payload = base64.b64decode(envelope["payload"]).replace(b'"exit":0', b'"exit":1')
        envelope["payload"] = base64.b64encode(payload).decode()
        changed = self.write("changed.json", envelope)
        self.assertEqual(1, self.nodeproof("golden", "show", changed, "--key", self.public).code)
        self.make_key("other")
        self.assertEqual(1, self.nodeproof("golden", "show", self.golden, "--key", self.folder / "other.pub").code)

    def test_a_file_is_the_reference(self):
        report = self.beside(self.golden, self.public)
        self.assertEqual("not-ready", report["verdict"])
        self.assertEqual([("OutputDiffers", "fail")], self.codes(report), report["images"][0]["findings"])
        finding = next(f for f in report["images"][0]["findings"] if f["code"] == "OutputDiffers")
        self.assertIn('"draws"', finding["message"])
        self.assertEqual(2, finding["evidence"].count("node ref-1"))
        self.assertEqual(2, finding["evidence"].count(f"linux/{HOST}"))
        agrees = self.beside(self.golden, self.public, smoke=(SAYS,))
        self.assertEqual(("ready", []), (agrees["verdict"], self.codes(agrees)))

    def test_a_missing_or_foreign_one_fails_nothing(self):
        self.make_key("foreign")
        for report, key, expected in (
                (self.folder / "absent.json", self.public, ("NoReference", "info")),
                (self.report_file, self.public, ("NoReference", "warn")),
                (self.golden, self.folder / "foreign.pub", ("ReferenceNotTrusted", "warn")),
                (self.golden, self.folder / "absent.pub", ("ReferenceNotTrusted", "warn"))):
            with self.subTest(report=report, key=key):
                found = self.beside(report, key)
                self.assertEqual(("ready", [expected]), (found["verdict"], self.codes(found)))

    def test_another_test_of_the_name_is_not_compared(self):
        edited = dict(DRAWS, args=["/bin/bash", "-c", "echo 1"])
        found = self.beside(self.golden, self.public, smoke=(SAYS, edited, dict(SAYS, name="new")))
        self.assertEqual(("ready", [("NoReference", "info")] * 2), (found["verdict"], self.codes(found)))

    def test_the_registry_keeps_it_beside_the_image(self):
        """This registry has no referrers API: the tag schema."""
        before = self.beside("registry", self.public)
        self.assertEqual(("ready", [("NoReference", "info")]), (before["verdict"], self.codes(before)))
        config = self.nodeproof.write_config({"registries": {self.registry.name: {"plain_http": True}}})
        for again in (False, True):
            done = self.nodeproof("golden", "push", "-c", config, "-o", "json", self.golden)
            self.assertEqual(0, done.code, done.stderr)
            self.assertEqual((self.index.replace(":", "-"), again), (done.report["tag"], done.report["already"]))
        found = self.beside("registry", self.public)
        self.assertEqual(("not-ready", [("OutputDiffers", "fail")]), (found["verdict"], self.codes(found)))
        agrees = self.beside("registry", self.public, smoke=(SAYS,))
        self.assertEqual(("ready", []), (agrees["verdict"], self.codes(agrees)))
        self.assert_offline_keeps_the_proof()
        self.assert_list_is_as_specified()

    def assert_offline_keeps_the_proof(self):
        config = self.config(SAYS, golden={"report": "registry", "keys": [str(self.public)]})
        self.registry.stop()
        try:
            offline = self.nodeproof.check(config).report
        finally:
            self.registry.start()
        self.assertEqual(("ready", []), (offline["verdict"], self.codes(offline)))

    def assert_list_is_as_specified(self):
        """image-spec 1.1: artifactType and annotations of the artifact are in the list; its subject is the index."""
        import urllib.request

        def get(path: str) -> dict:
            url = f"{self.registry.url}/v2/bash/{path}"
            accept = {"Accept": f"{images.INDEX}, {images.MANIFEST}"}
            with urllib.request.urlopen(urllib.request.Request(url, headers=accept)) as answer:
                return json.load(answer)

        listed = get("manifests/" + self.index.replace(":", "-"))["manifests"]
        self.assertEqual(["application/vnd.in-toto+json"], [entry["artifactType"] for entry in listed])
        artifact = get("manifests/" + listed[0]["digest"])
        self.assertEqual(self.index, artifact["subject"]["digest"])
        self.assertEqual(listed[0]["annotations"], artifact["annotations"])
        self.assertEqual("application/vnd.oci.empty.v1+json", artifact["config"]["mediaType"])

    def test_an_image_that_the_repository_lacks_gets_none(self):
        config = self.nodeproof.write_config({"registries": {self.registry.name: {"plain_http": True}}})
        done = self.nodeproof("golden", "push", "-c", config, self.golden, "--image", f"{self.registry.name}/other:1")
        self.assertEqual(1, done.code, done.stderr)

    def test_a_report_that_is_no_reference_is_refused(self):
        failing = self.write("failing.json", self.check(dict(SAYS, expect={"exit": 3})))
        done = self.nodeproof("golden", "record", failing, "--image", self.image, "--key", self.key,
                              "-f", self.folder / "no.json")
        self.assertEqual(1, done.code)
        self.assertIn('the test says failed', done.stderr)
        absent = self.nodeproof("golden", "record", failing, "--image", "other:1", "--key", self.key,
                                "-f", self.folder / "no.json")
        self.assertEqual(1, absent.code)
        self.assertIn(self.image, absent.stderr)


class Readme(Parity):
    """The commands of the README's section, as they stand."""

    def test_its_commands_do_what_it_says(self):
        text = (packages.REPOSITORY / "README.md").read_text(encoding="utf-8")
        section = text.partition("### The same on every architecture?\n")[2].partition("\n###")[0]
        block = re.search(r"^```sh\n(.*?)^```", section, re.M | re.S).group(1)
        report = json.dumps(self.check(SAYS))
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="nodeproof-readme-")))
        (folder / "ref.json").write_text(report, encoding="utf-8")
        (folder / "pi-5.json").write_text(json.dumps(moved_to(json.loads(report), "pi-5")), encoding="utf-8")
        config = self.nodeproof.write_config(self.config(SAYS))
        ran = []
        for line in block.splitlines():
            command = line.split("  #")[0].strip()
            if command.startswith("nodeproof check"):
                continue  # gave ref.json above
            command = command.replace("registry.lan:5000/shop/app:v2", self.image)
            whole = command.replace("nodeproof ", " ".join(self.nodeproof.command("-c", config)) + " ", 1)
            done = subprocess.run(["sh", "-c", f"umask 077; {whole}"], cwd=folder, capture_output=True, text=True)
            self.assertEqual(0, done.returncode, f"{whole}\n{done.stdout}{done.stderr}")
            ran.append(command)
        self.assertGreaterEqual(len(ran), 5)


if __name__ == "__main__":
    os.umask(0o022)
    testing.main()
