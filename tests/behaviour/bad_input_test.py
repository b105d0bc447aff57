"""Whatever a registry, a config file or the host does wrong: a clear error, its exit code, and a report that is
complete for the other images."""

import os
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from rig import catalogue, faulty, images, layers, packages, processes, programs, testing
from rig.containerd import Containerd
from rig.faulty import FaultyRegistry
from rig.layers import File
from rig.program import Nodeproof, codes
from rig.registry import Registry

HOST = packages.host_architecture()


def small_image(name: str) -> images.Image:
    """Its own layers, so that no other test has brought them already."""
    filler = File("usr/share/" + name, os.urandom(1 << 16), 0o644)
    return images.index(*(
        images.variant(a, [layers.from_files(File("app", programs.good(a)), filler)], {"Entrypoint": ["/app"]})
        for a in packages.ARCHITECTURES
    ))


class BadRegistry(testing.RigTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.containerd = cls.keep(Containerd)
        cls.registry = cls.keep(Registry)
        cls.faulty = cls.keep(FaultyRegistry)
        cls.good = catalogue.publish(cls.registry, HOST, ["good-static"])

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())

    def check(self, *references: str, **more):
        """The bad ones between two good ones; returns the outcome and the bad ones' entries."""
        entries = [{"reference": reference, "smoke": []} for reference in references]
        config = catalogue.config(self.containerd, self.good, **more)
        other = self.faulty.serve("whole", small_image("whole"))
        config["images"] += [*entries, {"reference": other, "smoke": [catalogue.test("starts", "/app")]}]
        outcome = self.nodeproof.check(config)
        self.assertEqual("ready", outcome.image(self.good["good-static"])["verdict"], outcome.stderr)
        self.assertEqual("ready", outcome.image(other)["verdict"], outcome.image(other))
        return outcome, [outcome.image(reference) for reference in references]

    def assert_says(self, image: dict, code: str, *words: str) -> None:
        self.assertEqual([code], codes(image, "fail", "unknown"), image["findings"])
        finding = next(f for f in image["findings"] if f["code"] == code)
        text = " ".join(str(value) for value in finding.values())
        for word in words:  # a digest may be shortened
            self.assertIn(word[:19] if word.startswith("sha256:") else word, text)

    def one(self, fault: str, image=None) -> tuple:
        image = image or small_image(fault)
        outcome, [entry] = self.check(self.faulty.serve(fault, image, fault))
        self.assertEqual({}, {name: target for name, target in self.containerd.images().items() if fault in name})
        return outcome, entry, image.variant(HOST)

    def test_a_registry_nobody_runs(self):
        port = processes.free_port()
        outcome, [entry] = self.check(f"127.0.0.1:{port}/app:1")
        self.assert_says(entry, "RegistryUnreachable", f"127.0.0.1:{port}")
        self.assertEqual(("unknown", 2), (entry["verdict"], outcome.code))

    def test_a_name_that_does_not_resolve(self):
        outcome, [entry] = self.check("registry.invalid/app:1")
        self.assert_says(entry, "RegistryUnreachable", "registry.invalid")
        self.assertEqual(("unknown", 2), (entry["verdict"], outcome.code))

    def test_an_image_that_is_not_there(self):
        outcome, [tag, name] = self.check(f"{self.registry.name}/good-static:9", f"{self.registry.name}/absent:1")
        for entry in (tag, name):
            self.assert_says(entry, "ImageNotFound")
            self.assertEqual("not-ready", entry["verdict"])
        self.assertEqual(1, outcome.code)

    def test_a_login_page_instead_of_json(self):
        outcome, entry, _ = self.one("html")
        self.assert_says(entry, "NotARegistry", "html")
        self.assertEqual(("unknown", 2), (entry["verdict"], outcome.code))

    def test_a_server_error(self):
        outcome, entry, _ = self.one("error")
        self.assert_says(entry, "RegistryError", "500")
        self.assertEqual(("unknown", 2), (entry["verdict"], outcome.code))

    def test_a_rate_limit(self):
        outcome, entry, _ = self.one("throttled")
        self.assert_says(entry, "RegistryThrottled")
        self.assertEqual(("unknown", 2), (entry["verdict"], outcome.code))

    def test_a_manifest_of_another_digest(self):
        outcome, entry, variant = self.one("wrong-digest")
        self.assert_says(entry, "ContentCorrupt", variant.manifest.digest)
        self.assertEqual(("not-ready", 1), (entry["verdict"], outcome.code))

    def test_a_config_of_another_digest(self):
        outcome, entry, variant = self.one("wrong-config")
        self.assert_says(entry, "ContentCorrupt", variant.config.digest)
        self.assertEqual(("not-ready", 1), (entry["verdict"], outcome.code))

    def test_a_layer_of_another_digest(self):
        outcome, entry, variant = self.one("wrong-layer")
        self.assert_says(entry, "ContentCorrupt", variant.layers[0].digest)
        self.assertEqual(("not-ready", 1), (entry["verdict"], outcome.code))
        self.assertEqual([], self.containerd.ingests(), "bad bytes would be committed by the next pull")

    def test_a_layer_that_breaks_off(self):
        outcome, entry, variant = self.one("truncated-layer")
        self.assert_says(entry, "RegistryError", variant.layers[0].digest)
        self.assertEqual(("unknown", 2), (entry["verdict"], outcome.code))

    def test_a_layer_shorter_than_its_size(self):
        outcome, entry, variant = self.one("short-layer")
        self.assert_says(entry, "ContentCorrupt", variant.layers[0].digest)
        self.assertEqual(("not-ready", 1), (entry["verdict"], outcome.code))

    def test_a_layer_that_is_no_tar(self):
        image = faulty.corrupt_tar(HOST)
        outcome, [entry] = self.check(self.faulty.serve("no-tar", image))
        self.assert_says(entry, "LayerCorrupt", image.variants[0].layers[0].digest)
        self.assertEqual(("not-ready", 1), (entry["verdict"], outcome.code))

    def test_an_oversized_manifest(self):
        outcome, entry, _ = self.one("oversized-manifest")
        self.assert_says(entry, "IndexDamaged")
        self.assertEqual(("not-ready", 1), (entry["verdict"], outcome.code))

    def test_an_index_whose_manifest_is_gone(self):
        image = small_image("holed")
        client = images.Client(self.registry.url)
        client.push("holed", "1", image)
        client.delete("holed", image.variant(HOST).manifest.digest)
        outcome, [entry] = self.check(f"{self.registry.name}/holed:1")
        self.assert_says(entry, "IndexDamaged", image.variant(HOST).manifest.digest)
        self.assertEqual(("not-ready", 1), (entry["verdict"], outcome.code))

    def test_a_reference_that_is_none(self):
        outcome, [entry] = self.check("Not A Reference")
        self.assert_says(entry, "InvalidReference")
        self.assertEqual(("not-ready", 1), (entry["verdict"], outcome.code))

    def test_plain_http_is_not_spoken_unasked(self):
        name = f"localtest.invalid:{self.registry.port}"
        _, [entry] = self.check(f"{name}/good-static:1")
        self.assertEqual("unknown", entry["verdict"])


class Trust(testing.RigTest):
    """HTTPS with an authority of one's own, and credentials."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.containerd = cls.keep(Containerd)

    def check(self, registry: Registry, settings: dict):
        credentials = ("ci", "correct horse") if registry.auth else None
        references = catalogue.publish(registry, HOST, ["good-static"], credentials=credentials)
        config = catalogue.config(self.containerd, references, registries={registry.name: settings})
        nodeproof = self.enterContext(Nodeproof())
        outcome = nodeproof.check(config)
        self.assertNotIn("correct horse", outcome.stdout + outcome.stderr)
        self.assertNotIn("wrong horse", outcome.stdout + outcome.stderr)
        return outcome, outcome.image(references["good-static"])

    def password(self, text: str) -> str:
        path = Path(self.enterContext(tempfile.TemporaryDirectory())) / "password"
        path.write_text(text + "\n", encoding="utf-8")
        path.chmod(0o600)
        return str(path)

    def test_https_is_trusted_with_its_own_authority_and_with_no_other(self):
        with Registry(tls=True) as registry:
            _, entry = self.check(registry, {"ca": str(registry.ca)})
            self.assertEqual("ready", entry["verdict"], entry)
        with Registry(tls=True) as registry, Registry(tls=True) as other:
            outcome, entry = self.check(registry, {"ca": str(other.ca)})
            self.assertEqual((["RegistryUntrusted"], 2), (codes(entry, "fail", "unknown"), outcome.code), entry["findings"])

    def test_credentials(self):
        for auth in ("htpasswd", "token"):
            for password, expected in (("correct horse", []), ("wrong horse", ["RegistryUnauthorized"]), ("", ["RegistryUnauthorized"])):
                with self.subTest(auth=auth, password=password), Registry(auth=auth, tls=True) as registry:
                    settings = {"ca": str(registry.ca)}
                    if password:
                        settings |= {"username": "ci", "password_file": self.password(password)}
                    outcome, entry = self.check(registry, settings)
                    self.assertEqual(expected, codes(entry, "fail", "unknown"), entry["findings"])
                    self.assertEqual(2 if expected else 0, outcome.code)


class BadHost(testing.RigTest):
    """containerd, the user or the config is the trouble: no report, a sentence on stderr."""

    def setUp(self):
        self.nodeproof = self.enterContext(Nodeproof())

    def test_no_containerd(self):
        address = self.nodeproof.folder / "absent.sock"
        done = self.nodeproof.check({"containerd": {"address": str(address)}, "images": []})
        self.assertEqual(69, done.code, done.stderr)
        self.assertIn(str(address), done.stderr)

    def test_a_socket_nobody_listens_on(self):
        address = self.nodeproof.folder / "dead.sock"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(address))
        done = self.nodeproof.check({"containerd": {"address": str(address)}, "images": []})
        self.assertEqual(69, done.code, done.stderr)
        self.assertIn(str(address), done.stderr)

    def test_a_user_who_may_not(self):
        with self._containerd() as containerd:
            path = self.nodeproof.write_config(catalogue.config(containerd, {}))
            for folder in (self.nodeproof.folder, path.parent, containerd.folder):
                folder.chmod(0o755)
            os.chown(self.nodeproof.folder, 65534, 65534)
            with tempfile.TemporaryDirectory() as place:  # the build folder may be closed to others
                os.chmod(place, 0o755)
                self.nodeproof.binary = Path(subprocess.check_output(
                    ["cp", "-v", self.nodeproof.binary, place], text=True).split("'")[3])
                done = self.nodeproof.check(path, user=65534, group=65534, extra_groups=[])
            self.assertEqual(69, done.code, done.stderr)
            self.assertIn(str(containerd.socket), done.stderr)
            self.assertIn("ermission", done.stderr)

    def test_config_errors_name_file_and_place(self):
        bad = {
            '{"imagess": []}': "imagess",
            '{"images": [{"reference": 7}]}': "reference",
            '{"images": [{"reference": "a/b:1", "smok": []}]}': "smok",
            '{"check_every": "soon"}': "check_every",
            '{"images": [': "",
            '{"mode": "observe", "mode": "enforce"}': "mode",
        }
        for text, word in bad.items():
            with self.subTest(text):
                path = self.nodeproof.write_config(text)
                done = self.nodeproof("check", "-c", path)
                self.assertEqual(78, done.code, done.stderr)
                self.assertIn(str(path), done.stderr)
                self.assertIn(word, done.stderr)

    def test_a_config_file_that_is_not_there(self):
        done = self.nodeproof("check", "-c", self.nodeproof.folder / "absent.json")
        self.assertEqual(78, done.code, done.stderr)
        self.assertIn("absent.json", done.stderr)

    def _containerd(self):
        try:
            return Containerd()
        except packages.Unavailable as error:
            raise unittest.SkipTest(str(error)) from error


if __name__ == "__main__":
    testing.main()
